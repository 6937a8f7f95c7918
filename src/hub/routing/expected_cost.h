// What one request will cost on one route: expected, and the most it can be. Expected: the estimated prompt
// at the rate of its tier, split by the observed chance that the provider reads it from its cache; the
// expected answer; images; the price per request. The most: the upper bound of the prompt at the dearest
// input rate it may meet, the longest answer allowed at the dearest output rate, in integers, rounded up,
// saturating: what a cap may rely on. Unknown stays unknown. Pure.
#pragma once

#include <optional>

#include "base/money.h"
#include "hub/routing/decision.h"

namespace sluice::hub::routing {

// Whether its figures say anything.
bool is_sound(const health::Spread& seen);

// Tokens of one answer: what is expected of this model, and how far off that may be.
struct AnswerLength {
  double tokens = 0;
  double deviation = 0;
};
// From the answers that any of the options' routes gave for `asked_model`; a prior where there were none.
AnswerLength expect_answer(const Situation& situation, std::string_view asked_model);

struct CostOutlook {
  PriceTrust price = PriceTrust::unknown;
  std::optional<base::NanoUsd> expected = {}, worst = {};
  double deviation_usd = 0;
};
CostOutlook expect_cost(const Situation& situation, const Option& option, const AnswerLength& answer);

// Whether `price` may be relied on today.
PriceTrust trust_in(const catalog::Price& price, const Situation& situation);

// What a prompt of so many tokens is charged by, and its answer; a tier changes what it states.
catalog::Rates rates_at(const catalog::Price& price, tasks::Tokens input);

// `tokens` at `per_million`, rounded up; the largest amount there is when it does not fit.
base::NanoUsd cost_of(tasks::Tokens tokens, base::NanoUsd per_million);

}  // namespace sluice::hub::routing
