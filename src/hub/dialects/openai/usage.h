// OpenAI's usage object and what providers make of it, both ways.
#pragma once

#include <optional>
#include <string_view>

#include "base/json_writer.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects::openai {

// From the text of a `usage` object; nullopt when it counts nothing we know. Besides OpenAI's own names it
// understands those of DeepSeek (prompt_cache_hit_tokens), Mistral (num_cached_tokens) and OpenRouter (cost).
std::optional<tasks::Usage> parse_usage(std::string_view json);

void write_usage(base::JsonWriter& out, const tasks::Usage& usage);

}  // namespace sluice::hub::dialects::openai
