#include "hub/routing/wish_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "hub/routing/limits.h"

namespace sluice::hub::routing {
namespace {

using base::Result;
using simdjson::dom::element_type;

std::string_view describe(const simdjson::dom::element& json) {
  switch (json.type()) {
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "a string";
    case element_type::BOOL:
      return "a boolean";
    case element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::unexpected<base::Error> refuse_type(const WishValue& value, std::string_view expected) {
  return refuse_wish(value.path,
                     fmt::format("'{}' must be {}, not {}", value.path, expected, describe(value.json)));
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

const std::vector<std::string>& quantizations() {
  static const std::vector<std::string> kAll{"int4", "int8", "fp4",  "fp6",    "fp8",
                                             "fp16", "bf16", "fp32", "unknown"};
  return kAll;
}

}  // namespace

std::unexpected<base::Error> refuse_wish(std::string_view path, std::string message) {
  return base::fail({.code = base::ErrorCode::invalid_argument,
                     .message = std::move(message),
                     .parameter = std::string(path)});
}

std::unexpected<base::Error> refuse_unknown(std::string_view path, std::string_view what,
                                            std::string_view name, std::span<const std::string> known) {
  const std::string_view shown = name.substr(0, 64);
  const auto near = base::near_names(shown, known);
  return refuse_wish(
      path, fmt::format("'{}': unknown {} '{}'{}", path, what, shown,
                        near.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(near, " or "))));
}

Result<bool> read_flag(const WishValue& value) {
  bool flag = false;
  if (value.json.get(flag) != simdjson::SUCCESS) return refuse_type(value, "a boolean");
  return flag;
}

Result<std::string> read_word(const WishValue& value, std::span<const std::string> choices) {
  std::string_view text;
  if (value.json.get(text) != simdjson::SUCCESS) return refuse_type(value, "a string");
  if (std::ranges::find(choices, text) == choices.end())
    return refuse_wish(value.path, fmt::format("'{}' must be {}, not '{}'", value.path,
                                               fmt::join(choices, " or "), text.substr(0, 64)));
  return std::string(text);
}

Result<double> read_number(const WishValue& value, double least, double most) {
  double number = 0;
  std::string_view text;
  if (value.json.get(text) == simdjson::SUCCESS) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size()) return refuse_type(value, "a number");
  } else if (value.json.get(number) != simdjson::SUCCESS) {
    return refuse_type(value, "a number");
  }
  if (!(number >= least && number <= most))
    return refuse_wish(value.path,
                       fmt::format("'{}' must be from {} to {}, not {}", value.path, least, most, number));
  return number;
}

Result<std::chrono::milliseconds> read_milliseconds(const WishValue& value) {
  SLUICE_TRY(const double number, read_number(value, 1, kSecondsMax * 1000));
  if (number != std::floor(number))
    return refuse_wish(value.path, fmt::format("'{}' must be a whole number of milliseconds", value.path));
  return std::chrono::milliseconds(std::llround(number));
}

Result<base::NanoUsd> read_usd(const WishValue& value) {
  SLUICE_TRY(const double number, read_number(value, 0, kUsdMax));
  return base::NanoUsd{std::llround(number * 1e9)};
}

Result<std::vector<std::string>> read_names(const WishValue& value) {
  simdjson::dom::array array;
  if (value.json.get(array) != simdjson::SUCCESS) return refuse_type(value, "an array of strings");
  std::vector<std::string> names;
  std::size_t position = 0;
  for (const auto json : array) {
    const std::string path = fmt::format("{}.{}", value.path, position++);
    std::string_view text;
    if (json.get(text) != simdjson::SUCCESS)
      return refuse_type({.json = json, .path = path, .providers = value.providers}, "a string");
    if (!is_name(text))
      return refuse_wish(
          path, fmt::format("'{}' must have 1 to {} bytes and no control characters", path, kNameBytesMax));
    if (std::ranges::find(names, text) != names.end()) continue;
    if (names.size() == kNamesMax)
      return refuse_wish(value.path, fmt::format("'{}' has more than {} names", value.path, kNamesMax));
    names.emplace_back(text);
  }
  return names;
}

Result<std::vector<std::string>> read_providers(const WishValue& value) {
  SLUICE_TRY(auto names, read_names(value));
  if (value.providers.size() == 1 && value.providers.front() == kAnyProvider) return names;
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    std::string id = base::to_lower(name);
    if (std::ranges::find(value.providers, id) == value.providers.end())
      return refuse_unknown(value.path, "provider", id, value.providers);
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
  }
  return ids;
}

