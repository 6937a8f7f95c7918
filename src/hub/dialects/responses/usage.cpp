#include "hub/dialects/responses/usage.h"

#include <cmath>

#include "base/usd_text.h"
#include "hub/dialects/sluice_usage.h"
#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::responses {

void write_usage(base::JsonWriter& out, const tasks::Usage& usage) {
  out.begin_object().field("input_tokens", usage.input.count).key("input_tokens_details").begin_object();
  out.field("cached_tokens", usage.cached.count);
  if (usage.cache_write.count != 0) out.field("cache_write_tokens", usage.cache_write.count);
  if (usage.input_audio.count != 0) out.field("audio_tokens", usage.input_audio.count);
  if (usage.input_image.count != 0) out.field("image_tokens", usage.input_image.count);
  out.end_object().field("output_tokens", usage.output.count).key("output_tokens_details").begin_object();
  out.field("reasoning_tokens", usage.reasoning.count);
  if (usage.output_audio.count != 0) out.field("audio_tokens", usage.output_audio.count);
  if (usage.output_image.count != 0) out.field("image_tokens", usage.output_image.count);
  out.end_object().field("total_tokens", usage.total().count);
  if (usage.reported_cost) out.key("cost").raw(base::usd_text(*usage.reported_cost));
  write_sluice_usage(out, usage);
  out.end_object();
}

std::optional<tasks::Usage> read_usage(JsonObject object) {
  if (!count_of(object, "input_tokens") && !count_of(object, "output_tokens")) return std::nullopt;
  tasks::Usage usage;
  usage.input = tokens_of(object, "input_tokens");
  usage.output = tokens_of(object, "output_tokens");
  const auto input = object_of(object, "input_tokens_details");
  usage.cached = tokens_of(input, "cached_tokens");
  usage.cache_write = tokens_of(input, "cache_write_tokens");
  usage.input_audio = tokens_of(input, "audio_tokens");
  usage.input_image = tokens_of(input, "image_tokens");
  const auto output = object_of(object, "output_tokens_details");
  usage.reasoning = tokens_of(output, "reasoning_tokens");
  usage.output_audio = tokens_of(output, "audio_tokens");
  usage.output_image = tokens_of(output, "image_tokens");
  // Some servers leave the hidden thinking out of the output: a part cannot exceed its whole.
  if (usage.reasoning > usage.output) usage.output = usage.output + usage.reasoning;
  if (const auto usd = decimal_of(object, "cost"); usd && *usd >= 0 && *usd < 1e6)
    usage.reported_cost = base::NanoUsd{static_cast<std::int64_t>(std::ceil(*usd * 1e9 - 1e-6))};
  return usage;
}

}  // namespace sluice::hub::dialects::responses
