#include "simulation/world.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::simulation {
namespace {

constexpr double kMinuteS = 60;

double between(base::Random& random, Range range) {
  return range.least + random.uniform() * (range.most - range.least);
}

double draw_log_normal(base::Random& random, const LogNormal& of) {
  return std::clamp(std::round(of.median * std::exp(draw_normal(random) * of.deviation)), 1.0, of.most);
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2));
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

double draw_normal(base::Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

World::World(const Scenario& scenario, std::uint64_t seed) : scenario_(scenario), seed_(seed) {
  base::Random random(mixed(seed, 1));
  make_requests(random);
  for (std::size_t i = 0; i < scenario_.providers.size(); ++i) {
    base::Random own(mixed(seed, 100 + i));
    weather_.push_back(make_weather(own));
  }
}

void World::make_requests(base::Random& random) {
  for (double now = 0;;) {
    now += -std::log(1 - random.uniform()) / scenario_.requests_per_s;
    if (now >= scenario_.seconds) break;
    requests_.push_back({.id = requests_.size(),
                         .arrives_s = now,
                         .input_tokens = draw_log_normal(random, scenario_.input_tokens),
                         .output_tokens = draw_log_normal(random, scenario_.output_tokens)});
  }
}

World::Steps World::walk(base::Random& random, Range every, double deviation) const {
  Steps steps;
  for (double now = 0; now < scenario_.seconds; now += between(random, every))
    steps.push_back({.at_s = now, .value = std::exp(draw_normal(random) * deviation)});
  return steps;
}

World::Weather World::make_weather(base::Random& random) const {
  Weather weather;
  weather.latency = walk(random, scenario_.regime_s, scenario_.regime_latency_deviation);
  weather.rate = walk(random, scenario_.regime_s, scenario_.regime_rate_deviation);
  weather.fault = walk(random, scenario_.regime_s, 0);
  // Mostly few, sometimes many.
  for (Step& step : weather.fault) step.value = scenario_.regime_fault_most * std::pow(random.uniform(), 3.0);
  weather.price = walk(random, scenario_.price_s, scenario_.price_deviation);
  weather.price.front().value = 1;  // begins at the list price
  weather.outage.push_back({.at_s = 0, .value = 0});
  if (scenario_.outage_every_s <= 0) return weather;
  for (double now = 0;;) {
    now += -std::log(1 - random.uniform()) * scenario_.outage_every_s;
    if (now >= scenario_.seconds) break;
    weather.outage.push_back({.at_s = now, .value = static_cast<double>(1 + random.below(3))});
    now += between(random, scenario_.outage_s);
    weather.outage.push_back({.at_s = now, .value = 0});
  }
  return weather;
}

double World::value_at(const Steps& steps, double now_s) {
  const auto next = std::ranges::upper_bound(steps, now_s, {}, &Step::at_s);
  return next == steps.begin() ? steps.front().value : std::prev(next)->value;
}

Truth World::truth(std::size_t provider, double now_s) const {
  const ProviderPlan& plan = scenario_.providers[provider];
  const Weather& weather = weather_[provider];
  const double price = value_at(weather.price, now_s);
  return {.first_token_s = plan.first_token_s * value_at(weather.latency, now_s),
          .tokens_per_s = plan.tokens_per_s * value_at(weather.rate, now_s),
          .fault = value_at(weather.fault, now_s),
          .input_usd_per_m = plan.input_usd_per_m * price,
          .output_usd_per_m = plan.output_usd_per_m * price,
          .outage = static_cast<Outage>(value_at(weather.outage, now_s))};
}

Draw World::draw(std::size_t provider, const Request& request, std::uint32_t visit, double now_s) const {
  const ProviderPlan& plan = scenario_.providers[provider];
  const Truth now = truth(provider, now_s);
  base::Random random(mixed(mixed(seed_, request.id), 1000 + provider * 16 + visit));
  Draw draw;
  draw.fails = random.uniform() < now.fault;
  draw.first_token_s = now.first_token_s * std::exp(draw_normal(random) * plan.deviation);
  draw.tokens_per_s = now.tokens_per_s * std::exp(draw_normal(random) * plan.rate_deviation);
  if (random.uniform() < plan.slow_share) draw.first_token_s *= plan.slow_times;
  return draw;
}

double World::mean_output_tokens() const {
  const LogNormal& of = scenario_.output_tokens;
  return of.median * std::exp(of.deviation * of.deviation / 2);
}

double World::expected_total_s(std::size_t provider, double now_s) const {
  const ProviderPlan& plan = scenario_.providers[provider];
  const Truth now = truth(provider, now_s);
  const double first = now.first_token_s * std::exp(plan.deviation * plan.deviation / 2) *
                       (1 + plan.slow_share * (plan.slow_times - 1));
  const double per_token = std::exp(plan.rate_deviation * plan.rate_deviation / 2) / now.tokens_per_s;
  return first + mean_output_tokens() * per_token;
}

Limit::Limit(LimitKind kind, double per_s) : kind_(kind), per_s_(per_s) {
  room_ = kind == LimitKind::told_minute ? per_s * kMinuteS : per_s;
}

double Limit::room(double now_s) const {
  if (kind_ == LimitKind::told_minute)
    return std::floor(now_s / kMinuteS) > std::floor(seen_s_ / kMinuteS) ? per_s_ * kMinuteS : room_;
  return std::min(per_s_, room_ + (now_s - seen_s_) * per_s_);  // a second's worth at most
}

bool Limit::has_room(double now_s) const {
  return kind_ == LimitKind::none || room(now_s) >= 1;
}

bool Limit::take(double now_s) {
  if (kind_ == LimitKind::none) return true;
  room_ = room(now_s);
  seen_s_ = now_s;
  if (room_ < 1) return false;
  room_ -= 1;
  return true;
}

std::vector<std::pair<std::string, std::string>> Limit::fields(double now_s) const {
  if (kind_ == LimitKind::told_bucket) {
    const double left = room(now_s);
    return {{"x-ratelimit-limit-requests", fmt::format("{:.0f}", per_s_)},
            {"x-ratelimit-remaining-requests", fmt::format("{:.0f}", std::floor(left))},
            {"x-ratelimit-reset-requests", fmt::format("{:.0f}ms", 1000 * (per_s_ - left) / per_s_)}};
  }
  if (kind_ == LimitKind::told_minute)
    return {
        {"x-ratelimit-limit-requests-minute", fmt::format("{:.0f}", per_s_ * kMinuteS)},
        {"x-ratelimit-remaining-requests-minute", fmt::format("{:.0f}", std::floor(room(now_s)))},
        {"x-ratelimit-reset-requests-minute", fmt::format("{:.3f}", kMinuteS - std::fmod(now_s, kMinuteS))}};
  return {};
}

}  // namespace sluice::simulation
