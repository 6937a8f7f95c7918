#include "hub/dialects/cohere/usage.h"

#include <algorithm>

#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::cohere {

tasks::Usage read_usage(JsonObject object) {
  const auto billed = object_of(object, "billed_units");
  const auto tokens = object_of(object, "tokens");
  const auto count = [&](std::string_view key) {
    return billed && value_of(*billed, key) ? tokens_of(billed, key) : tokens_of(tokens, key);
  };
  tasks::Usage usage;
  usage.input = count("input_tokens");
  usage.output = count("output_tokens");
  // These count `tokens` in any case, and a part cannot exceed its whole.
  usage.cached = std::min(usage.input, tokens_of(object, "cached_tokens"));
  usage.input_image = std::min(usage.input, tokens_of(tokens, "image_tokens"));
  usage.reasoning = std::min(usage.output, tokens_of(tokens, "reasoning_tokens"));
  return usage;
}

}  // namespace sluice::hub::dialects::cohere
