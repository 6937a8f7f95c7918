#include "hub/dialects/gemini/contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "hub/dialects/gemini/model_generation.h"
#include "hub/dialects/json_view.h"
#include "hub/dialects/media.h"
#include "hub/dialects/tool_arguments.h"

namespace sluice::hub::dialects::gemini {
namespace {

using base::JsonWriter;
using base::Status;
using tasks::Message;
using tasks::Role;

// Google's documented word for a call that another model made, or whose signature was lost on the way.
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

bool is_instruction(const Message& message) {
  return message.role == Role::system || message.role == Role::developer;
}

void write_text(JsonWriter& out, std::string_view text, std::string_view signature = {}) {
  out.begin_object().field("text", text);
  if (!signature.empty()) out.field("thoughtSignature", signature);
  out.end_object();
}

void write_inline(JsonWriter& out, std::string_view media_type, std::string_view data) {
  out.begin_object().key("inlineData").begin_object();
  out.field("mimeType", media_type).field("data", data).end_object().end_object();
}

void write_file_uri(JsonWriter& out, std::string_view media_type, std::string_view uri) {
  out.begin_object().key("fileData").begin_object();
  if (!media_type.empty()) out.field("mimeType", media_type);
  out.field("fileUri", uri).end_object().end_object();
}

// Ids of files are addresses here; those of other providers' stores are not.
bool is_file_uri(std::string_view id) {
  return id.contains("://") || id.starts_with("files/");
}

// One part of a turn. `path` is that of its message.
struct PartWriter {
  JsonWriter& out;
  DropList& dropped;
  const std::string& path;

  Status operator()(const tasks::TextPart& part) const {
    note_cache(part.cache);
    write_text(out, part.text, part.signature);
    return {};
  }
  Status operator()(const tasks::ImagePart& part) const {
    note_cache(part.cache);
    if (!part.id.empty()) return write_id(part.id, "messages.content.image_url.file_id");
    return write_url(part.url, "");
  }
  Status operator()(const tasks::AudioPart& part) const {
    write_inline(out, audio_media_type(part.format), part.data);
    return {};
  }
  Status operator()(const tasks::FilePart& part) const {
    note_cache(part.cache);
    if (part.citations.value_or(false)) dropped.add("messages.content.citations");
    if (!part.id.empty()) return write_id(part.id, "messages.content.file.file_id");
    if (!part.url.empty()) return write_url(part.url, media_type_by_name(part.name));
    if (part.data.empty()) {
      write_text(out, part.text);
    } else if (part.data.starts_with("data:")) {
      return write_url(part.data, "");
    } else {  // some clients send the base64 alone
      const std::string_view type = media_type_by_name(part.name);
      write_inline(out, type.empty() ? "application/pdf" : type, part.data);
    }
    return {};
  }
  Status operator()(const tasks::RefusalPart& part) const {
    write_text(out, part.text);
    return {};
  }
  Status operator()(const tasks::ReasoningPart& part) const {
    const bool is_ours = part.dialect == "gemini";
    if (!is_ours && !part.encrypted.empty()) dropped.add("messages.reasoning_details");
    if (part.text.empty() && !(is_ours && !part.signature.empty())) return {};
    out.begin_object().field("text", part.text).field("thought", true);
    if (is_ours && !part.signature.empty()) out.field("thoughtSignature", part.signature);
    out.end_object();
    return {};
  }
  Status operator()(const tasks::NativePart& part) const {
    if (part.dialect == "gemini") {
      out.raw(part.json);
    } else {
      dropped.add("messages.content." + part.type);
    }
    return {};
  }

  void note_cache(std::string_view cache) const {
    if (!cache.empty()) dropped.add("cache_control");
  }
  Status write_id(const std::string& id, std::string_view name) const {
    if (is_file_uri(id)) {
      write_file_uri(out, "", id);
    } else {
      dropped.add(name);
    }
    return {};
  }
  Status write_url(std::string_view url, std::string_view media_type) const {
    if (const auto data = split_data_url(url)) {
      write_inline(out, data->media_type, data->data);
    } else if (url.starts_with("data:")) {
      return refuse_parameter(path, fmt::format("'{}' holds a data URL that is not base64", path));
    } else {
      write_file_uri(out, media_type.empty() ? media_type_by_name(url) : media_type, url);
    }
    return {};
  }
};

class Conversation {
 public:
  Conversation(JsonWriter& out, const tasks::ChatRequest& request, int generation, DropList& dropped)
      : out_(out), request_(request), generation_(generation), dropped_(dropped) {}

  Status write() {
    // A conversation of instructions alone is asked as a question: a request needs a turn.
    const bool has_turns = !std::ranges::all_of(request_.messages, is_instruction);
    if (has_turns && std::ranges::any_of(request_.messages, is_instruction)) write_instructions();
    out_.key("contents").begin_array();
    for (std::size_t at = 0; at < request_.messages.size();) {
      const Message& message = request_.messages[at];
      path_ = fmt::format("messages.{}", at);
      note_what_is_lost(message);
      if (message.role == Role::tool) {
        SLUICE_TRY(at, write_results(at));
        continue;
      }
      if (message.role == Role::assistant) {
        SLUICE_TRY_VOID(write_model_turn(message));
      } else if (!has_turns || !is_instruction(message)) {
        SLUICE_TRY_VOID(write_user_turn(message));
      }
      ++at;
    }
    out_.end_array();
    return {};
  }

