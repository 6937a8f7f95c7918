#include "hub/dialects/thinking_budget.h"

#include <array>
#include <cstdint>

namespace sluice::hub::dialects {
namespace {

struct Budget {
  std::string_view word;
  std::uint64_t tokens;
};
constexpr std::array kBudgets{Budget{"none", 0},      Budget{"minimal", 1024}, Budget{"low", 2048},
                              Budget{"medium", 8192}, Budget{"high", 16384},   Budget{"xhigh", 32768}};

}  // namespace

std::optional<tasks::Tokens> budget_of_effort(std::string_view effort) {
  for (const auto& [word, tokens] : kBudgets) {
    if (word == effort) return tasks::Tokens{tokens};
  }
  return std::nullopt;
}

std::string_view effort_of_budget(tasks::Tokens budget) {
  if (budget.count == 0) return kBudgets[0].word;
  std::string_view best = kBudgets[1].word;
  for (const auto& [word, tokens] : kBudgets) {
    if (tokens > 0 && tokens <= budget.count) best = word;
  }
  return best;
}

}  // namespace sluice::hub::dialects
