// What of a wish for reasoning Anthropic can be asked: it takes budgets of 1024 tokens and more, below
// max_tokens; not beside a forced tool; and not in the midst of a tool loop whose thoughts it is not shown.
#pragma once

#include <string>

#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::anthropic {

inline constexpr tasks::Tokens kThinkingBudgetMin{1024};

struct ThinkingPlan {
  enum class Kind : std::uint8_t { absent, disabled, adaptive, enabled };

  Kind kind = Kind::absent;
  tasks::Tokens budget = {};      // with Kind::enabled
  tasks::Tokens output_max = {};  // max_tokens of the request, thinking included
  std::string dropped = {};       // the wish that cannot be carried, or empty

  bool is_on() const { return kind == Kind::adaptive || kind == Kind::enabled; }
};

ThinkingPlan plan_thinking(const tasks::ChatRequest& request);

}  // namespace sluice::hub::dialects::anthropic
