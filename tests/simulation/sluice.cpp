#include "simulation/sluice.h"

#include <cmath>

#include "hub/routing/decision.h"

namespace sluice::simulation {
namespace {

namespace catalog = hub::catalog;
namespace routing = hub::routing;
namespace tasks = hub::tasks;

constexpr std::string_view kModel = "org/model";
constexpr std::int64_t kWallAtStart = 1'795'000'020;  // a whole minute
constexpr double kBytesGuess = 1.1;  // what the gateway's estimate of input tokens is off by, at a guess

base::NanoUsd usd(double amount) {
  return {std::llround(amount * 1e9)};
}

class Sluice : public Chooser {
 public:
  Sluice(const View& view, std::uint64_t seed, std::string_view policy, std::optional<routing::Hedge> hedge)
      : view_(view), seed_(seed) {
    wishes_.policy = policy;
    wishes_.hedge = hedge;
    for (const ProviderPlan& plan : view.world.scenario().providers) {
      auto provider = std::make_shared<catalog::Provider>();
      provider->id = plan.name;
      provider->surfaces.emplace_back().paths[tasks::Kind::chat] = "/v1/chat/completions";
      routing::Option option;
      option.candidate = {.provider = std::move(provider), .model = std::string(kModel)};
      option.asked_model = kModel;
      options_.push_back(std::move(option));
      route_ids_.push_back(options_.back().candidate.route_id());
    }
  }

  Chosen choose(const Request& request, double now_s) override {
    if (now_s >= refresh_s_) refresh_prices(now_s);
    for (std::size_t i = 0; i < options_.size(); ++i)
      options_[i].figures = health_.figures(key(i), time_at(now_s));
    const auto input = static_cast<std::uint64_t>(std::llround(request.input_tokens * kBytesGuess));
    const routing::Ask ask{
        .stream = true,
        .input_expected = {input},
        .input_most = {4 * input},
        .output_max = tasks::Tokens{static_cast<std::uint64_t>(view_.world.scenario().output_tokens.most)}};
    const routing::Decision decision = routing::decide({.ask = &ask,
                                                        .wishes = &wishes_,
                                                        .options = options_,
                                                        .now = time_at(now_s),
                                                        .today_s = wall_at(now_s),
                                                        .seed = seed_ * 0x9e3779b97f4a7c15 + request.id});
    const Scenario& scenario = view_.world.scenario();
    Chosen chosen;
    for (const routing::Ranked& ranked : decision.ranked) {
      chosen.providers.push_back(ranked.option);
      chosen.plan.candidates.push_back(
          {.figures = options_[ranked.option].figures, .expected = ranked.expected, .substitutes = false});
    }
    chosen.plan.limits.first_byte =
        std::chrono::milliseconds(static_cast<std::int64_t>(scenario.silent_after_s * 1000));
    chosen.plan.deadline = time_at(now_s + scenario.deadline_s);
    chosen.plan.hedge = wishes_.hedge;
    return chosen;
  }

  std::optional<health::Ticket> begin(std::size_t provider, double now_s, bool insist) override {
    return health_.begin(key(provider), time_at(now_s), 0, insist);
  }
  std::optional<health::TimePoint> retry_at(std::size_t provider, double now_s) override {
    return health_.figures(key(provider), time_at(now_s)).retry_at;
  }
  void head(std::size_t provider, const health::Ticket& ticket, std::span<const health::Field> fields,
            double now_s) override {
    health_.note_headers(key(provider), ticket, fields, wall_at(now_s), time_at(now_s));
  }
  void first_token(std::size_t provider, health::Ticket& ticket, double now_s) override {
    health_.note_first_token(key(provider), ticket, time_at(now_s));
  }
  void end(std::size_t provider, const health::Ticket& ticket, const health::Ended& ended,
           double now_s) override {
    health_.end(key(provider), ticket, ended, time_at(now_s));
  }

 private:
  health::Key key(std::size_t provider) const {
    return {.route_id = route_ids_[provider],
            .provider = options_[provider].candidate.provider_id(),
            .model = kModel};
  }

  // The price lists are read again every so often; in between prices may have changed unseen.
  void refresh_prices(double now_s) {
    refresh_s_ = now_s + view_.world.scenario().price_refresh_s;
    for (std::size_t i = 0; i < options_.size(); ++i) {
      const Truth truth = view_.world.truth(i, now_s);
      auto offer = std::make_shared<catalog::Offer>();
      offer->model = kModel;
      offer->provider = options_[i].candidate.provider_id();
      offer->price.emplace();
      offer->price->rates.input = usd(truth.input_usd_per_m);
      offer->price->rates.output = usd(truth.output_usd_per_m);
      offer->price->source = "list";
      offer->price->date = "2026-11-18";
      options_[i].candidate.offer = std::move(offer);
    }
  }

  const View view_;
  const std::uint64_t seed_;
  routing::Wishes wishes_;
  std::vector<routing::Option> options_;
  std::vector<std::string> route_ids_;
  health::Health health_;
  double refresh_s_ = 0;
};

template <typename... Rest>
std::unique_ptr<Chooser> make(Rest&&... rest) {
  return std::make_unique<Sluice>(std::forward<Rest>(rest)...);
}

}  // namespace

// Far from the clock's zero, as in life.
health::TimePoint time_at(double now_s) {
  return health::TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>((now_s + 1e6) * 1e9)));
}

std::int64_t wall_at(double now_s) {
  return kWallAtStart + static_cast<std::int64_t>(now_s);
}

std::unique_ptr<Chooser> make_sluice_cheapest(const View& view, std::uint64_t seed) {
  return make(view, seed, "cheapest", std::nullopt);
}
std::unique_ptr<Chooser> make_sluice_fastest(const View& view, std::uint64_t seed) {
  return make(view, seed, "fastest", std::nullopt);
}
std::unique_ptr<Chooser> make_sluice_unhedged(const View& view, std::uint64_t seed) {
  return make(view, seed, "preferred", std::nullopt);
}
std::unique_ptr<Chooser> make_sluice_hedged(const View& view, std::uint64_t seed) {
  return make(view, seed, "preferred", routing::Hedge{.after = {}, .quantile = 0.97});
}

}  // namespace sluice::simulation
