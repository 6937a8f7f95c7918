// One JSON value of a wish with the path that errors name it by, and the readers of the types wishes are made
// of.
#pragma once

#include <simdjson.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "hub/routing/wishes.h"

namespace sluice::hub::routing {

// In place of a list of providers: any name is one.
inline constexpr std::string_view kAnyProvider = "*";

struct WishValue {
  simdjson::dom::element json;
  std::string path;
  std::span<const std::string> providers;
};

[[nodiscard]] std::unexpected<base::Error> refuse_wish(std::string_view path, std::string message);
// "unknown field 'x'; did you mean 'y'?"
[[nodiscard]] std::unexpected<base::Error> refuse_unknown(std::string_view path, std::string_view what,
                                                          std::string_view name,
                                                          std::span<const std::string> known);

base::Result<bool> read_flag(const WishValue& value);
base::Result<std::string> read_word(const WishValue& value, std::span<const std::string> choices);
// A number, or a string that is one.
base::Result<double> read_number(const WishValue& value, double least, double most);
base::Result<std::chrono::milliseconds> read_milliseconds(const WishValue& value);
base::Result<base::NanoUsd> read_usd(const WishValue& value);
// Without duplicates.
base::Result<std::vector<std::string>> read_names(const WishValue& value);
base::Result<std::vector<std::string>> read_providers(const WishValue& value);
base::Result<std::vector<std::string>> read_quantizations(const WishValue& value);
base::Result<std::vector<std::string>> read_regions(const WishValue& value);
base::Result<QuantileBound> read_bound(const WishValue& value, double most);
base::Result<MaxPrice> read_max_price(const WishValue& value);
base::Result<Weights> read_weights(const WishValue& value);
base::Result<Hedge> read_hedge(const WishValue& value);

// Calls `visit(name, value)` for each member that is not null; a name that comes twice is refused.
template <typename Visit>
base::Status each_member(const WishValue& value, Visit visit) {
  simdjson::dom::object object;
  if (value.json.get(object) != simdjson::SUCCESS)
    return refuse_wish(value.path, fmt::format("'{}' must be an object", value.path));
  std::vector<std::string_view> seen;
  for (const auto [name, json] : object) {
    const std::string path = value.path.empty() ? std::string(name.substr(0, 64))
                                                : fmt::format("{}.{}", value.path, name.substr(0, 64));
    for (const std::string_view before : seen)
      if (before == name) return refuse_wish(path, fmt::format("'{}' is given twice", path));
    seen.push_back(name);
    if (json.is_null()) continue;
    SLUICE_TRY_VOID(visit(name, WishValue{.json = json, .path = path, .providers = value.providers}));
  }
  return {};
}

}  // namespace sluice::hub::routing
