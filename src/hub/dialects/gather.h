// The events of a whole answer put together: what every front needs to write it as one body.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects {

struct TextBlock {
  std::string text;
  std::string signature;
  std::vector<tasks::TokenLogprob> logprobs;
  std::vector<tasks::Citation> citations;  // positions as in the events: of the choice's whole text
};
struct RefusalBlock {
  std::string text;
};
// In the order in which they began.
using Block = std::variant<TextBlock, tasks::ReasoningPart, RefusalBlock, tasks::ToolCall>;

struct GatheredChoice {
  std::vector<Block> blocks;
  std::optional<tasks::Finished> finished;

  std::string text() const;       // of all text blocks
  std::string reasoning() const;  // likewise
  std::string refusal() const;
  std::vector<const tasks::ToolCall*> tool_calls() const;  // borrowed; by the index of their deltas
  std::vector<tasks::TokenLogprob> logprobs() const;
  std::vector<tasks::Citation> citations() const;

 private:
  friend class Gatherer;
  std::map<std::uint32_t, std::size_t> call_blocks_;  // index of a call -> its block
  std::optional<std::uint32_t> reasoning_index_;      // of the block of thinking that is last
};

struct GatheredAnswer {
  tasks::Started started;
  std::map<std::uint32_t, GatheredChoice> choices;
  std::vector<tasks::Embedded> embedded;  // by index
  std::optional<tasks::Usage> usage;
};

// A delta continues the last block when that is of its kind (for thinking: of its index too), and begins a
// block otherwise; tool calls are told apart by their index.
//
// Fails with the error of a Failed event, and with upstream_failed when the answer is not whole: a choice
// without its Finished, or nothing at all (a usage alone is an answer to count_tokens).
base::Result<GatheredAnswer> gather(std::span<const tasks::Event> events);

}  // namespace sluice::hub::dialects
