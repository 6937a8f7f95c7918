// Anthropic's account of tokens. Its `input_tokens` are those that no cache had a part in; the hub's input is
// all of the prompt, so: input = input_tokens + cache_read_input_tokens + cache_creation_input_tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json_writer.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects::anthropic {

// A stream tells its usage several times: cumulative, and not every time whole. What comes later wins where
// it says more.
class UsageCount {
 public:
  void read(JsonObject usage);
  std::optional<tasks::Usage> total() const;  // nullopt before the first read()

 private:
  bool seen_ = false;
  std::uint64_t input_ = 0, cache_read_ = 0, cache_write_ = 0, cache_write_long_ = 0;
  std::uint64_t output_ = 0, thinking_ = 0;
};

// The members of a usage object, without its braces: what a message has, and (`tier` empty) an event of a
// stream.
void write_usage_members(base::JsonWriter& out, const tasks::Usage& usage, std::string_view tier);

// OpenAI's words for tiers (the hub's) and Anthropic's, in an answer.
std::string_view tier_of_wire(std::string_view wire);
std::string_view wire_of_tier(std::string_view tier);

}  // namespace sluice::hub::dialects::anthropic
