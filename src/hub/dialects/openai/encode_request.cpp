#include "hub/dialects/openai/encode_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/json_writer.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::JsonWriter;

template <typename T>
void write_optional(JsonWriter& out, std::string_view name, const std::optional<T>& value) {
  if (value) out.field(name, *value);
}

void write_text(JsonWriter& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.field(name, text);
}

void write_sampling(JsonWriter& out, const tasks::Sampling& sampling) {
  write_optional(out, "temperature", sampling.temperature);
  write_optional(out, "top_p", sampling.top_p);
  write_optional(out, "top_k", sampling.top_k);
  write_optional(out, "min_p", sampling.min_p);
  write_optional(out, "frequency_penalty", sampling.frequency_penalty);
  write_optional(out, "presence_penalty", sampling.presence_penalty);
  write_optional(out, "repetition_penalty", sampling.repetition_penalty);
  write_optional(out, "seed", sampling.seed);
  if (sampling.logit_bias.empty()) return;
  out.key("logit_bias").begin_object();
  for (const auto& [token, bias] : sampling.logit_bias) out.field(fmt::to_string(token), bias);
  out.end_object();
}

void write_stop(JsonWriter& out, const std::vector<std::string>& stop) {
  if (stop.empty()) return;
  out.key("stop").begin_array();
  for (const std::string& text : stop) out.string(text);
  out.end_array();
}

void write_stream(JsonWriter& out, bool stream, bool include_usage) {
  if (!stream) return;
  out.field("stream", true);
  if (include_usage) out.key("stream_options").begin_object().field("include_usage", true).end_object();
}

void write_extras(JsonWriter& out, const std::vector<tasks::Extra>& others) {
  for (const tasks::Extra& extra : others) out.key(extra.name).raw(extra.json);
}

bool is_ours(std::string_view dialect) {
  return dialect == "openai";
}

struct PartWriter {
  JsonWriter& out;

  void operator()(const tasks::TextPart& part) const {
    out.begin_object().field("type", "text").field("text", part.text).end_object();
  }
  void operator()(const tasks::ImagePart& part) const {
    out.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", part.url);
    write_text(out, "detail", part.detail);
    out.end_object().end_object();
  }
  void operator()(const tasks::AudioPart& part) const {
    out.begin_object().field("type", "input_audio").key("input_audio").begin_object();
    out.field("data", part.data).field("format", part.format).end_object().end_object();
  }
  void operator()(const tasks::FilePart& part) const {
    out.begin_object().field("type", "file").key("file").begin_object();
    write_text(out, "file_id", part.id);
    write_text(out, "file_data", part.data);
    write_text(out, "filename", part.name);
    out.end_object().end_object();
  }
  void operator()(const tasks::RefusalPart& part) const {
    out.begin_object().field("type", "refusal").field("refusal", part.text).end_object();
  }
  void operator()(const tasks::ReasoningPart&) const {}  // beside the content, see write_message
  void operator()(const tasks::NativePart& part) const {
    if (is_ours(part.dialect)) out.raw(part.json);
  }
};

// A lone text is written as a string: every server reads that form.
void write_content(JsonWriter& out, const tasks::Message& message) {
  const auto is_left_out = [](const tasks::Part& part) {
    const auto* native = std::get_if<tasks::NativePart>(&part);
    return std::holds_alternative<tasks::ReasoningPart>(part) ||
           (native != nullptr && !is_ours(native->dialect));
  };
  const auto parts = static_cast<std::size_t>(std::ranges::count_if(message.parts, std::not_fn(is_left_out)));
  out.key("content");
  const auto first = std::ranges::find_if_not(message.parts, is_left_out);
  if (parts == 0) {
    message.role == tasks::Role::assistant ? out.null() : out.string("");
  } else if (parts == 1 && std::holds_alternative<tasks::TextPart>(*first)) {
    out.string(std::get<tasks::TextPart>(*first).text);
  } else {
    out.begin_array();
    for (const tasks::Part& part : message.parts) std::visit(PartWriter{out}, part);
    out.end_array();
  }
}

std::string_view name_of(tasks::Role role) {
  constexpr std::string_view kNames[] = {"system", "developer", "user", "assistant", "tool"};
  return kNames[static_cast<std::size_t>(role)];
}

void write_message(JsonWriter& out, const tasks::Message& message, bool is_own) {
  out.begin_object().field("role", name_of(message.role));
  write_text(out, "name", message.name);
  write_content(out, message);
  for (const tasks::Part& part : message.parts) {
    if (const auto* reasoning = std::get_if<tasks::ReasoningPart>(&part))
      write_text(out, "reasoning_content", reasoning->text);
  }
  write_text(out, "tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out.key("tool_calls").begin_array();
    for (const tasks::ToolCall& call : message.tool_calls) {
      out.begin_object().field("id", call.id).field("type", "function").key("function").begin_object();
      out.field("name", call.name).field("arguments", call.arguments).end_object().end_object();
    }
    out.end_array();
  }
  if (is_own) write_extras(out, message.others);
  out.end_object();
}

