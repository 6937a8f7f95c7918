// Gemini's generations differ in what they demand of a request; a model's name tells which it is.
#pragma once

#include <string_view>

namespace sluice::hub::dialects::gemini {

// 2 for "gemini-2.5-pro", 3 for "models/gemini-3-pro-preview" and for the names that always mean the newest
// ("gemini-flash-latest"); 0 when the name does not say.
int generation_of(std::string_view model);

// From here on every turn with function calls must bring back a signature, and thinking is asked for by level
// rather than by tokens.
inline constexpr int kSigningGeneration = 3;

// Whether a call without a signature may be refused: by new models, and by those of which nothing is known.
inline bool may_demand_signatures(int generation) {
  return generation == 0 || generation >= kSigningGeneration;
}

}  // namespace sluice::hub::dialects::gemini
