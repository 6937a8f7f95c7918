#include "simulation/scenario.h"

#include <simdjson.h>

#include <array>
#include <utility>

namespace sluice::simulation {
namespace {

using simdjson::dom::element;

void take(const element& from, const char* name, double& into) {
  double value = 0;
  if (from[name].get(value) == simdjson::SUCCESS) into = value;
}
void take(const element& from, const char* name, Range& into) {
  simdjson::dom::array pair;
  if (from[name].get(pair) != simdjson::SUCCESS || pair.size() != 2) return;
  into = {.least = double(pair.at(0)), .most = double(pair.at(1))};
}
void take(const element& from, const char* name, LogNormal& into) {
  element inner;
  if (from[name].get(inner) != simdjson::SUCCESS) return;
  take(inner, "median", into.median);
  take(inner, "deviation", into.deviation);
  take(inner, "most", into.most);
}

LimitKind limit_of(const element& from) {
  constexpr std::array<std::pair<std::string_view, LimitKind>, 3> kKinds{
      {{"told_bucket", LimitKind::told_bucket},
       {"told_minute", LimitKind::told_minute},
       {"untold", LimitKind::untold}}};
  std::string_view name;
  if (from["limit"].get(name) != simdjson::SUCCESS) return LimitKind::none;
  for (const auto& [known, kind] : kKinds)
    if (name == known) return kind;
  return LimitKind::none;
}

ProviderPlan provider_of(const element& from) {
  ProviderPlan plan;
  std::string_view name;
  if (from["name"].get(name) == simdjson::SUCCESS) plan.name = name;
  take(from, "first_token_s", plan.first_token_s);
  take(from, "deviation", plan.deviation);
  take(from, "tokens_per_s", plan.tokens_per_s);
  take(from, "rate_deviation", plan.rate_deviation);
  take(from, "input_usd_per_m", plan.input_usd_per_m);
  take(from, "output_usd_per_m", plan.output_usd_per_m);
  take(from, "limit_per_s", plan.limit_per_s);
  take(from, "slow_share", plan.slow_share);
  take(from, "slow_times", plan.slow_times);
  plan.limit = limit_of(from);
  return plan;
}

}  // namespace

base::Result<Scenario> read_scenario(const std::string& path) {
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.load(path).get(root); error != simdjson::SUCCESS)
    return base::fail(base::ErrorCode::invalid_argument, "{}: {}", path, simdjson::error_message(error));
  Scenario scenario;
  const std::pair<const char*, double*> numbers[] = {
      {"seconds", &scenario.seconds},
      {"warmup_s", &scenario.warmup_s},
      {"requests_per_s", &scenario.requests_per_s},
      {"deadline_s", &scenario.deadline_s},
      {"silent_after_s", &scenario.silent_after_s},
      {"round_trip_s", &scenario.round_trip_s},
      {"price_refresh_s", &scenario.price_refresh_s},
      {"regime_latency_deviation", &scenario.regime_latency_deviation},
      {"regime_rate_deviation", &scenario.regime_rate_deviation},
      {"regime_fault_most", &scenario.regime_fault_most},
      {"outage_every_s", &scenario.outage_every_s},
      {"price_deviation", &scenario.price_deviation}};
  for (const auto& [name, into] : numbers) take(root, name, *into);
  take(root, "input_tokens", scenario.input_tokens);
  take(root, "output_tokens", scenario.output_tokens);
  take(root, "regime_s", scenario.regime_s);
  take(root, "outage_s", scenario.outage_s);
  take(root, "price_s", scenario.price_s);
  simdjson::dom::array providers;
  if (root["providers"].get(providers) == simdjson::SUCCESS)
    for (const element provider : providers) scenario.providers.push_back(provider_of(provider));
  if (scenario.providers.empty())
    return base::fail(base::ErrorCode::invalid_argument, "{}: no providers", path);
  return scenario;
}

}  // namespace sluice::simulation
