// Chooses the next token from logits. One Sampler belongs to one answer: it knows which tokens it chose, for
// the penalties, and its random state, so that the same seed gives the same answer.
//
// Order of the steps: logit bias and penalties, then temperature, then top-k, top-p and min-p on what is
// left, then one draw. Temperature 0 is greedy: the largest logit, the lowest id among equals. Presence and
// frequency penalties (OpenAI's formulas) count tokens of the answer; the repetition penalty (Keskar et al.
// 2019) counts prompt and answer. Log-probabilities are those of the model itself, before any of the steps.
//
// Threads: none of its own; one caller at a time.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace sluice::vlm::generation {

struct Sampling {
  double temperature = 1.0;         // [0, 100]; 0 is greedy
  std::uint32_t top_k = 0;          // 0: all
  double top_p = 1.0;               // (0, 1]
  double min_p = 0.0;               // [0, 1]: of the likeliest token's probability
  double presence_penalty = 0.0;    // [-2, 2]
  double frequency_penalty = 0.0;   // [-2, 2]
  double repetition_penalty = 1.0;  // (0, 10]; 1 is none
  std::vector<std::pair<std::int32_t, float>> logit_bias = {};  // token, [-100, 100]
  std::uint64_t seed = 0;
  bool logprobs = false;
  std::uint32_t top_logprobs = 0;  // at most kTopLogprobsMax
};

// Refuses values outside the ranges above, naming the request field in Error::parameter.
base::Status check_sampling(const Sampling& sampling, std::size_t vocabulary);

struct TokenLogprob {
  std::int32_t token = 0;
  float logprob = 0;  // natural logarithm
};

struct Choice {
  std::int32_t token = 0;
  float logprob = 0;                   // of `token`; 0 unless logprobs were asked for
  std::vector<TokenLogprob> top = {};  // likeliest first; empty unless asked for
};

class Sampler {
 public:
  // `sampling` has passed check_sampling; `prompt` holds ids below the vocabulary.
  Sampler(Sampling sampling, std::span<const std::int32_t> prompt);

  // Scribbles on `logits` ([vocabulary]). Always returns an id of the vocabulary, whatever the numbers are:
  // a broken weights file may yield NaNs. Remembers the token it returns.
  Choice choose(std::span<float> logits);

 private:
  struct Seen {
    std::int32_t token;
    std::uint32_t in_answer;  // times; 0: only in the prompt
  };
  struct Candidate {
    float weight;  // exp of the scaled logit, 1 for the likeliest
    std::int32_t token;
  };

  void adjust(std::span<float> logits) const;
  std::int32_t draw(std::span<const float> logits);
  void gather_likeliest(std::size_t count);
  void gather_above(float weight);
  void cut_tail();
  void remember(std::int32_t token);

  const Sampling sampling_;
  base::Random random_;
  std::vector<Seen> seen_;  // sorted by token; kept only when a penalty is on
  // Reused from token to token.
  std::vector<float> weights_;
  std::vector<Candidate> candidates_;
};

}  // namespace sluice::vlm::generation
