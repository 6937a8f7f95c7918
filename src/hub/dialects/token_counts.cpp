#include "hub/dialects/token_counts.h"

#include <cmath>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {

tasks::Tokens tokens_of(std::optional<JsonObject> object, std::string_view key) {
  if (!object) return {};
  std::uint64_t count = count_of(*object, key).value_or(0);
  // Some servers write counts as 12.0.
  if (const auto decimal = decimal_of(*object, key);
      count == 0 && decimal && *decimal >= 0 && *decimal <= kTokenCountMax)
    count = static_cast<std::uint64_t>(std::llround(*decimal));
  return {count <= kTokenCountMax ? count : 0};
}

}  // namespace sluice::hub::dialects
