// A storage backend: one folder here and one row in all_backends.cpp. `open` may block. What it gives serves
// every Store contract of the hub (access now); thread-safe. The attempts' records are a store of their own:
// they are many, may be lost and must never stand in the way of a key.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "hub/access/access_store.h"
#include "hub/telemetry/record_store.h"

namespace sluice::hub::storage {

struct Store : access::AccessStore {};

struct Backend {
  std::string_view name;  // as written in the configuration
  bool durable;           // keeps its content when closed and opened again
  // `file` is the whole store of a durable backend; its folder must exist. Others ignore it.
  base::Result<std::unique_ptr<Store>> (*open)(const std::filesystem::path& file);
  base::Result<std::unique_ptr<telemetry::RecordStore>> (*open_records)(const std::filesystem::path& file);
};

std::span<const Backend> all_backends();
const Backend* find_backend(std::string_view name);

}  // namespace sluice::hub::storage
