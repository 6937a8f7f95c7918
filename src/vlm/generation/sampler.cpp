#include "vlm/generation/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "vlm/generation/limits.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Status;

namespace {

Status refuse(std::string_view parameter, std::string message) {
  return fail({.code = ErrorCode::invalid_argument,
               .message = std::move(message),
               .parameter = std::string(parameter)});
}

Status check_range(std::string_view parameter, double value, double least, double most) {
  if (value >= least && value <= most) return {};
  return refuse(parameter, fmt::format("{}: expected {} to {}, got {}", parameter, least, most, value));
}

// NaNs lose every comparison; among equals the lowest id stays.
std::int32_t largest_of(std::span<const float> logits) {
  std::size_t best = 0;
  float value = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > value) {
      value = logits[i];
      best = i;
    }
  }
  return static_cast<std::int32_t>(best);
}

// exp(x) for x <= 0 to 2e-7 relative, without a call, so that the loop over a vocabulary vectorises.
// 2^(x/ln 2) = 2^n * e^r with n rounded to nearest and |r| <= ln(2)/2: a polynomial of degree 6 suffices.
inline float exp_of_negative(float x) {
  constexpr float kLog2e = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // 9 bits: n * high is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRoundToNearest = 12582912.0F;  // 1.5 * 2^23
  x = x > -87.0F ? x : -87.0F;                    // below: 0 for our purposes; also swallows NaN
  const float n = (x * kLog2e + kRoundToNearest) - kRoundToNearest;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

// ln of the sum of exp(logit): what turns a logit into a log-probability.
float log_sum_exp(std::span<const float> logits) {
  const float largest = logits[static_cast<std::size_t>(largest_of(logits))];
  double sum = 0;
  for (const float logit : logits) sum += static_cast<double>(exp_of_negative(logit - largest));
  return largest + static_cast<float>(std::log(sum));
}

std::vector<TokenLogprob> likeliest(std::span<const float> logits, std::size_t count, float normaliser) {
  const auto before = [](const TokenLogprob& a, const TokenLogprob& b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.token < b.token);
  };
  std::vector<TokenLogprob> top;  // a heap with the least likely in front
  for (std::size_t i = 0; i < logits.size() && count > 0; ++i) {
    const TokenLogprob candidate{static_cast<std::int32_t>(i), logits[i] - normaliser};
    if (top.size() == count) {
      if (!before(candidate, top.front())) continue;
      std::ranges::pop_heap(top, before);
      top.back() = candidate;
    } else {
      top.push_back(candidate);
    }
    std::ranges::push_heap(top, before);
  }
  std::ranges::sort_heap(top, before);
  return top;
}

}  // namespace

Status check_sampling(const Sampling& s, std::size_t vocabulary) {
  SLUICE_TRY_VOID(check_range("temperature", s.temperature, 0, 100));
  SLUICE_TRY_VOID(check_range("presence_penalty", s.presence_penalty, -2, 2));
  SLUICE_TRY_VOID(check_range("frequency_penalty", s.frequency_penalty, -2, 2));
  SLUICE_TRY_VOID(check_range("min_p", s.min_p, 0, 1));
  SLUICE_TRY_VOID(check_range("top_p", s.top_p, 0, 1));
  SLUICE_TRY_VOID(check_range("repetition_penalty", s.repetition_penalty, 0.01, 10));
  if (s.top_logprobs > kTopLogprobsMax)
    return refuse("top_logprobs",
                  fmt::format("top_logprobs: expected at most {}, got {}", kTopLogprobsMax, s.top_logprobs));
  if (s.logit_bias.size() > kLogitBiasMax)
    return refuse("logit_bias", fmt::format("logit_bias: expected at most {} entries, got {}", kLogitBiasMax,
                                            s.logit_bias.size()));
  for (const auto& [token, bias] : s.logit_bias) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
      return refuse("logit_bias",
                    fmt::format("logit_bias: expected token ids below {}, got {}", vocabulary, token));
    SLUICE_TRY_VOID(check_range("logit_bias", static_cast<double>(bias), -100, 100));
  }
  return {};
}

Sampler::Sampler(Sampling sampling, std::span<const std::int32_t> prompt)
    : sampling_(std::move(sampling)), random_(sampling_.seed) {
  if (sampling_.repetition_penalty == 1.0) return;
  std::vector<std::int32_t> tokens(prompt.begin(), prompt.end());
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  for (const std::int32_t token : tokens) seen_.push_back({token, 0});
}