 private:
  void note_what_is_lost(const Message& message) {
    if (!message.name.empty() && message.role != Role::tool) dropped_.add("messages.name");
    if (!message.cache.empty()) dropped_.add("cache_control");
    dropped_.add_others(message.others, "messages.");
  }

  void write_instructions() {
    out_.key("systemInstruction").begin_object().key("parts").begin_array();
    for (const Message& message : request_.messages) {
      if (!is_instruction(message)) continue;
      for (const tasks::Part& part : message.parts) {
        if (const auto* text = std::get_if<tasks::TextPart>(&part)) {
          if (!text->cache.empty()) dropped_.add("cache_control");
          write_text(out_, text->text);
        } else {
          dropped_.add("messages.content");  // instructions are text
        }
      }
    }
    out_.end_array().end_object();
  }

  Status write_parts(std::span<const tasks::Part> parts) {
    for (const tasks::Part& part : parts) {
      SLUICE_TRY_VOID(std::visit(PartWriter{out_, dropped_, path_}, part));
    }
    return {};
  }

  Status write_user_turn(const Message& message) {
    out_.begin_object().field("role", "user").key("parts").begin_array();
    SLUICE_TRY_VOID(write_parts(message.parts));
    out_.end_array().end_object();
    return {};
  }

  Status write_model_turn(const Message& message) {
    // Clients write an empty text beside calls; an empty part is an error here.
    const auto is_blank = [](const tasks::Part& part) {
      const auto* text = std::get_if<tasks::TextPart>(&part);
      return text != nullptr && text->text.empty() && text->signature.empty();
    };
    if (message.tool_calls.empty() && std::ranges::all_of(message.parts, is_blank)) return {};
    out_.begin_object().field("role", "model").key("parts").begin_array();
    for (const tasks::Part& part : message.parts) {
      if (!is_blank(part)) SLUICE_TRY_VOID(write_parts({&part, 1}));
    }
    const bool is_signed = std::ranges::any_of(
        message.tool_calls, [](const tasks::ToolCall& call) { return !call.signature.empty(); });
    bool needs_mark = may_demand_signatures(generation_) && !is_signed;
    for (const tasks::ToolCall& call : message.tool_calls) {
      write_call(call, std::exchange(needs_mark, false) ? kNoSignature : std::string_view(call.signature));
    }
    out_.end_array().end_object();
    return {};
  }

  void write_call(const tasks::ToolCall& call, std::string_view signature) {
    if (!call.cache.empty()) dropped_.add("cache_control");
    names_.insert_or_assign(call.id, call.name);
    out_.begin_object().key("functionCall").begin_object();
    write_id(call.id);
    out_.field("name", call.name).key("args").raw(arguments_object(call.arguments)).end_object();
    if (!signature.empty()) out_.field("thoughtSignature", signature);
    out_.end_object();
  }

  void write_id(const std::string& id) {
    if (!id.empty() && !id.starts_with(kMadeUpIdPrefix)) out_.field("id", id);
  }

  // The results from message `at` on; gives the message after them.
  base::Result<std::size_t> write_results(std::size_t at) {
    out_.begin_object().field("role", "user").key("parts").begin_array();
    for (; at < request_.messages.size() && request_.messages[at].role == Role::tool; ++at) {
      path_ = fmt::format("messages.{}", at);
      note_what_is_lost(request_.messages[at]);
      SLUICE_TRY_VOID(write_result(request_.messages[at]));
    }
    out_.end_array().end_object();
    return at;
  }

  Status write_result(const Message& message) {
    const auto call = names_.find(message.tool_call_id);
    const std::string& name = call != names_.end() ? call->second : message.name;
    if (name.empty()) {
      return refuse_parameter(path_ + ".tool_call_id",
                              fmt::format("'{}.tool_call_id' names no tool call before it", path_));
    }
    std::string text;
    bool has_media = false;
    for (const tasks::Part& part : message.parts) {
      if (const auto* one = std::get_if<tasks::TextPart>(&part)) {
        text += one->text;
        if (!one->cache.empty()) dropped_.add("cache_control");
      } else {
        has_media = true;
      }
    }
    out_.begin_object().key("functionResponse").begin_object();
    write_id(message.tool_call_id);
    out_.field("name", name).key("response");
    if (message.tool_failed) {
      out_.begin_object().field("error", text).end_object();
    } else {
      out_.raw(wrapped_in_object(text, "output"));
    }
    if (has_media) {
      out_.key("parts").begin_array();
      for (const tasks::Part& part : message.parts) {
        if (!std::holds_alternative<tasks::TextPart>(part)) SLUICE_TRY_VOID(write_parts({&part, 1}));
      }
      out_.end_array();
    }
    out_.end_object().end_object();
    return {};
  }

  JsonWriter& out_;
  const tasks::ChatRequest& request_;
  const int generation_;
  DropList& dropped_;
  std::string path_;                                       // of the message under way
  std::map<std::string, std::string, std::less<>> names_;  // id of a call -> its function
};

}  // namespace

base::Status write_conversation(JsonWriter& out, const tasks::ChatRequest& request, int generation,
                                DropList& dropped) {
  return Conversation(out, request, generation, dropped).write();
}

}  // namespace sluice::hub::dialects::gemini
