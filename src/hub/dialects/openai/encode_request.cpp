#include "hub/dialects/openai/encode_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/json_writer.h"
#include "hub/dialects/extra_content.h"
#include "hub/dialects/openai/cache_marks.h"
#include "hub/dialects/openai/reasoning_details.h"
#include "hub/dialects/thinking_budget.h"

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

// Parameters without a field in the hub that mean the same wherever they are known.
constexpr std::array<std::string_view, 6> kSharedWords{
    "metadata", "store", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "verbosity"};

bool is_ours(std::string_view dialect) {
  return dialect == "openai";
}

// Parameters without a field in the hub; those in another dialect's words only where OpenAI has the same
// word.
void write_unknown(JsonWriter& out, const std::vector<tasks::Extra>& others, std::string_view dialect,
                   DropList& dropped) {
  for (const tasks::Extra& extra : others) {
    if (is_ours(dialect) || std::ranges::find(kSharedWords, extra.name) != kSharedWords.end()) {
      out.key(extra.name).raw(extra.json);
    } else {
      dropped.add(extra.name);
    }
  }
}

std::string_view name_of(tasks::Role role) {
  constexpr std::string_view kNames[] = {"system", "developer", "user", "assistant", "tool"};
  return kNames[static_cast<std::size_t>(role)];
}

// Writes one request; knows what the server understands, and notes what it does not.
class ChatWriter {
 public:
  ChatWriter(JsonWriter& out, const tasks::ChatRequest& request, const Extensions& extensions,
             DropList& dropped)
      : out_(out),
        request_(request),
        extensions_(extensions),
        dropped_(dropped),
        is_own_(is_ours(request.dialect)) {}

  void write_messages() {
    out_.key("messages").begin_array();
    for (const tasks::Message& message : request_.messages) write_message(message);
    out_.end_array();
  }
  void write_tools();
  void write_reasoning();
  void write_others() { write_extras(request_.others, ""); }

  // Parts of a message.
  void operator()(const tasks::TextPart& part) {
    out_.begin_object().field("type", "text").field("text", part.text);
    end_part(part.cache);
  }
  void operator()(const tasks::ImagePart& part) {
    if (part.url.empty()) return write_file({.id = part.id, .data = "", .name = ""});
    out_.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", part.url);
    write_text(out_, "detail", part.detail);
    out_.end_object();
    end_part(part.cache);
  }
  void operator()(const tasks::AudioPart& part) {
    out_.begin_object().field("type", "input_audio").key("input_audio").begin_object();
    out_.field("data", part.data).field("format", part.format).end_object().end_object();
  }
  void operator()(const tasks::FilePart& part) {
    if (part.citations == true) dropped_.add("messages.content.citations");
    if (part.text.empty()) return write_file(part);
    // OpenAI's files are PDFs: what is text already is said as text.
    const std::string text = part.name.empty() ? part.text : fmt::format("{}\n\n{}", part.name, part.text);
    out_.begin_object().field("type", "text").field("text", text);
    end_part(part.cache);
  }
  void operator()(const tasks::RefusalPart& part) {
    out_.begin_object().field("type", "refusal").field("refusal", part.text).end_object();
  }
  void operator()(const tasks::ReasoningPart&) {}  // beside the content, see write_thoughts
  void operator()(const tasks::NativePart& part) {
    if (is_ours(part.dialect)) out_.raw(part.json);
  }

 private:
  void write_message(const tasks::Message& message);
  void write_content(const tasks::Message& message);
  void write_thoughts(const tasks::Message& message);
  void write_call(const tasks::ToolCall& call);
  void write_file(const tasks::FilePart& file);
  void write_mark(std::string_view mark);
  void end_part(std::string_view mark) {
    write_mark(mark);
    out_.end_object();
  }
  void write_extras(const std::vector<tasks::Extra>& others, std::string_view where);

  JsonWriter& out_;
  const tasks::ChatRequest& request_;
  const Extensions& extensions_;
  DropList& dropped_;
  const bool is_own_;  // what the hub has no field for is in this dialect's words
};

