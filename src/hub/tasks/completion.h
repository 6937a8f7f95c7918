// Plain text continuation (the older of OpenAI's two text tasks). Its answers are the events of event.h:
// Started, TextDelta, Finished, UsageReport, Failed. Choices are numbered prompt-major: with two prompts and
// n = 2, choices 0 and 1 continue the first prompt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hub/tasks/generation.h"

namespace sluice::hub::tasks {

using TokenIds = std::vector<std::int64_t>;
using Prompt = std::variant<std::string, TokenIds>;

struct CompletionRequest {
  std::string model;
  std::vector<Prompt> prompts;  // at least one
  std::string suffix;           // text that follows the gap to fill, or empty

  Sampling sampling;
  std::optional<Tokens> output_max;
  std::vector<std::string> stop;
  std::uint32_t choices = 1;  // per prompt
  std::uint32_t best_of = 1;
  std::optional<std::uint32_t> logprobs;  // present: report them, with so many alternatives
  bool echo = false;

  bool stream = false;
  bool include_usage = false;
  std::string user;
  std::vector<Extra> others;  // in the words of `dialect`, as in ChatRequest
  std::string dialect = "openai";
};

}  // namespace sluice::hub::tasks
