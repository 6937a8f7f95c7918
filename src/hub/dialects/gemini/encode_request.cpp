#include "hub/dialects/gemini/encode_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "base/json_writer.h"
#include "hub/dialects/gemini/contents.h"
#include "hub/dialects/gemini/model_generation.h"
#include "hub/dialects/json_view.h"
#include "hub/dialects/thinking_budget.h"

namespace sluice::hub::dialects::gemini {
namespace {

using base::JsonWriter;
using Word = std::pair<std::string_view, std::string_view>;

// Parameters of Gemini's own that clients of the OpenAI dialect send beside the usual ones.
constexpr std::array kOwnWords{
    Word{"safety_settings", "safetySettings"}, Word{"safetySettings", "safetySettings"},
    Word{"cached_content", "cachedContent"}, Word{"cachedContent", "cachedContent"}};

constexpr std::array kTiers{Word{"default", "standard"}, Word{"standard", "standard"}, Word{"flex", "flex"},
                            Word{"priority", "priority"}};

constexpr std::array kPurposes{Word{"query", "RETRIEVAL_QUERY"}, Word{"document", "RETRIEVAL_DOCUMENT"},
                               Word{"classification", "CLASSIFICATION"}, Word{"clustering", "CLUSTERING"}};

std::string_view translate(std::span<const Word> words, std::string_view word) {
  const auto found = std::ranges::find(words, word, &Word::first);
  return found == words.end() ? std::string_view() : found->second;
}

template <typename T>
void write_optional(JsonWriter& out, std::string_view name, const std::optional<T>& value) {
  if (value) out.field(name, *value);
}

class RequestWriter {
 public:
  RequestWriter(JsonWriter& out, const tasks::ChatRequest& request, std::string_view model, DropList& dropped)
      : out_(out), request_(request), generation_(generation_of(model)), dropped_(dropped) {}

  // The fields of a request, into the object under way.
  base::Status write() {
    SLUICE_TRY_VOID(write_conversation(out_, request_, generation_, dropped_));
    write_tools();
    write_generation();
    write_service_tier();
    write_others();
    return {};
  }

 private:
  void write_tools() {
    const auto can_carry = [](const tasks::Tool& tool) {
      return tool.native_json.empty() || tool.dialect == "gemini";
    };
    for (const tasks::Tool& tool : request_.tools) {
      if (!can_carry(tool)) dropped_.add("tools." + tool.name);
      if (!tool.cache.empty()) dropped_.add("cache_control");
    }
    if (std::ranges::none_of(request_.tools, can_carry)) return;
    out_.key("tools").begin_array();
    write_functions();
    for (const tasks::Tool& tool : request_.tools) {
      if (!tool.native_json.empty() && can_carry(tool)) out_.raw(tool.native_json);
    }
    out_.end_array();
    write_tool_choice();
  }

  void write_functions() {
    const auto is_function = [](const tasks::Tool& tool) { return tool.native_json.empty(); };
    if (std::ranges::none_of(request_.tools, is_function)) return;
    out_.begin_object().key("functionDeclarations").begin_array();
    for (const tasks::Tool& tool : request_.tools) {
      if (!is_function(tool)) continue;
      if (tool.strict.value_or(false)) dropped_.add("tools.strict");
      out_.begin_object().field("name", tool.name);
      if (!tool.description.empty()) out_.field("description", tool.description);
      if (!tool.parameters_json.empty()) out_.key("parametersJsonSchema").raw(tool.parameters_json);
      out_.end_object();
    }
    out_.end_array().end_object();
  }

  void write_tool_choice() {
    if (request_.parallel_tool_calls == false) dropped_.add("parallel_tool_calls");
    if (!request_.tool_choice) return;
    constexpr std::string_view kModes[] = {"AUTO", "NONE", "ANY", "ANY"};  // as tasks::ToolChoice::Mode
    const tasks::ToolChoice& choice = *request_.tool_choice;
    out_.key("toolConfig").begin_object().key("functionCallingConfig").begin_object();
    out_.field("mode", kModes[static_cast<std::size_t>(choice.mode)]);
    if (choice.mode == tasks::ToolChoice::Mode::named)
      out_.key("allowedFunctionNames").begin_array().string(choice.name).end_array();
    out_.end_object().end_object();
  }

  void write_generation() {
    out_.key("generationConfig").begin_object();
    write_sampling();
    if (request_.output_max) out_.field("maxOutputTokens", request_.output_max->count);
    if (request_.choices > 1) out_.field("candidateCount", request_.choices);
    if (!request_.stop.empty()) {
      out_.key("stopSequences").begin_array();
      for (const std::string& text : request_.stop) out_.string(text);
      out_.end_array();
    }
    if (request_.logprobs) {
      out_.field("responseLogprobs", true);
      if (request_.top_logprobs > 0) out_.field("logprobs", request_.top_logprobs);
    }
    write_response_format();
    write_thinking();
    write_media_resolution();
    const auto is_text = [](const std::string& modality) { return modality == "text"; };
    if (!std::ranges::all_of(request_.modalities, is_text)) dropped_.add("modalities");
    out_.end_object();
  }

