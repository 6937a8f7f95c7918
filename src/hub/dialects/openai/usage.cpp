#include "hub/dialects/openai/usage.h"

#include <cmath>

#include "base/usd_text.h"
#include "hub/dialects/sluice_usage.h"
#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::openai {
namespace {

using tasks::Tokens;

constexpr double kCostUsdMax = 1e6;  // of one answer; beyond is rubbish

Tokens first_of(JsonObject object, std::string_view key, std::string_view other) {
  const Tokens tokens = tokens_of(object, key);
  return tokens.count != 0 ? tokens : tokens_of(object, other);
}

// In dollars: OpenRouter's number, Perplexity's object, DeepInfra's estimate, xAI's ticks of 1e-10.
std::optional<double> cost_of(JsonObject object) {
  if (const auto usd = decimal_of(object, "cost")) return usd;
  if (const auto parts = object_of(object, "cost")) return decimal_of(*parts, "total_cost");
  if (const auto usd = decimal_of(object, "estimated_cost")) return usd;
  if (const auto ticks = decimal_of(object, "cost_in_usd_ticks")) return *ticks * 1e-10;
  return std::nullopt;
}

}  // namespace

std::optional<tasks::Usage> parse_usage(std::string_view json) {
  const auto element = parse_json(json);
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS) return std::nullopt;
  if (!count_of(object, "prompt_tokens") && !count_of(object, "completion_tokens") &&
      !count_of(object, "total_tokens")) {
    return std::nullopt;
  }
  tasks::Usage usage;
  usage.input = tokens_of(object, "prompt_tokens");
  usage.output = tokens_of(object, "completion_tokens");

  const auto input = object_of(object, "prompt_tokens_details");
  usage.cached = tokens_of(input, "cached_tokens");
  if (usage.cached.count == 0)
    usage.cached = first_of(object, "prompt_cache_hit_tokens", "num_cached_tokens");
  usage.cache_write = tokens_of(input, "cache_write_tokens");
  usage.input_audio = tokens_of(input, "audio_tokens");
  usage.input_image = tokens_of(input, "image_tokens");

  const auto output = object_of(object, "completion_tokens_details");
  usage.reasoning = tokens_of(output, "reasoning_tokens");
  usage.output_audio = tokens_of(output, "audio_tokens");
  usage.output_image = tokens_of(output, "image_tokens");
  usage.accepted_prediction = tokens_of(output, "accepted_prediction_tokens");
  usage.rejected_prediction = tokens_of(output, "rejected_prediction_tokens");
  // Some servers leave the hidden reasoning out of completion_tokens: a part cannot exceed its whole.
  if (usage.reasoning > usage.output) usage.output = usage.output + usage.reasoning;

  if (const auto usd = cost_of(object); usd && *usd >= 0 && *usd < kCostUsdMax)
    usage.reported_cost = base::NanoUsd{static_cast<std::int64_t>(std::ceil(*usd * 1e9 - 1e-6))};
  return usage;
}

void write_usage(base::JsonWriter& out, const tasks::Usage& usage) {
  out.begin_object()
      .field("prompt_tokens", usage.input.count)
      .field("completion_tokens", usage.output.count)
      .field("total_tokens", usage.total().count);
  out.key("prompt_tokens_details").begin_object().field("cached_tokens", usage.cached.count);
  if (usage.cache_write.count != 0) out.field("cache_write_tokens", usage.cache_write.count);
  out.field("audio_tokens", usage.input_audio.count);
  if (usage.input_image.count != 0) out.field("image_tokens", usage.input_image.count);
  out.end_object();
  out.key("completion_tokens_details")
      .begin_object()
      .field("reasoning_tokens", usage.reasoning.count)
      .field("audio_tokens", usage.output_audio.count);
  if (usage.output_image.count != 0) out.field("image_tokens", usage.output_image.count);
  out.field("accepted_prediction_tokens", usage.accepted_prediction.count)
      .field("rejected_prediction_tokens", usage.rejected_prediction.count)
      .end_object();
  if (usage.reported_cost) out.key("cost").raw(base::usd_text(*usage.reported_cost));
  write_sluice_usage(out, usage);
  out.end_object();
}

}  // namespace sluice::hub::dialects::openai
