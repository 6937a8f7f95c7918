// Keys on disk: $SLUICE_HOME/sluice.db beside $SLUICE_HOME/pepper, in a folder that only the owner reads.
// Used by the server and by `sluice keys`, which may run at the same time.
#pragma once

#include <filesystem>
#include <memory>

#include "hub/access/keyring.h"
#include "hub/storage/backend.h"

namespace sluice::app::server {

struct AccessHome {
  std::filesystem::path folder;
  std::unique_ptr<hub::storage::Store> store;
  std::unique_ptr<hub::access::Keyring> keys;  // loaded
};

// Makes the folder when it is missing.
base::Result<AccessHome> open_access_home(const std::filesystem::path& folder);

// Makes the first key of a new installation and shows it once: as a line `key: sk-sluice-...` when
// `on_terminal`, else in <folder>/first-key (0600). Gives the line to print; empty when keys exist already.
base::Result<std::string> show_first_key(AccessHome& access, bool on_terminal);

}  // namespace sluice::app::server
