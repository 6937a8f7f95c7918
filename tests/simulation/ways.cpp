// The clairvoyants and the naive: an order, and nothing learned.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "simulation/chooser.h"
#include "simulation/sluice.h"

namespace sluice::simulation {
namespace {

Chosen in_order(const View& view, std::vector<std::size_t> order, double now_s) {
  const Scenario& scenario = view.world.scenario();
  Chosen chosen{.providers = std::move(order), .plan = {}};
  chosen.plan.candidates.resize(chosen.providers.size());
  chosen.plan.limits.first_byte =
      std::chrono::milliseconds(static_cast<std::int64_t>(scenario.silent_after_s * 1000));
  chosen.plan.deadline = time_at(now_s + scenario.deadline_s);
  return chosen;
}

std::vector<std::size_t> all_providers(const View& view) {
  std::vector<std::size_t> order(view.world.scenario().providers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

template <typename Score>
std::vector<std::size_t> sorted_by(std::vector<std::size_t> order, const Score& score) {
  std::ranges::stable_sort(order, {}, score);
  return order;
}

double mean_cost(const View& view, std::size_t provider, const Request& request, double now_s) {
  const Truth truth = view.world.truth(provider, now_s);
  return request.input_tokens * truth.input_usd_per_m +
         view.world.mean_output_tokens() * truth.output_usd_per_m;
}

// Knows price, distribution, fault probability, outage and room of each provider now; not the draw.
class Clairvoyant : public Chooser {
 public:
  Clairvoyant(const View& view, bool by_cost) : view_(view), by_cost_(by_cost) {}
  Chosen choose(const Request& request, double now_s) override {
    const auto score = [&](std::size_t provider) {
      const Truth truth = view_.world.truth(provider, now_s);
      const bool up = truth.outage == Outage::none && view_.limits[provider].has_room(now_s);
      const double away = up ? 0 : 1e12;
      if (by_cost_) return away + mean_cost(view_, provider, request, now_s);
      // A failed attempt costs the time until it failed, and then another's.
      const double total = view_.world.expected_total_s(provider, now_s);
      return away + total * (1 + truth.fault);
    };
    return in_order(view_, sorted_by(all_providers(view_), score), now_s);
  }

 private:
  const View view_;
  const bool by_cost_;
};

class RoundRobin : public Chooser {
 public:
  explicit RoundRobin(const View& view) : view_(view) {}
  Chosen choose(const Request&, double now_s) override {
    auto order = all_providers(view_);
    std::ranges::rotate(order, order.begin() + static_cast<std::ptrdiff_t>(next_++ % order.size()));
    return in_order(view_, std::move(order), now_s);
  }

 private:
  const View view_;
  std::size_t next_ = 0;
};

// By an order found once.
class Fixed : public Chooser {
 public:
  Fixed(const View& view, std::vector<std::size_t> order) : view_(view), order_(std::move(order)) {}
  Chosen choose(const Request&, double now_s) override { return in_order(view_, order_, now_s); }

 private:
  const View view_;
  const std::vector<std::size_t> order_;
};

std::unique_ptr<Chooser> make_list_price(const View& view, std::uint64_t) {
  return std::make_unique<Fixed>(view, sorted_by(all_providers(view), [&](std::size_t provider) {
                                   return view.world.scenario().providers[provider].output_usd_per_m;
                                 }));
}

// One request to each at the start; the next would come after six hours.
std::unique_ptr<Chooser> make_probe(const View& view, std::uint64_t) {
  const Request probe{.id = ~std::uint64_t{0}, .arrives_s = 0, .input_tokens = 10, .output_tokens = 100};
  return std::make_unique<Fixed>(view, sorted_by(all_providers(view), [&](std::size_t provider) {
                                   const Draw draw = view.world.draw(provider, probe, 0, 0);
                                   if (view.world.truth(provider, 0).outage != Outage::none) return 1e9;
                                   return draw.first_token_s + probe.output_tokens / draw.tokens_per_s;
                                 }));
}

template <bool by_cost>
std::unique_ptr<Chooser> make_clairvoyant(const View& view, std::uint64_t) {
  return std::make_unique<Clairvoyant>(view, by_cost);
}

constexpr std::array kWays{
    Way{"clairvoyant_cheapest", "knows all but the draw, takes the cheapest", make_clairvoyant<true>},
    Way{"sluice_cheapest", "policy cheapest", make_sluice_cheapest},
    Way{"list_price", "least output price of the list, as of the start", make_list_price},
    Way{"clairvoyant_fastest", "knows all but the draw, takes the fastest", make_clairvoyant<false>},
    Way{"sluice_fastest", "policy fastest", make_sluice_fastest},
    Way{"probe", "fastest by a probe every six hours", make_probe},
    Way{"round_robin", "one after the other",
        [](const View& view, std::uint64_t) -> std::unique_ptr<Chooser> {
          return std::make_unique<RoundRobin>(view);
        }},
    Way{"sluice_unhedged", "policy preferred", make_sluice_unhedged},
    Way{"sluice_hedged", "policy preferred, hedge at p97", make_sluice_hedged},
};

}  // namespace

std::span<const Way> all_ways() {
  return kWays;
}

const Way* find_way(std::string_view name) {
  const auto* const found = std::ranges::find(kWays, name, &Way::name);
  return found == kWays.end() ? nullptr : found;
}

}  // namespace sluice::simulation