void ChatWriter::write_mark(std::string_view mark) {
  if (mark.empty()) return;
  extensions_.cache_control ? write_cache_mark(out_, mark) : dropped_.add(kCacheControl);
}

void ChatWriter::write_extras(const std::vector<tasks::Extra>& others, std::string_view where) {
  if (where.empty()) return write_unknown(out_, others, request_.dialect, dropped_);
  if (is_own_) return openai::write_extras(out_, others);
  dropped_.add_others(others, where);
}

void ChatWriter::write_file(const tasks::FilePart& file) {
  out_.begin_object().field("type", "file").key("file").begin_object();
  write_text(out_, "file_id", file.id);
  write_text(out_, "file_data", file.data.empty() ? file.url : file.data);
  write_text(out_, "filename", file.name);
  out_.end_object();
  end_part(file.cache);
}

// A lone text is written as a string: every server reads that form.
void ChatWriter::write_content(const tasks::Message& message) {
  const auto is_left_out = [](const tasks::Part& part) {
    const auto* native = std::get_if<tasks::NativePart>(&part);
    return std::holds_alternative<tasks::ReasoningPart>(part) ||
           (native != nullptr && !is_ours(native->dialect));
  };
  for (const tasks::Part& part : message.parts) {
    const auto* native = std::get_if<tasks::NativePart>(&part);
    if (native != nullptr && !is_ours(native->dialect)) dropped_.add("messages.content." + native->type);
  }
  const auto parts = static_cast<std::size_t>(std::ranges::count_if(message.parts, std::not_fn(is_left_out)));
  const auto first = std::ranges::find_if_not(message.parts, is_left_out);
  const auto* lone = parts == 1 ? std::get_if<tasks::TextPart>(&*first) : nullptr;
  out_.key("content");
  if (parts == 0) {
    message.role == tasks::Role::assistant ? out_.null() : out_.string("");
  } else if (lone != nullptr && (lone->cache.empty() || !extensions_.cache_control)) {
    out_.string(lone->text);
    if (!lone->cache.empty()) dropped_.add(kCacheControl);
  } else {
    out_.begin_array();
    for (const tasks::Part& part : message.parts) std::visit(*this, part);
    out_.end_array();
  }
}

void ChatWriter::write_thoughts(const tasks::Message& message) {
  std::string text;
  std::vector<const tasks::ReasoningPart*> parts;
  for (const tasks::Part& part : message.parts) {
    if (const auto* reasoning = std::get_if<tasks::ReasoningPart>(&part)) {
      text += reasoning->text;
      parts.push_back(reasoning);
    }
  }
  write_text(out_, "reasoning_content", text);
  const bool opaque = std::ranges::any_of(parts, [](const auto* part) { return needs_details(*part); });
  if (!opaque || !extensions_.reasoning_details) return;
  out_.key(kReasoningDetails).begin_array();
  for (std::uint32_t i = 0; i < parts.size(); ++i) write_details(out_, *parts[i], i);
  out_.end_array();
}

void ChatWriter::write_call(const tasks::ToolCall& call) {
  out_.begin_object().field("id", call.id).field("type", "function").key("function").begin_object();
  out_.field("name", call.name).field("arguments", call.arguments).end_object();
  if (extensions_.extra_content) write_extra_content(out_, call.signature);
  end_part(call.cache);
}

void ChatWriter::write_message(const tasks::Message& message) {
  out_.begin_object().field("role", name_of(message.role));
  write_text(out_, "name", message.name);
  write_content(message);
  write_thoughts(message);
  write_text(out_, "tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out_.key("tool_calls").begin_array();
    for (const tasks::ToolCall& call : message.tool_calls) write_call(call);
    out_.end_array();
  }
  if (message.tool_failed) dropped_.add("messages.is_error");
  write_mark(message.cache);
  write_extras(message.others, "messages.");
  out_.end_object();
}

