#include "hub/dialects/gemini/usage.h"

#include <algorithm>

#include "hub/dialects/limits.h"
#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::gemini {
namespace {

using tasks::Tokens;

// Of the list of counts by modality under `key`.
Tokens tokens_of_modality(JsonObject metadata, std::string_view key, std::string_view modality) {
  Tokens sum;
  for (const JsonElement element : elements_of(metadata, key)) {
    JsonObject entry;
    if (element.get(entry) == simdjson::SUCCESS && text_of(entry, "modality") == modality)
      sum.count = std::min(kTokenCountMax, sum.count + tokens_of(entry, "tokenCount").count);
  }
  return sum;
}

}  // namespace

tasks::Usage read_usage(JsonObject metadata) {
  tasks::Usage usage;
  usage.input = tokens_of(metadata, "promptTokenCount") + tokens_of(metadata, "toolUsePromptTokenCount");
  usage.cached = tokens_of(metadata, "cachedContentTokenCount");
  for (const std::string_view key : {"promptTokensDetails", "toolUsePromptTokensDetails"}) {
    usage.input_audio = usage.input_audio + tokens_of_modality(metadata, key, "AUDIO");
    usage.input_image = usage.input_image + tokens_of_modality(metadata, key, "IMAGE");
  }
  usage.reasoning = tokens_of(metadata, "thoughtsTokenCount");
  usage.output = tokens_of(metadata, "candidatesTokenCount") + usage.reasoning;
  usage.output_audio = tokens_of_modality(metadata, "candidatesTokensDetails", "AUDIO");
  usage.output_image = tokens_of_modality(metadata, "candidatesTokensDetails", "IMAGE");
  return usage;
}

}  // namespace sluice::hub::dialects::gemini