  void write_sampling() {
    const tasks::Sampling& sampling = request_.sampling;
    write_optional(out_, "temperature", sampling.temperature);
    write_optional(out_, "topP", sampling.top_p);
    write_optional(out_, "topK", sampling.top_k);
    write_optional(out_, "presencePenalty", sampling.presence_penalty);
    write_optional(out_, "frequencyPenalty", sampling.frequency_penalty);
    if (sampling.seed) {
      using Int32 = std::numeric_limits<std::int32_t>;
      if (*sampling.seed >= Int32::min() && *sampling.seed <= Int32::max()) {
        out_.field("seed", *sampling.seed);
      } else {
        dropped_.add("seed");
      }
    }
    if (sampling.min_p) dropped_.add("min_p");
    if (sampling.repetition_penalty) dropped_.add("repetition_penalty");
    if (!sampling.logit_bias.empty()) dropped_.add("logit_bias");
  }

  void write_response_format() {
    using Kind = tasks::ResponseFormat::Kind;
    if (!request_.response_format || request_.response_format->kind == Kind::text) return;
    out_.field("responseMimeType", "application/json");
    if (request_.response_format->kind == Kind::json_schema)
      out_.key("responseJsonSchema").raw(request_.response_format->schema_json);
  }

  void write_thinking() {
    if (!request_.reasoning) return;
    const tasks::Reasoning& wish = *request_.reasoning;
    const auto budget = wish.budget ? wish.budget : budget_of_effort(wish.effort);
    if (!budget && !wish.effort.empty()) dropped_.add("reasoning_effort");
    if (!budget && !wish.show) return;
    out_.key("thinkingConfig").begin_object();
    out_.field("includeThoughts", wish.show.value_or(budget && budget->count > 0));
    if (wish.budget) {
      out_.field("thinkingBudget", wish.budget->count);
    } else if (budget && generation_ >= kSigningGeneration) {
      out_.field("thinkingLevel", level_of(wish.effort));
    } else if (budget) {
      // The most that every model of the generations with budgets takes.
      constexpr std::uint64_t kBudgetMax = 24'576;
      out_.field("thinkingBudget", std::min(budget->count, kBudgetMax));
    }
    out_.end_object();
  }

  // Thinking cannot be turned off there, and there is nothing above "high".
  static std::string_view level_of(std::string_view effort) {
    if (effort == "none") return "minimal";
    return effort == "xhigh" ? std::string_view("high") : effort;
  }

  // Of the whole request: carried when all images with a wish have the same.
  void write_media_resolution() {
    constexpr std::array kResolutions{Word{"low", "MEDIA_RESOLUTION_LOW"},
                                      Word{"high", "MEDIA_RESOLUTION_HIGH"}};
    std::set<std::string_view> details;
    for (const tasks::Message& message : request_.messages) {
      for (const tasks::Part& part : message.parts) {
        if (const auto* image = std::get_if<tasks::ImagePart>(&part))
          details.insert(image->detail.empty() ? "auto" : std::string_view(image->detail));
      }
    }
    const std::string_view resolution = details.size() == 1 ? translate(kResolutions, *details.begin()) : "";
    if (!resolution.empty()) {
      out_.field("mediaResolution", resolution);
    } else if (details.size() > details.count("auto")) {
      dropped_.add("messages.content.image_url.detail");
    }
  }

  void write_service_tier() {
    if (request_.service_tier.empty() || request_.service_tier == "auto") return;
    const std::string_view tier = translate(kTiers, request_.service_tier);
    if (tier.empty()) return dropped_.add("service_tier");
    out_.field("serviceTier", tier);
  }

  void write_others() {
    if (!request_.user.empty()) dropped_.add("user");
    std::set<std::string_view> written;
    for (const tasks::Extra& extra : request_.others) {
      const std::string_view word = translate(kOwnWords, extra.name);
      if (word.empty() || request_.dialect != "openai" || !written.insert(word).second) {
        dropped_.add(extra.name);
      } else {
        out_.key(word).raw(extra.json);
      }
    }
  }

  JsonWriter& out_;
  const tasks::ChatRequest& request_;
  const int generation_;
  DropList& dropped_;
};

std::string resource_of(std::string_view model) {
  return model.contains('/') ? std::string(model) : fmt::format("models/{}", model);
}

}  // namespace

base::Result<std::string> encode_chat(const tasks::ChatRequest& request, std::string_view model,
                                      DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object();
  SLUICE_TRY_VOID(RequestWriter(out, request, model, dropped).write());
  out.end_object();
  return body;
}

base::Result<std::string> encode_count(const tasks::ChatRequest& request, std::string_view model,
                                       DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().key("generateContentRequest").begin_object().field("model", resource_of(model));
  SLUICE_TRY_VOID(RequestWriter(out, request, model, dropped).write());
  out.end_object().end_object();
  return body;
}

base::Result<std::string> encode_embed(const tasks::EmbedRequest& request, std::string_view model,
                                       DropList& dropped) {
  const std::string_view purpose = translate(kPurposes, request.purpose);
  if (purpose.empty() && !request.purpose.empty()) dropped.add("input_type");
  if (request.truncate) dropped.add("truncate");
  if (!request.user.empty()) dropped.add("user");
  dropped.add_others(request.others);
  std::string body;
  JsonWriter out(body);
  out.begin_object().key("requests").begin_array();
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const auto* text = std::get_if<std::string>(&request.inputs[i]);
    if (text == nullptr) {
      return refuse_parameter("input",
                              fmt::format("'input.{}' must be text for this provider, not token ids", i));
    }
    out.begin_object().field("model", resource_of(model));
    out.key("content").begin_object().key("parts").begin_array();
    out.begin_object().field("text", *text).end_object();
    out.end_array().end_object();
    if (!purpose.empty()) out.field("taskType", purpose);
    write_optional(out, "outputDimensionality", request.dimensions);
    out.end_object();
  }
  out.end_array().end_object();
  return body;
}

}  // namespace sluice::hub::dialects::gemini
