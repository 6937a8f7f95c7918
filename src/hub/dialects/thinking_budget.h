// How hard a model shall think: some dialects say it in words, others in tokens. One table joins the two, so
// that a wish survives a translation there and back.
#pragma once

#include <optional>
#include <string_view>

#include "hub/tasks/usage.h"

namespace sluice::hub::dialects {

// Tokens for "none" (0), "minimal", "low", "medium", "high", "xhigh"; nothing for other words.
std::optional<tasks::Tokens> budget_of_effort(std::string_view effort);

// The word whose tokens are nearest from below ("none" for 0, "minimal" for what is less than its tokens), so
// that effort_of_budget(*budget_of_effort(word)) == word.
std::string_view effort_of_budget(tasks::Tokens budget);

}  // namespace sluice::hub::dialects
