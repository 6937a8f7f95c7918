#include "app/server/provider_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/server/config.h"
#include "app/server/limits.h"
#include "base/strings.h"
#include "hub/catalog/provider.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Status;
namespace fs = std::filesystem;

constexpr std::string_view kFolder = "provider-keys";
constexpr std::string_view kEnding = ".key";

Status failed(const fs::path& path, std::string_view what) {
  return base::fail(ErrorCode::io_failed, "{}: cannot {}: {}", path.string(), what, std::strerror(errno));
}

Status write_all(const fs::path& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return failed(path, "be made");
  const bool whole =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  const Status status = whole ? Status{} : failed(path, "be written");
  ::close(file);
  return status;
}

Status check_private(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return failed(path, "be read");
  if (!S_ISREG(status.st_mode) || (status.st_mode & 077) != 0) {
    return base::fail(ErrorCode::invalid_argument,
                      "{}: expected a file that only its owner can read (chmod 600)", path.string());
  }
  return {};
}

}  // namespace

fs::path provider_key_file(const fs::path& home, const std::string& provider) {
  return home / kFolder / (provider + std::string(kEnding));
}

Status store_provider_key(const fs::path& home, const std::string& provider, const std::string& key) {
  if (const std::string problem = hub::catalog::refuse_provider_id(provider); !problem.empty())
    return base::fail(ErrorCode::invalid_argument, "{}", problem);
  const fs::path file = provider_key_file(home, provider);
  std::error_code error;
  fs::create_directories(home.parent_path(), error);
  for (const fs::path& folder : {home, file.parent_path()})
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed(folder, "be made");
  fs::path fresh = file;
  fresh += ".new";
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return failed(fresh, "be replaced");
  SLUICE_TRY_VOID(write_all(fresh, key + "\n"));
  if (::rename(fresh.c_str(), file.c_str()) != 0) return failed(file, "be replaced");
  return {};
}

base::Result<std::map<std::string, std::string>> load_provider_keys(const fs::path& home) {
  std::map<std::string, std::string> keys;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(home / kFolder, error)) {
    const fs::path& path = entry.path();
    if (path.extension() != kEnding) continue;
    SLUICE_TRY_VOID(check_private(path));
    SLUICE_TRY(const std::string text, read_text_file(path, kSecretFileBytesMax));
    keys[path.stem().string()] = std::string(base::trim(text));
  }
  return keys;
}

}  // namespace sluice::app::server
