#include "hub/routing/expected_cost.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "base/strings.h"
#include "hub/routing/limits.h"

namespace sluice::hub::routing {
namespace {

using base::NanoUsd;
using catalog::Rates;
using tasks::Kind;
using tasks::Tokens;

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

constexpr std::array kAllRates{
    &Rates::input,       &Rates::output,           &Rates::cache_read,  &Rates::cache_write,
    &Rates::input_audio, &Rates::output_audio,     &Rates::input_image, &Rates::cache_write_long,
    &Rates::reasoning,   &Rates::output_image,     &Rates::image,       &Rates::request,
    &Rates::search,      &Rates::cache_read_audio,
};

// A tier stands in place of the base rates; what it does not say stays as it was.
Rates overlay(Rates base, const Rates& tier) {
  for (const auto rate : kAllRates)
    if (tier.*rate) base.*rate = tier.*rate;
  return base;
}

// Of every tier that the prompt may reach, the dearest of each kind.
Rates dearest_rates(const catalog::Price& price, Tokens input_most) {
  Rates dearest = price.rates;
  for (const catalog::Tier& tier : price.tiers) {
    if (input_most <= tier.above_input) continue;
    for (const auto rate : kAllRates)
      if (tier.rates.*rate) dearest.*rate = std::max(dearest.*rate, tier.rates.*rate);
  }
  return dearest;
}

NanoUsd add(NanoUsd a, NanoUsd b) {
  std::int64_t sum = 0;
  return {__builtin_add_overflow(a.nanos, b.nanos, &sum) ? kMost : sum};
}

NanoUsd times(NanoUsd each, std::uint64_t count) {
  std::int64_t product = 0;
  return {__builtin_mul_overflow(each.nanos, count, &product) ? kMost : product};
}

NanoUsd rounded(double nanos) {
  if (!(nanos < 9.2e18)) return {kMost};
  return {std::llround(std::max(nanos, 0.0))};
}

double per_token(const std::optional<NanoUsd>& per_million) {
  return per_million ? static_cast<double>(per_million->nanos) / kMillion : 0;
}

bool answers_in_tokens(Kind kind) {
  return kind == Kind::chat || kind == Kind::completion;
}

// The kinds whose price follows from tokens alone.
bool is_priced_by_tokens(Kind kind) {
  return answers_in_tokens(kind) || kind == Kind::embed || kind == Kind::rerank || kind == Kind::moderation;
}

// The longest answer there can be; absent: nobody bounds it.
std::optional<Tokens> longest_answer(const Ask& ask, const catalog::Offer& offer) {
  std::optional<Tokens> most = ask.output_max;
  for (const auto& bound : {offer.output_max, offer.context_length})
    if (bound && (!most || *bound < most->count)) most = Tokens{*bound};
  return most;
}

std::optional<NanoUsd> dearest(std::initializer_list<std::optional<NanoUsd>> rates) {
  return std::max(rates);
}

std::optional<NanoUsd> worst_cost(const Ask& ask, const catalog::Offer& offer, const catalog::Price& price) {
  const Rates rates = dearest_rates(price, ask.input_most);
  const auto input = dearest({rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long,
                              ask.has_audio ? rates.input_audio : std::nullopt,
                              ask.has_images ? rates.input_image : std::nullopt});
  NanoUsd worst = times(rates.image.value_or(NanoUsd{}), ask.images);
  worst = add(worst, rates.request.value_or(NanoUsd{}));
  worst = add(worst, cost_of(ask.input_most, input.value_or(NanoUsd{})));
  if (!answers_in_tokens(ask.kind)) return worst;
  const auto output = dearest({rates.output, rates.reasoning, rates.output_audio, rates.output_image});
  const auto longest = longest_answer(ask, offer);
  if (!longest) return std::nullopt;
  return add(worst, times(cost_of(*longest, output.value_or(NanoUsd{})), std::max(ask.choices, 1U)));
}

// Zero rates without the word "free" are a gap in somebody's list, not a gift.
bool says_something(const Rates& rates, Kind kind) {
  if (!rates.input || (answers_in_tokens(kind) && !rates.output)) return false;
  return rates.input->nanos != 0 || (rates.output && rates.output->nanos != 0) ||
         (rates.request && rates.request->nanos != 0);
}

double hit_chance(const Ask& ask, const Option& option) {
  const double observed = std::clamp(option.figures.cache_hit_chance, 0.0, 1.0);
  if (ask.prefix == 0) return observed;
  return option.holds_prefix ? std::max(observed, kHeldPrefixHitPrior) : 0;
}

}  // namespace

Rates rates_at(const catalog::Price& price, Tokens input) {
  Rates rates = price.rates;
  for (const catalog::Tier& tier : price.tiers)
    if (input > tier.above_input) rates = overlay(rates, tier.rates);
  return rates;
}

NanoUsd cost_of(Tokens tokens, NanoUsd per_million) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(tokens.count, per_million.nanos, &product)) return {kMost};
  return {product / kMillion + (product % kMillion > 0 ? 1 : 0)};
}

