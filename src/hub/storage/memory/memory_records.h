// Attempts that are forgotten at exit: for tests, and the plainest reading of the contract.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "hub/telemetry/record_store.h"

namespace sluice::hub::storage {

base::Result<std::unique_ptr<telemetry::RecordStore>> open_memory_records(const std::filesystem::path& file);

}  // namespace sluice::hub::storage
