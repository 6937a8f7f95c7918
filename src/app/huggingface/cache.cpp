#include "app/huggingface/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "app/huggingface/limits.h"
#include "base/check.h"
#include "base/strings.h"

namespace sluice::app::huggingface {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kSha1Digits = 40;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

std::unexpected<base::Error> fail_with_errno(const fs::path& path) {
  return fail(ErrorCode::io_failed, "{}: {}", path.string(), std::strerror(errno));
}

Status make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::io_failed, "{}: {}", folder.string(), error.message());
  return {};
}

// A name beside the final one, so that what others see is always whole.
fs::path passing_name(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}", path.filename().string(), ::getpid());
}

Status rename_over(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(from, ignored);
  return fail(ErrorCode::io_failed, "{}: {}", to.string(), error.message());
}

Status place_link(const fs::path& target, const fs::path& link) {
  SLUICE_TRY_VOID(make_folders(link.parent_path()));
  std::error_code error;
  if (fs::read_symlink(link, error) == target && !error) return {};
  const fs::path passing = passing_name(link);
  fs::remove(passing, error);
  error.clear();
  fs::create_symlink(target, passing, error);
  if (error) return fail(ErrorCode::io_failed, "{}: {}", link.string(), error.message());
  return rename_over(passing, link);
}

Status write_all(int descriptor, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno(path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Status write_small_file(const fs::path& path, std::string_view text) {
  SLUICE_TRY_VOID(make_folders(path.parent_path()));
  const fs::path passing = passing_name(path);
  const int descriptor = ::open(passing.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return fail_with_errno(passing);
  const Status written = write_all(descriptor, text, passing);
  ::close(descriptor);
  SLUICE_TRY_VOID(written);
  return rename_over(passing, path);
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

}  // namespace

CachedRepository::CachedRepository(const fs::path& cache, std::string_view repository) : cache_(cache) {
  std::string name = "models";
  for (const std::string_view part : base::split(repository, '/')) (name += "--") += part;
  folder_ = cache / name;
  locks_ = cache / ".locks" / name;
}

fs::path CachedRepository::incomplete(const RemoteFile& file) const {
  return folder_ / "blobs" / (file.hash + ".incomplete");
}

bool CachedRepository::holds(const RemoteFile& file) const {
  std::error_code error;
  return fs::is_regular_file(blob(file), error) && size_of(blob(file)) == file.bytes;
}

std::uint64_t CachedRepository::bytes_held(const RemoteFile& file) const {
  if (holds(file)) return file.bytes;
  const std::uint64_t bytes = size_of(incomplete(file));
  return bytes > file.bytes ? 0 : bytes;
}

Status CachedRepository::prepare(std::uint64_t bytes) const {
  SLUICE_TRY_VOID(make_folders(folder_ / "blobs"));
  SLUICE_TRY_VOID(make_folders(locks_));
  std::error_code error;
  const fs::space_info space = fs::space(cache_, error);
  if (error || bytes == 0) return {};  // the write itself will say
  if (space.available < bytes || space.available - bytes < kSpareDiskBytes)
    return fail(ErrorCode::io_failed,
                "{}: {} free, {} are needed: free some, or name another folder with HF_HUB_CACHE",
                cache_.string(), base::format_bytes(space.available),
                base::format_bytes(bytes + kSpareDiskBytes));
  return {};
}

Status CachedRepository::publish(std::string_view commit, std::string_view revision,
                                 std::span<const RemoteFile> files) const {
  for (const RemoteFile& file : files) {
    fs::path target = fs::path("..") / "..";
    for (const char c : file.path)
      if (c == '/') target /= "..";
    SLUICE_TRY_VOID(place_link(target / "blobs" / file.hash, snapshot(commit) / file.path));
  }
  if (revision == commit) return {};
  return write_small_file(folder_ / "refs" / revision, commit);
}

BlobWriter::BlobWriter(const CachedRepository& repository, const RemoteFile& file)
    : incomplete_(repository.incomplete(file)),
      blob_(repository.blob(file)),
      file_(file),
      digest_(EVP_MD_CTX_new()) {
  begin_digest();
}

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : incomplete_(std::move(other.incomplete_)),
      blob_(std::move(other.blob_)),
      file_(std::move(other.file_)),
      digest_(std::move(other.digest_)),
      written_(other.written_),
      file_descriptor_(std::exchange(other.file_descriptor_, -1)),
      lock_descriptor_(std::exchange(other.lock_descriptor_, -1)) {}

BlobWriter::~BlobWriter() {
  if (file_descriptor_ >= 0) ::close(file_descriptor_);
  if (lock_descriptor_ >= 0) ::close(lock_descriptor_);
}

void BlobWriter::begin_digest() {
  const bool is_git = file_.hash.size() == kSha1Digits;
  CHECK(EVP_DigestInit_ex(digest_.get(), is_git ? EVP_sha1() : EVP_sha256(), nullptr) == 1);
  if (!is_git) return;
  const std::string head = fmt::format("blob {}", file_.bytes);
  CHECK(EVP_DigestUpdate(digest_.get(), head.c_str(), head.size() + 1) == 1);
}

Result<std::optional<BlobWriter>> BlobWriter::open(const CachedRepository& repository,
                                                   const RemoteFile& file) {
  BlobWriter writer(repository, file);
  const fs::path lock = repository.lock(file);
  writer.lock_descriptor_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (writer.lock_descriptor_ < 0) return fail_with_errno(lock);
  if (::flock(writer.lock_descriptor_, LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  // No link is followed: the name is ours, what it holds must be as well.
  writer.file_descriptor_ =
      ::open(writer.incomplete_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (writer.file_descriptor_ < 0) return fail_with_errno(writer.incomplete_);
  SLUICE_TRY_VOID(writer.read_prefix());
  return std::optional<BlobWriter>(std::move(writer));
}

Status BlobWriter::read_prefix() {
  std::vector<char> buffer(kReadBytes);
  while (true) {
    const ssize_t count = ::read(file_descriptor_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno(incomplete_);
    if (count == 0) return {};
    written_ += static_cast<std::uint64_t>(count);
    if (written_ > file_.bytes) return begin_anew();
    CHECK(EVP_DigestUpdate(digest_.get(), buffer.data(), static_cast<std::size_t>(count)) == 1);
  }
}

Status BlobWriter::begin_anew() {
  if (::ftruncate(file_descriptor_, 0) != 0 || ::lseek(file_descriptor_, 0, SEEK_SET) != 0)
    return fail_with_errno(incomplete_);
  written_ = 0;
  begin_digest();
  return {};
}

Status BlobWriter::append(std::string_view bytes) {
  DCHECK(bytes.size() <= file_.bytes - written_);
  SLUICE_TRY_VOID(write_all(file_descriptor_, bytes, incomplete_));
  CHECK(EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size()) == 1);
  written_ += bytes.size();
  return {};
}

Status BlobWriter::finish() {
  std::array<std::byte, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(digest_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
  const std::string hash = base::to_hex(std::span(digest).first(size));
  if (written_ != file_.bytes || hash != file_.hash) {
    SLUICE_TRY_VOID(begin_anew());
    return fail(ErrorCode::corrupt_data, "{}: expected content with hash {}, got {}: it was thrown away",
                file_.path, file_.hash, hash);
  }
  if (::fdatasync(file_descriptor_) != 0) return fail_with_errno(incomplete_);
  return rename_over(incomplete_, blob_);
}

}  // namespace sluice::app::huggingface
