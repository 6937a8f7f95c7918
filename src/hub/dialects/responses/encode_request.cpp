#include "hub/dialects/responses/encode_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "hub/dialects/responses/encode_items.h"
#include "hub/dialects/responses/words.h"
#include "hub/dialects/thinking_budget.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::JsonWriter;

template <typename T>
void write_optional(JsonWriter& out, std::string_view name, const std::optional<T>& value) {
  if (value) out.field(name, *value);
}

void write_text(JsonWriter& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.field(name, text);
}

// What the dialect has no parameter for.
void note_missing(const tasks::ChatRequest& request, DropList& dropped) {
  const tasks::Sampling& sampling = request.sampling;
  const std::pair<bool, std::string_view> asked[] = {
      {sampling.top_k.has_value(), "top_k"},
      {sampling.min_p.has_value(), "min_p"},
      {sampling.frequency_penalty.has_value(), "frequency_penalty"},
      {sampling.presence_penalty.has_value(), "presence_penalty"},
      {sampling.repetition_penalty.has_value(), "repetition_penalty"},
      {sampling.seed.has_value(), "seed"},
      {!sampling.logit_bias.empty(), "logit_bias"},
      {!request.stop.empty(), "stop"},
      {request.choices != 1, "n"},
      {std::ranges::any_of(request.modalities, [](const auto& one) { return one != "text"; }), "modalities"},
  };
  for (const auto& [is_asked, name] : asked)
    if (is_asked) dropped.add(name);
}

void write_tools(JsonWriter& out, const tasks::ChatRequest& request, DropList& dropped) {
  if (!request.tools.empty()) {
    out.key("tools").begin_array();
    for (const tasks::Tool& tool : request.tools) {
      if (!tool.cache.empty()) dropped.add("cache_control");
      if (!tool.native_json.empty()) {
        if (tool.dialect == kName) {
          out.raw(tool.native_json);
        } else {
          dropped.add("tools." + tool.name);
        }
        continue;
      }
      out.begin_object().field("type", "function").field("name", tool.name);
      write_text(out, "description", tool.description);
      out.key("parameters")
          .raw(tool.parameters_json.empty() ? R"({"type":"object","properties":{}})" : tool.parameters_json);
      out.field("strict", tool.strict.value_or(false)).end_object();
    }
    out.end_array();
  }
  if (request.tool_choice) {
    using Mode = tasks::ToolChoice::Mode;
    out.key("tool_choice");
    if (request.tool_choice->mode == Mode::named) {
      out.begin_object().field("type", "function").field("name", request.tool_choice->name).end_object();
    } else {
      const bool is_none = request.tool_choice->mode == Mode::none;
      out.string(is_none ? "none" : request.tool_choice->mode == Mode::required ? "required" : "auto");
    }
  }
  write_optional(out, "parallel_tool_calls", request.parallel_tool_calls);
}

// Parameters of chat that stand here under `text`.
const tasks::Extra* find_verbosity(const tasks::ChatRequest& request) {
  const auto found = std::ranges::find(request.others, "verbosity", &tasks::Extra::name);
  return found == request.others.end() ? nullptr : &*found;
}

void write_output_form(JsonWriter& out, const tasks::ChatRequest& request, const tasks::Extra* verbosity) {
  using Kind = tasks::ResponseFormat::Kind;
  if (!request.response_format && verbosity == nullptr) return;
  out.key("text").begin_object();
  if (const auto& format = request.response_format) {
    out.key("format").begin_object();
    if (format->kind != Kind::json_schema) {
      out.field("type", format->kind == Kind::text ? "text" : "json_object");
    } else {
      out.field("type", "json_schema").field("name", format->name.empty() ? "answer" : format->name);
      write_text(out, "description", format->description);
      out.key("schema").raw(format->schema_json.empty() ? "{}" : format->schema_json);
      write_optional(out, "strict", format->strict);
    }
    out.end_object();
  }
  if (verbosity != nullptr) out.key("verbosity").raw(verbosity->json);
  out.end_object();
}

// What seals the thinking is always asked for: without it the next turn could not give the thinking back.
void write_include(JsonWriter& out, const tasks::ChatRequest& request) {
  if (!request.reasoning && !request.logprobs) return;
  out.key("include").begin_array();
  if (request.reasoning) out.string(kIncludeEncrypted);
  if (request.logprobs) out.string(kIncludeLogprobs);
  out.end_array();
}

void write_reasoning(JsonWriter& out, const tasks::ChatRequest& request) {
  const auto& reasoning = request.reasoning;
  if (!reasoning) return;
  // A budget has no word here but the effort that comes nearest.
  const std::string_view effort = reasoning->effort.empty() && reasoning->budget
                                      ? effort_of_budget(*reasoning->budget)
                                      : std::string_view(reasoning->effort);
  if (effort.empty() && !reasoning->show.value_or(false)) return;
  out.key("reasoning").begin_object();
  if (!effort.empty()) out.field("effort", effort);
  if (reasoning->show.value_or(false)) out.field("summary", "auto");
  out.end_object();
}

// Parameters that chat and Responses have in common beyond the hub's own words go on; those of other
// dialects do not.
void write_others(JsonWriter& out, const tasks::ChatRequest& request, const tasks::Extra* verbosity,
                  DropList& dropped) {
  constexpr std::array<std::string_view, 5> kOfChat{"metadata", "prompt_cache_key", "prompt_cache_retention",
                                                    "safety_identifier", "verbosity"};
  constexpr std::array<std::string_view, 2> kWritten{"store", "include"};
  for (const tasks::Extra& extra : request.others) {
    if (&extra == verbosity || (extra.name == "store" && extra.json == "false")) continue;
    const bool is_known =
        request.dialect == kName ||
        (request.dialect == "openai" && std::ranges::find(kOfChat, extra.name) != kOfChat.end());
    if (is_known && !extra.name.contains('.') && std::ranges::find(kWritten, extra.name) == kWritten.end()) {
      out.key(extra.name).raw(extra.json);
    } else {
      dropped.add(extra.name);
    }
  }
  for (const tasks::Message& message : request.messages) dropped.add_others(message.others, "messages.");
}

}  // namespace

std::string encode_request(const tasks::ChatRequest& request, DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", request.model).key("input");
  write_input(out, request.messages, dropped);
  note_missing(request, dropped);
  write_optional(out, "temperature", request.sampling.temperature);
  write_optional(out, "top_p", request.sampling.top_p);
  if (request.output_max) out.field("max_output_tokens", request.output_max->count);
  if (request.top_logprobs != 0) out.field("top_logprobs", request.top_logprobs);
  write_tools(out, request, dropped);
  const bool has_verbosity = request.dialect == kName || request.dialect == "openai";
  const tasks::Extra* verbosity = has_verbosity ? find_verbosity(request) : nullptr;
  write_output_form(out, request, verbosity);
  write_reasoning(out, request);
  write_include(out, request);
  if (request.stream) out.field("stream", true);
  out.field("store", false);
  write_text(out, "user", request.user);
  write_text(out, "service_tier", request.service_tier);
  write_others(out, request, verbosity, dropped);
  out.end_object();
  return body;
}

}  // namespace sluice::hub::dialects::responses
