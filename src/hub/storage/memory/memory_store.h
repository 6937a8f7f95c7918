// A store that forgets at exit: for tests and for `storage: memory`.
#pragma once

#include <filesystem>
#include <memory>

#include "hub/storage/backend.h"

namespace sluice::hub::storage {

base::Result<std::unique_ptr<Store>> open_memory_store(const std::filesystem::path& file);

}  // namespace sluice::hub::storage
