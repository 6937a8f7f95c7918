#include <array>

#include "hub/storage/backend.h"
#include "hub/storage/memory/memory_records.h"
#include "hub/storage/memory/memory_store.h"
#include "hub/storage/sqlite/sqlite_records.h"
#include "hub/storage/sqlite/sqlite_store.h"

namespace sluice::hub::storage {

std::span<const Backend> all_backends() {
  static constexpr std::array kBackends{
      Backend{.name = "sqlite",
              .durable = true,
              .open = &open_sqlite_store,
              .open_records = &open_sqlite_records},
      Backend{.name = "memory",
              .durable = false,
              .open = &open_memory_store,
              .open_records = &open_memory_records},
  };
  return kBackends;
}

const Backend* find_backend(std::string_view name) {
  for (const Backend& backend : all_backends())
    if (backend.name == name) return &backend;
  return nullptr;
}

}  // namespace sluice::hub::storage
