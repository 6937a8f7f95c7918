// cache_control, the mark that Anthropic put on parts and that OpenRouter's and LiteLLM's clients write in
// OpenAI's requests: {"type": "ephemeral", "ttl": "5m" | "1h"}.
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "hub/dialects/json_view.h"

namespace sluice::hub::dialects::openai {

inline constexpr std::string_view kCacheControl = "cache_control";

// How long, "5m" where it does not say.
base::Result<std::string> read_cache_mark(const JsonView& value);
// The member with its key; nothing for an empty mark.
void write_cache_mark(base::JsonWriter& out, std::string_view mark);

}  // namespace sluice::hub::dialects::openai
