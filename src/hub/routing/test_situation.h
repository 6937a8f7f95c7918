// A situation to put together in a few lines, for the tests of this module.
#pragma once

#include <cmath>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "hub/routing/decision.h"

namespace sluice::hub::routing::test {

inline base::NanoUsd usd(double amount) {
  return {std::llround(amount * 1e9)};
}

inline health::Spread spread(double typical, double deviation = 0.3, double weight = 50) {
  const auto at = [&](double z) { return typical * std::exp(z * deviation); };
  return {.weight = weight,
          .mean = typical * std::exp(deviation * deviation / 2),
          .p50 = typical,
          .p75 = at(0.6745),
          .p90 = at(1.2816),
          .p95 = at(1.645),
          .p97 = at(1.881),
          .p99 = at(2.326),
          .log_mean = std::log(typical),
          .log_deviation = deviation};
}

inline std::string routing_guide() {
  std::ifstream in(SLUICE_SOURCE_DIR "/docs/guides/routing.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

class TestSituation {
 public:
  Ask ask{.stream = true, .input_expected = {1000}, .input_most = {4000}, .output_max = tasks::Tokens{500}};
  Wishes wishes;
  std::uint64_t seed = 1;
  std::int64_t today_s = 0;
  std::int64_t price_max_age_s = 0;
  health::TimePoint now{std::chrono::hours(1000)};
  std::deque<Option> options;

  // A provider that offers everything; prices in USD per million tokens, below 0: unknown.
  Option& add(std::string provider, double input = 1, double output = 2) {
    auto made = std::make_shared<catalog::Provider>();
    made->id = provider;
    made->surfaces.emplace_back().dialect = "openai";
    for (std::size_t i = 0; i < tasks::kKindNames.size(); ++i)
      made->surfaces.front().paths[static_cast<tasks::Kind>(i)] = "/x";
    made->data_policy = {.retains = false, .trains = false, .source = "test", .date = ""};
    auto offer = std::make_shared<catalog::Offer>();
    offer->model = "org/m";
    offer->provider = provider;
    if (input >= 0) {
      offer->price.emplace();
      offer->price->rates.input = usd(input);
      offer->price->rates.output = usd(output);
      offer->price->date = "2026-11-01";
    }
    Option option;
    option.candidate = {.provider = made, .model = "m-at-" + provider, .offer = offer};
    option.asked_model = "org/m";
    options.push_back(std::move(option));
    return options.back();
  }
  Option& add_device() {
    Option option;
    option.candidate = {.provider = nullptr, .model = "org/m"};
    option.asked_model = "org/m";
    options.push_back(std::move(option));
    return options.back();
  }

  static catalog::Offer& offer(Option& option) {
    auto copy = std::make_shared<catalog::Offer>(*option.candidate.offer);
    catalog::Offer& out = *copy;
    option.candidate.offer = std::move(copy);
    return out;
  }
  static catalog::Provider& provider(Option& option) {
    auto copy = std::make_shared<catalog::Provider>(*option.candidate.provider);
    catalog::Provider& out = *copy;
    option.candidate.provider = std::move(copy);
    return out;
  }

  // Valid until the next change.
  const Situation& situation() {
    flat_.assign(options.begin(), options.end());
    situation_ = {.ask = &ask,
                  .wishes = &wishes,
                  .options = flat_,
                  .now = now,
                  .today_s = today_s,
                  .price_max_age_s = price_max_age_s,
                  .seed = seed};
    return situation_;
  }
  Decision decide() { return routing::decide(situation()); }
  // "a b c": the providers in the order decided.
  std::string order() {
    std::string out;
    for (const Ranked& ranked : decide().ranked)
      out += (out.empty() ? "" : " ") + std::string(flat_[ranked.option].candidate.provider_id());
    return out;
  }
  // "b:zdr c:only"
  std::string excluded() {
    std::string out;
    for (const Excluded& one : decide().excluded)
      out += (out.empty() ? "" : " ") + std::string(flat_[one.option].candidate.provider_id()) + ":" +
             std::string(one.constraint);
    return out;
  }

 private:
  std::vector<Option> flat_;
  Situation situation_;
};

}  // namespace sluice::hub::routing::test