Result<std::vector<std::string>> read_quantizations(const WishValue& value) {
  SLUICE_TRY(auto names, read_names(value));
  for (std::string& name : names) {
    name = base::to_lower(name);
    if (std::ranges::find(quantizations(), name) == quantizations().end())
      return refuse_unknown(value.path, "quantization", name, quantizations());
  }
  return names;
}

Result<std::vector<std::string>> read_regions(const WishValue& value) {
  SLUICE_TRY(auto names, read_names(value));
  for (std::string& name : names) name = base::to_lower(name);
  return names;
}

Result<QuantileBound> read_bound(const WishValue& value, double most) {
  QuantileBound bound;
  if (!value.json.is_object()) {
    SLUICE_TRY(bound.p50, read_number(value, 0, most));
    return bound;
  }
  static constexpr std::array<std::pair<std::string_view, std::optional<double> QuantileBound::*>, 4> kFields{
      {{"p50", &QuantileBound::p50},
       {"p75", &QuantileBound::p75},
       {"p90", &QuantileBound::p90},
       {"p99", &QuantileBound::p99}}};
  static const std::vector<std::string> kNames{"p50", "p75", "p90", "p99"};
  SLUICE_TRY_VOID(each_member(value, [&](std::string_view name, const WishValue& member) -> base::Status {
    for (const auto& [known, field] : kFields) {
      if (known != name) continue;
      SLUICE_TRY(bound.*field, read_number(member, 0, most));
      return {};
    }
    return refuse_unknown(member.path, "percentile", name, kNames);
  }));
  return bound;
}

Result<MaxPrice> read_max_price(const WishValue& value) {
  MaxPrice price;
  static constexpr std::array<std::pair<std::string_view, std::optional<base::NanoUsd> MaxPrice::*>, 4>
      kFields{{{"prompt", &MaxPrice::prompt},
               {"completion", &MaxPrice::completion},
               {"request", &MaxPrice::request},
               {"image", &MaxPrice::image}}};
  static const std::vector<std::string> kNames{"prompt", "completion", "request", "image"};
  SLUICE_TRY_VOID(each_member(value, [&](std::string_view name, const WishValue& member) -> base::Status {
    for (const auto& [known, field] : kFields) {
      if (known != name) continue;
      SLUICE_TRY(price.*field, read_usd(member));
      return {};
    }
    return refuse_unknown(member.path, "price", name, kNames);
  }));
  return price;
}

Result<Weights> read_weights(const WishValue& value) {
  Weights weights;
  static constexpr std::array<std::pair<std::string_view, double Weights::*>, 3> kFields{
      {{"cost", &Weights::cost}, {"latency", &Weights::latency}, {"throughput", &Weights::throughput}}};
  static const std::vector<std::string> kNames{"cost", "latency", "throughput"};
  SLUICE_TRY_VOID(each_member(value, [&](std::string_view name, const WishValue& member) -> base::Status {
    for (const auto& [known, field] : kFields) {
      if (known != name) continue;
      SLUICE_TRY(weights.*field, read_number(member, 0, kWeightMax));
      return {};
    }
    return refuse_unknown(member.path, "weight", name, kNames);
  }));
  if (!(weights.cost + weights.latency + weights.throughput > 0))
    return refuse_wish(value.path,
                       fmt::format("'{}' must give some weight to cost, latency or throughput", value.path));
  return weights;
}

// `true` is the usual quantile, `false` no hedge whatever the defaults say.
Result<Hedge> read_hedge(const WishValue& value) {
  Hedge hedge;
  bool flag = false;
  if (value.json.get(flag) == simdjson::SUCCESS) {
    if (flag) hedge.quantile = kHedgeQuantile;
    return hedge;
  }
  static const std::vector<std::string> kNames{"after_ms", "quantile"};
  SLUICE_TRY_VOID(each_member(value, [&](std::string_view name, const WishValue& member) -> base::Status {
    if (name == "after_ms") {
      SLUICE_TRY(hedge.after, read_milliseconds(member));
      return {};
    }
    if (name != "quantile") return refuse_unknown(member.path, "field", name, kNames);
    SLUICE_TRY(hedge.quantile, read_number(member, 0.5, 0.999));
    return {};
  }));
  if (hedge.after.has_value() == hedge.quantile.has_value())
    return refuse_wish(value.path, fmt::format("'{}' must have one of after_ms and quantile", value.path));
  return hedge;
}

}  // namespace sluice::hub::routing
