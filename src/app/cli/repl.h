// The conversation of `sluice run` on a terminal, and what it and the one-shot form print about an answer.
#pragma once

#include <chrono>
#include <string_view>

#include "app/cli/chat_session.h"

namespace sluice::app::cli {

// Reads prompts until /bye or the end of input; returns the exit code.
int converse_with(ChatSession& chat, bool stats);

struct Speeds {
  double prompt_tokens_per_s = 0;
  double tokens_per_s = 0;  // after the first token
};
Speeds speeds_of(const vlm::generation::End& end);
double milliseconds(std::chrono::nanoseconds time);
std::string_view finish_word(const vlm::generation::End& end);  // "stop", "length", "cancelled"

// One line on standard error, dimmed on a terminal unless NO_COLOR is set.
void print_stats(const vlm::generation::LanguageModel& model, const vlm::generation::End& end);

}  // namespace sluice::app::cli