Choice Sampler::choose(std::span<float> logits) {
  Choice choice;
  float normaliser = 0;
  std::vector<float> untouched;
  if (sampling_.logprobs) {
    normaliser = log_sum_exp(logits);
    choice.top = likeliest(logits, sampling_.top_logprobs, normaliser);
    untouched.assign(logits.begin(), logits.end());
  }
  adjust(logits);
  choice.token = sampling_.temperature == 0 ? largest_of(logits) : draw(logits);
  if (sampling_.logprobs) choice.logprob = untouched[static_cast<std::size_t>(choice.token)] - normaliser;
  remember(choice.token);
  return choice;
}

void Sampler::adjust(std::span<float> logits) const {
  const auto repetition = static_cast<float>(sampling_.repetition_penalty);
  for (const Seen& seen : seen_) {
    float& logit = logits[static_cast<std::size_t>(seen.token)];
    logit = logit > 0 ? logit / repetition : logit * repetition;
    if (seen.in_answer > 0)
      logit -= static_cast<float>(sampling_.presence_penalty + sampling_.frequency_penalty * seen.in_answer);
  }
  for (const auto& [token, bias] : sampling_.logit_bias) logits[static_cast<std::size_t>(token)] += bias;
}

std::int32_t Sampler::draw(std::span<const float> logits) {
  const std::int32_t greedy = largest_of(logits);
  const float largest = logits[static_cast<std::size_t>(greedy)];
  // A temperature near zero must not turn a tie into infinity minus infinity.
  const auto inverse = static_cast<float>(1.0 / std::max(sampling_.temperature, 1e-4));
  weights_.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    weights_[i] = exp_of_negative((logits[i] - largest) * inverse);

  if (sampling_.top_k > 0 && sampling_.top_k < logits.size()) {
    gather_likeliest(sampling_.top_k);
  } else {
    double total = 0;
    for (const float weight : weights_) total += static_cast<double>(weight);
    // Tokens below this share weigh less than 1 - top_p together, so none of them is in the nucleus.
    const double outside =
        sampling_.top_p < 1 ? (1 - sampling_.top_p) * total / static_cast<double>(logits.size()) : 0;
    gather_above(static_cast<float>(outside));
  }
  cut_tail();

  double total = 0;
  for (const Candidate& candidate : candidates_) total += static_cast<double>(candidate.weight);
  double left = random_.uniform() * total;
  for (const Candidate& candidate : candidates_) {
    left -= static_cast<double>(candidate.weight);
    if (left < 0) return candidate.token;
  }
  return candidates_.empty() ? greedy : candidates_.front().token;
}

void Sampler::gather_likeliest(std::size_t count) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.weight > b.weight || (a.weight == b.weight && a.token < b.token);
  };
  candidates_.clear();
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const Candidate candidate{weights_[i], static_cast<std::int32_t>(i)};
    if (candidates_.size() == count) {
      if (!before(candidate, candidates_.front())) continue;
      std::ranges::pop_heap(candidates_, before);
      candidates_.back() = candidate;
    } else {
      candidates_.push_back(candidate);
    }
    std::ranges::push_heap(candidates_, before);
  }
}

void Sampler::gather_above(float weight) {
  candidates_.clear();
  for (std::size_t i = 0; i < weights_.size(); ++i)
    if (weights_[i] >= weight) candidates_.push_back({weights_[i], static_cast<std::int32_t>(i)});
}

// Leaves the smallest set of likeliest candidates that weighs top_p of all of them, then drops those below
// min_p of the likeliest. Without either the order does not matter, so nothing is sorted.
void Sampler::cut_tail() {
  if (sampling_.top_p == 1.0 && sampling_.min_p == 0.0) return;
  if (sampling_.top_p < 1.0) {
    std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
      return a.weight > b.weight || (a.weight == b.weight && a.token < b.token);
    });
    // What gather_above left out counts as well: without top-k the nucleus is a share of the whole
    // vocabulary.
    double total = 0;
    if (sampling_.top_k > 0) {
      for (const Candidate& candidate : candidates_) total += static_cast<double>(candidate.weight);
    } else {
      for (const float weight : weights_) total += static_cast<double>(weight);
    }
    double sum = 0;
    std::size_t kept = 0;
    while (kept < candidates_.size() && (kept == 0 || sum < sampling_.top_p * total))
      sum += static_cast<double>(candidates_[kept++].weight);
    candidates_.resize(kept);
  }
  std::erase_if(candidates_,
                [&](const Candidate& c) { return static_cast<double>(c.weight) < sampling_.min_p; });
}

void Sampler::remember(std::int32_t token) {
  if (sampling_.repetition_penalty == 1.0 && sampling_.presence_penalty == 0.0 &&
      sampling_.frequency_penalty == 0.0)
    return;
  const auto at = std::ranges::lower_bound(seen_, token, {}, &Seen::token);
  if (at != seen_.end() && at->token == token)
    ++at->in_answer;
  else
    seen_.insert(at, {token, 1});
}

}  // namespace sluice::vlm::generation
