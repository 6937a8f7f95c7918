#include "app/server/access_home.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
namespace fs = std::filesystem;

// Readable by the owner only, never through a link that somebody else put there.
Status write_private_file(const fs::path& path, std::string_view text) {
  const auto failed = [&](std::string_view what) {
    return base::fail(ErrorCode::io_failed, "{}: cannot {}: {}", path.string(), what, std::strerror(errno));
  };
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("replace it");
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return failed("be made");
  const bool whole = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const Status status = whole ? Status{} : failed("be written");
  ::close(file);
  return status;
}

}  // namespace

Result<AccessHome> open_access_home(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return base::fail(ErrorCode::io_failed, "{}: the folder cannot be made: {}; SLUICE_HOME names another",
                      folder.string(), std::strerror(errno));
  SLUICE_TRY(hub::access::Pepper pepper, hub::access::Pepper::load_or_create(folder / "pepper"));
  AccessHome access;
  access.folder = folder;
  SLUICE_TRY(access.store, hub::storage::find_backend("sqlite")->open(folder / "sluice.db"));
  access.keys = std::make_unique<hub::access::Keyring>(*access.store, std::move(pepper));
  SLUICE_TRY_VOID(access.keys->reload());
  return access;
}

Result<std::string> show_first_key(AccessHome& access, bool on_terminal) {
  SLUICE_TRY(const auto key, access.keys->create_first_key(std::time(nullptr)));
  if (!key) return std::string();
  if (on_terminal) return fmt::format("key: {}", key->text);
  const fs::path file = access.folder / "first-key";
  if (auto written = write_private_file(file, key->text + "\n"); !written) {
    // Nobody has seen it: a key that nobody knows only blocks the next first key.
    (void)access.keys->revoke(key->record.id);
    return base::fail(std::move(written).error());
  }
  return fmt::format("first key: in {}", file.string());
}

}  // namespace sluice::app::server
