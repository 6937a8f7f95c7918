#include "hub/dialects/anthropic/thinking.h"

#include <algorithm>
#include <ranges>

#include "hub/dialects/anthropic/encode_request.h"
#include "hub/dialects/thinking_budget.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using Kind = ThinkingPlan::Kind;
using tasks::Tokens;

bool forces_tool(const tasks::ChatRequest& request) {
  using Mode = tasks::ToolChoice::Mode;
  return request.tool_choice &&
         (request.tool_choice->mode == Mode::required || request.tool_choice->mode == Mode::named);
}

bool is_signed(const tasks::Part& part) {
  const auto* thought = std::get_if<tasks::ReasoningPart>(&part);
  return thought != nullptr && (thought->dialect.empty() || thought->dialect == "anthropic") &&
         !(thought->signature.empty() && thought->encrypted.empty());
}

// Whether the model is asked to go on after calls of a turn that does not begin with its thoughts.
bool is_thoughtless_loop(const tasks::ChatRequest& request) {
  for (const tasks::Message& message : request.messages | std::views::reverse) {
    if (message.role == tasks::Role::user) return false;
    if (message.role == tasks::Role::assistant && !message.tool_calls.empty())
      return std::ranges::none_of(message.parts, is_signed);
  }
  return false;
}

// The budget as Anthropic takes it, room for the answer left; nothing when there is none.
std::optional<Tokens> fit_budget(Tokens wanted, Tokens output_max) {
  if (output_max <= kThinkingBudgetMin) return std::nullopt;
  const Tokens wished = std::max(wanted, kThinkingBudgetMin);
  if (wished < output_max) return wished;
  return std::max(kThinkingBudgetMin, Tokens{output_max.count - output_max.count / 4});
}

}  // namespace

ThinkingPlan plan_thinking(const tasks::ChatRequest& request) {
  ThinkingPlan plan{.output_max = request.output_max.value_or(kDefaultOutputMax)};
  if (!request.reasoning) return plan;
  const tasks::Reasoning& wish = *request.reasoning;
  const std::string name = wish.effort.empty() ? "reasoning" : "reasoning_effort";
  std::optional<Tokens> wanted = wish.budget;
  if (!wanted && !wish.effort.empty()) {
    wanted = budget_of_effort(wish.effort);
    if (!wanted) plan.dropped = name;
  }
  if (wanted == Tokens{}) {
    plan.kind = Kind::disabled;
    return plan;
  }
  // Only this dialect knows thinking without a measure.
  if (!wanted && request.dialect != "anthropic") return plan;
  if (forces_tool(request) || is_thoughtless_loop(request)) {
    plan.dropped = name;
    return plan;
  }
  if (!wanted) {
    if (plan.dropped.empty()) plan.kind = Kind::adaptive;
    return plan;
  }
  if (!request.output_max) plan.output_max = plan.output_max + std::max(*wanted, kThinkingBudgetMin);
  const auto budget = fit_budget(*wanted, plan.output_max);
  if (!budget) {
    plan.dropped = name;
    return plan;
  }
  plan.kind = Kind::enabled;
  plan.budget = *budget;
  return plan;
}

}  // namespace sluice::hub::dialects::anthropic
