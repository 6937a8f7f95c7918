// Settings that every text-generating task shares. An absent value means "the server's default": it is
// never filled in here, so that what was not asked for is not sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/tasks/usage.h"

namespace sluice::hub::tasks {

struct Sampling {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::uint32_t> top_k;
  std::optional<double> min_p;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> repetition_penalty;
  std::optional<std::int64_t> seed;
  std::vector<std::pair<std::int64_t, double>> logit_bias;  // token id -> bias, in the order given
};

// A parameter the hub has no field for, kept by name with its JSON value as it came. Whoever serves the
// request either carries it or refuses it by this name; nothing is lost on the way.
struct Extra {
  std::string name;
  std::string json;
};

// How probable the chosen token was, and what else was likely.
struct TokenLogprob {
  std::string token;   // its text; may be part of a character
  double logprob = 0;  // natural logarithm
  std::vector<std::uint8_t> bytes;
  std::vector<TokenLogprob> top;  // most likely first; these hold no further `top`
};

}  // namespace sluice::hub::tasks