void write_tools(JsonWriter& out, const tasks::ChatRequest& request) {
  if (!request.tools.empty()) {
    out.key("tools").begin_array();
    for (const tasks::Tool& tool : request.tools) {
      out.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
      write_text(out, "description", tool.description);
      if (!tool.parameters_json.empty()) out.key("parameters").raw(tool.parameters_json);
      write_optional(out, "strict", tool.strict);
      out.end_object().end_object();
    }
    out.end_array();
  }
  if (request.tool_choice) {
    using Mode = tasks::ToolChoice::Mode;
    out.key("tool_choice");
    if (request.tool_choice->mode == Mode::named) {
      out.begin_object().field("type", "function").key("function").begin_object();
      out.field("name", request.tool_choice->name).end_object().end_object();
    } else {
      const bool is_none = request.tool_choice->mode == Mode::none;
      out.string(is_none ? "none" : request.tool_choice->mode == Mode::required ? "required" : "auto");
    }
  }
  write_optional(out, "parallel_tool_calls", request.parallel_tool_calls);
}

void write_response_format(JsonWriter& out, const tasks::ResponseFormat& format) {
  using Kind = tasks::ResponseFormat::Kind;
  out.key("response_format").begin_object();
  if (format.kind != Kind::json_schema) {
    out.field("type", format.kind == Kind::text ? "text" : "json_object").end_object();
    return;
  }
  out.field("type", "json_schema").key("json_schema").begin_object().field("name", format.name);
  write_text(out, "description", format.description);
  if (!format.schema_json.empty()) out.key("schema").raw(format.schema_json);
  write_optional(out, "strict", format.strict);
  out.end_object().end_object();
}

}  // namespace

std::string encode_chat_request(const tasks::ChatRequest& request) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", request.model).key("messages").begin_array();
  const bool is_own = is_ours(request.dialect);
  for (const tasks::Message& message : request.messages) write_message(out, message, is_own);
  out.end_array();
  write_sampling(out, request.sampling);
  if (request.output_max) out.field("max_completion_tokens", request.output_max->count);
  write_stop(out, request.stop);
  if (request.choices != 1) out.field("n", request.choices);
  if (request.logprobs) out.field("logprobs", true);
  if (request.top_logprobs != 0) out.field("top_logprobs", request.top_logprobs);
  write_tools(out, request);
  if (request.response_format) write_response_format(out, *request.response_format);
  if (request.reasoning) write_text(out, "reasoning_effort", request.reasoning->effort);
  if (!request.modalities.empty()) {
    out.key("modalities").begin_array();
    for (const std::string& modality : request.modalities) out.string(modality);
    out.end_array();
  }
  write_stream(out, request.stream, request.include_usage);
  write_text(out, "user", request.user);
  write_text(out, "service_tier", request.service_tier);
  if (is_own) write_extras(out, request.others);
  out.end_object();
  return body;
}

std::vector<std::string> list_foreign(const tasks::ChatRequest& request) {
  std::vector<std::string> names;
  const auto note = [&names](std::string name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  const bool is_own = is_ours(request.dialect);
  for (const tasks::Message& message : request.messages) {
    for (const tasks::Part& part : message.parts) {
      const auto* native = std::get_if<tasks::NativePart>(&part);
      if (native != nullptr && !is_ours(native->dialect)) note("messages.content." + native->type);
    }
    for (const tasks::Extra& extra : message.others)
      if (!is_own) note("messages." + extra.name);
  }
  for (const tasks::Extra& extra : request.others)
    if (!is_own) note(extra.name);
  return names;
}

std::string encode_completion_request(const tasks::CompletionRequest& request) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", request.model).key("prompt");
  const auto write_prompt = [&out](const tasks::Prompt& prompt) {
    if (const auto* text = std::get_if<std::string>(&prompt)) {
      out.string(*text);
      return;
    }
    out.begin_array();
    for (const std::int64_t token : std::get<tasks::TokenIds>(prompt)) out.number(token);
    out.end_array();
  };
  if (request.prompts.size() == 1) {
    write_prompt(request.prompts.front());
  } else {
    out.begin_array();
    for (const tasks::Prompt& prompt : request.prompts) write_prompt(prompt);
    out.end_array();
  }
  write_text(out, "suffix", request.suffix);
  write_sampling(out, request.sampling);
  if (request.output_max) out.field("max_tokens", request.output_max->count);
  write_stop(out, request.stop);
  if (request.choices != 1) out.field("n", request.choices);
  if (request.best_of != 1) out.field("best_of", request.best_of);
  write_optional(out, "logprobs", request.logprobs);
  if (request.echo) out.field("echo", true);
  write_stream(out, request.stream, request.include_usage);
  write_text(out, "user", request.user);
  write_extras(out, request.others);
  out.end_object();
  return body;
}

}  // namespace sluice::hub::dialects::openai