PriceTrust trust_in(const catalog::Price& price, const Situation& situation) {
  if (situation.price_max_age_s > 0 && price.source != "configuration") {
    const auto parts = base::split(price.date, '-');
    std::array<std::optional<std::uint64_t>, 3> numbers;
    if (parts.size() == numbers.size())
      for (std::size_t i = 0; i < parts.size(); ++i) numbers[i] = base::parse_unsigned(parts[i]);
    if (!std::ranges::all_of(numbers, [](const auto& n) { return n && *n < 10'000; }))
      return PriceTrust::unknown;
    const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(*numbers[0])),
                                          std::chrono::month(static_cast<unsigned>(*numbers[1])),
                                          std::chrono::day(static_cast<unsigned>(*numbers[2]))};
    if (!day.ok()) return PriceTrust::unknown;
    const std::int64_t since = std::int64_t{86'400} * std::chrono::sys_days(day).time_since_epoch().count();
    if (situation.today_s - since > situation.price_max_age_s) return PriceTrust::unknown;
  }
  return price.doubt.empty() ? PriceTrust::known : PriceTrust::doubted;
}

bool is_sound(const health::Spread& seen) {
  return seen.weight > 0 && std::isfinite(seen.log_mean) && std::isfinite(seen.log_deviation);
}

AnswerLength expect_answer(const Situation& situation, std::string_view asked_model) {
  const Ask& ask = *situation.ask;
  if (!answers_in_tokens(ask.kind)) return {};
  double weight = kPriorWeight;
  double log_sum = kPriorWeight * std::log(kAnswerTokensPrior);
  double variance_sum = kPriorWeight * kUnknownDeviation * kUnknownDeviation;
  for (const Option& option : situation.options) {
    const health::Spread& seen = option.figures.output_tokens;
    if (option.asked_model != asked_model || !is_sound(seen)) continue;
    weight += seen.weight;
    log_sum += seen.weight * seen.log_mean;
    variance_sum += seen.weight * seen.log_deviation * seen.log_deviation;
  }
  const double variance = std::min(variance_sum / weight, 4.0);
  const double mean = std::exp(std::clamp(log_sum / weight, -10.0, 20.0) + variance / 2);
  AnswerLength answer{.tokens = mean, .deviation = mean * std::sqrt(std::expm1(variance))};
  if (ask.output_max && answer.tokens > static_cast<double>(ask.output_max->count)) {
    answer.tokens = static_cast<double>(ask.output_max->count);
    answer.deviation = std::min(answer.deviation, answer.tokens / 2);
  }
  return answer;
}

CostOutlook expect_cost(const Situation& situation, const Option& option, const AnswerLength& answer) {
  const Ask& ask = *situation.ask;
  constexpr NanoUsd kNothing{};
  if (option.candidate.is_device())
    return {.price = PriceTrust::known, .expected = kNothing, .worst = kNothing};
  const catalog::Offer* offer = option.candidate.offer.get();
  if (offer == nullptr || !offer->price) return {};
  const catalog::Price& price = *offer->price;
  CostOutlook outlook{.price = trust_in(price, situation)};
  if (outlook.price == PriceTrust::unknown) return outlook;
  if (price.free || ask.kind == Kind::count_tokens) {
    outlook.expected = outlook.worst = kNothing;
    return outlook;
  }
  const Rates rates = rates_at(price, ask.input_expected);
  if (!is_priced_by_tokens(ask.kind) || !says_something(rates, ask.kind)) {
    outlook.price = PriceTrust::unknown;
    return outlook;
  }
  const double hit = rates.cache_read ? hit_chance(ask, option) : 0;
  const double input_nanos = per_token(rates.input) * (1 - hit) + per_token(rates.cache_read) * hit;
  const double answers = std::max(ask.choices, 1U);
  double nanos = static_cast<double>(ask.input_expected.count) * input_nanos;
  nanos += answer.tokens * answers * per_token(rates.output);
  nanos += ask.images * static_cast<double>(rates.image.value_or(kNothing).nanos);
  nanos += static_cast<double>(rates.request.value_or(kNothing).nanos);
  outlook.expected = rounded(nanos);
  outlook.deviation_usd = answer.deviation * std::sqrt(answers) * per_token(rates.output) * 1e-9;
  outlook.worst = worst_cost(ask, *offer, price);
  return outlook;
}

}  // namespace sluice::hub::routing