void ChatWriter::write_tools() {
  const auto is_foreign = [](const tasks::Tool& tool) {
    return !tool.native_json.empty() && !is_ours(tool.dialect);
  };
  for (const tasks::Tool& tool : request_.tools)
    if (is_foreign(tool)) dropped_.add("tools." + tool.name);
  if (!std::ranges::all_of(request_.tools, is_foreign)) {
    out_.key("tools").begin_array();
    for (const tasks::Tool& tool : request_.tools) {
      if (is_foreign(tool)) continue;
      if (!tool.native_json.empty()) {
        out_.raw(tool.native_json);
        continue;
      }
      out_.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
      write_text(out_, "description", tool.description);
      if (!tool.parameters_json.empty()) out_.key("parameters").raw(tool.parameters_json);
      write_optional(out_, "strict", tool.strict);
      out_.end_object();
      end_part(tool.cache);
    }
    out_.end_array();
  }
  if (request_.tool_choice) {
    using Mode = tasks::ToolChoice::Mode;
    out_.key("tool_choice");
    if (request_.tool_choice->mode == Mode::named) {
      out_.begin_object().field("type", "function").key("function").begin_object();
      out_.field("name", request_.tool_choice->name).end_object().end_object();
    } else {
      const bool is_none = request_.tool_choice->mode == Mode::none;
      out_.string(is_none ? "none" : request_.tool_choice->mode == Mode::required ? "required" : "auto");
    }
  }
  write_optional(out_, "parallel_tool_calls", request_.parallel_tool_calls);
}

// A budget has no word here but the effort that comes nearest.
void ChatWriter::write_reasoning() {
  if (!request_.reasoning) return;
  const tasks::Reasoning& reasoning = *request_.reasoning;
  if (!reasoning.effort.empty()) {
    out_.field("reasoning_effort", reasoning.effort);
  } else if (reasoning.budget) {
    out_.field("reasoning_effort", effort_of_budget(*reasoning.budget));
  }
  if (reasoning.show == false) dropped_.add("reasoning.exclude");
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

void write_prompt(JsonWriter& out, const tasks::Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    out.string(*text);
    return;
  }
  out.begin_array();
  for (const std::int64_t token : std::get<tasks::TokenIds>(prompt)) out.number(token);
  out.end_array();
}

// One prompt as itself, several as a list.
void write_prompts(JsonWriter& out, const std::vector<tasks::Prompt>& prompts) {
  if (prompts.size() == 1) return write_prompt(out, prompts.front());
  out.begin_array();
  for (const tasks::Prompt& prompt : prompts) write_prompt(out, prompt);
  out.end_array();
}

}  // namespace

std::string encode_chat_request(const tasks::ChatRequest& request, const Extensions& extensions,
                                DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  ChatWriter chat(out, request, extensions, dropped);
  out.begin_object().field("model", request.model);
  chat.write_messages();
  write_sampling(out, request.sampling);
  if (request.output_max) out.field("max_completion_tokens", request.output_max->count);
  write_stop(out, request.stop);
  if (request.choices != 1) out.field("n", request.choices);
  if (request.logprobs) out.field("logprobs", true);
  if (request.top_logprobs != 0) out.field("top_logprobs", request.top_logprobs);
  chat.write_tools();
  if (request.response_format) write_response_format(out, *request.response_format);
  chat.write_reasoning();
  if (!request.modalities.empty()) {
    out.key("modalities").begin_array();
    for (const std::string& modality : request.modalities) out.string(modality);
    out.end_array();
  }
  write_stream(out, request.stream, request.include_usage);
  write_text(out, "user", request.user);
  write_text(out, "service_tier", request.service_tier);
  chat.write_others();
  out.end_object();
  return body;
}

std::string encode_completion_request(const tasks::CompletionRequest& request, DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", request.model).key("prompt");
  write_prompts(out, request.prompts);
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
  write_unknown(out, request.others, request.dialect, dropped);
  out.end_object();
  return body;
}

std::string encode_embed_request(const tasks::EmbedRequest& request, DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", request.model).key("input");
  write_prompts(out, request.inputs);
  write_optional(out, "dimensions", request.dimensions);
  out.field("encoding_format", "float");
  write_text(out, "user", request.user);
  write_unknown(out, request.others, request.dialect, dropped);
  out.end_object();
  if (!request.purpose.empty()) dropped.add("input_type");
  if (request.truncate) dropped.add("truncate");
  return body;
}

}  // namespace sluice::hub::dialects::openai
