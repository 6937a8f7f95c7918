#include "app/cli/load_snapshot.h"

#include <filesystem>

namespace sluice::app::cli {

base::Result<LoadedSnapshot> load_snapshot(const ConfigOptions& options,
                                           const server::Surroundings& surroundings) {
  SLUICE_TRY(auto loaded, server::load_config(options.request(), surroundings));
  LoadedSnapshot out{.config = std::move(loaded.config), .access = std::nullopt, .snapshot = {}};
  const std::filesystem::path home = server::home_directory(surroundings);
  std::error_code error;
  if (std::filesystem::exists(home / "sluice.db", error)) {
    SLUICE_TRY(out.access, server::open_access_home(home));
  }
  const hub::access::Keyring* keys = out.access ? out.access->keys.get() : nullptr;
  SLUICE_TRY(out.snapshot, server::make_snapshot(out.config, surroundings, keys));
  return out;
}

}  // namespace sluice::app::cli
