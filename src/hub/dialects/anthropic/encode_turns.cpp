#include "hub/dialects/anthropic/encode_turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/base64.h"
#include "hub/dialects/media.h"
#include "hub/dialects/tool_arguments.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::JsonWriter;
using base::Status;

bool is_ours(std::string_view dialect) {
  return dialect == "anthropic";
}

bool is_system(const tasks::Message& message) {
  return message.role == tasks::Role::system || message.role == tasks::Role::developer;
}

void write_text_block(JsonWriter& out, const std::string& text, std::string_view cache,
                      const tasks::NativePart* citations = nullptr) {
  out.begin_object().field("type", "text").field("text", text);
  write_cache_control(out, cache);
  if (citations != nullptr) out.key("citations").raw(citations->json);
  out.end_object();
}

void write_base64(JsonWriter& out, const DataUrl& url) {
  out.key("source").begin_object().field("type", "base64").field("media_type", url.media_type);
  out.field("data", url.data).end_object();
}

// A source that is named and not held: `type` is "url" or "file".
void write_reference(JsonWriter& out, std::string_view type, std::string_view key, std::string_view value) {
  out.key("source").begin_object().field("type", type).field(key, value).end_object();
}

// Parts as blocks; the ones that it does not know how to write are dropped by name. Empty texts are left out:
// Anthropic refuses them.
class PartWriter {
 public:
  PartWriter(JsonWriter& out, DropList& dropped) : out_(out), dropped_(dropped) {}

  Status write(std::span<const tasks::Part> parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto* text = std::get_if<tasks::TextPart>(&parts[i]);
      if (text == nullptr) {
        SLUICE_TRY_VOID(std::visit(*this, parts[i]));
        continue;
      }
      const auto* native = i + 1 < parts.size() ? std::get_if<tasks::NativePart>(&parts[i + 1]) : nullptr;
      const bool cites = native != nullptr && native->type == "citations" && is_ours(native->dialect);
      if (!text->text.empty()) write_text_block(out_, text->text, text->cache, cites ? native : nullptr);
      if (cites) ++i;
    }
    return {};
  }

  Status operator()(const tasks::TextPart&) { return {}; }  // see write()
  Status operator()(const tasks::ImagePart& part);
  Status operator()(const tasks::FilePart& part);
  Status operator()(const tasks::AudioPart&) {
    dropped_.add("messages.content.input_audio");
    return {};
  }
  Status operator()(const tasks::RefusalPart& part) {
    if (!part.text.empty()) write_text_block(out_, part.text, "");
    return {};
  }
  Status operator()(const tasks::ReasoningPart& part);
  Status operator()(const tasks::NativePart& part) {
    if (is_ours(part.dialect)) {
      out_.raw(part.json);
    } else {
      dropped_.add("messages.content." + part.type);
    }
    return {};
  }

 private:
  void end_document(const tasks::FilePart& part);

  JsonWriter& out_;
  DropList& dropped_;
};

std::unexpected<base::Error> refuse_data_url(std::string_view parameter) {
  return base::fail(base::Error{.code = base::ErrorCode::invalid_argument,
                                .message = fmt::format("{}: expected an http(s) address or "
                                                       "data:<type>;base64,<data>",
                                                       parameter),
                                .parameter = std::string(parameter)});
}

Status PartWriter::operator()(const tasks::ImagePart& part) {
  const auto data = split_data_url(part.url);
  const bool is_link = part.url.starts_with("https://") || part.url.starts_with("http://");
  if (part.id.empty() && !data && !is_link) return refuse_data_url("messages.content.image_url");
  out_.begin_object().field("type", "image");
  if (!part.id.empty()) {
    write_reference(out_, "file", "file_id", part.id);
  } else if (data) {
    write_base64(out_, *data);
  } else {
    write_reference(out_, "url", "url", part.url);
  }
  write_cache_control(out_, part.cache);
  out_.end_object();
  if (!part.detail.empty() && part.detail != "auto") dropped_.add("messages.content.image_url.detail");
  return {};
}

void PartWriter::end_document(const tasks::FilePart& part) {
  if (!part.name.empty()) out_.field("title", part.name);
  if (part.citations) out_.key("citations").begin_object().field("enabled", *part.citations).end_object();
  write_cache_control(out_, part.cache);
  out_.end_object();
}

Status PartWriter::operator()(const tasks::FilePart& part) {
  if (!part.id.empty() || !part.url.empty()) {
    out_.begin_object().field("type", "document");
    part.id.empty() ? write_reference(out_, "url", "url", part.url)
                    : write_reference(out_, "file", "file_id", part.id);
    end_document(part);
    return {};
  }
  std::optional<std::string> text;
  if (!part.text.empty()) text = part.text;
  const auto data = split_data_url(part.data);
  if (!text && !data) return refuse_data_url("messages.content.file.file_data");
  if (!text && data->media_type.starts_with("text/")) text = base::decode_base64(data->data);
  if (!text && data->media_type != "application/pdf") {
    dropped_.add("messages.content.file");  // Anthropic reads PDF and plain text
    return {};
  }
  out_.begin_object().field("type", "document");
  if (text) {
    out_.key("source").begin_object().field("type", "text").field("media_type", "text/plain");
    out_.field("data", *text).end_object();
  } else {
    write_base64(out_, *data);
  }
  end_document(part);
  return {};
}

// Only thoughts that Anthropic signed may come back to it.
Status PartWriter::operator()(const tasks::ReasoningPart& part) {
  const bool may_be_ours = part.dialect.empty() || is_ours(part.dialect);
  if (may_be_ours && !part.signature.empty()) {
    out_.begin_object().field("type", "thinking").field("thinking", part.text);
    out_.field("signature", part.signature).end_object();
  }
  if (may_be_ours && !part.encrypted.empty())
    out_.begin_object().field("type", "redacted_thinking").field("data", part.encrypted).end_object();
  const bool is_written = may_be_ours && !(part.signature.empty() && part.encrypted.empty());
  if (!is_written) dropped_.add("messages.reasoning_content");
  return {};
}

// Ids of calls as Anthropic takes them: letters, digits, '_' and '-'. Some servers give none; their results
// belong to the calls in order.
class CallIds {
 public:
  std::string id_of(const tasks::ToolCall& call) {
    if (!call.id.empty()) return clean(call.id);
    unnamed_.push_back(fmt::format("call_{}", ++made_));
    return unnamed_.back();
  }
  std::string id_of_result(const tasks::Message& result) {
    if (!result.tool_call_id.empty() || unnamed_.empty()) return clean(result.tool_call_id);
    std::string id = std::move(unnamed_.front());
    unnamed_.pop_front();
    return id;
  }

 private:
  static std::string clean(std::string id) {
    for (char& c : id) {
      const bool fits =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      if (!fits) c = '_';
    }
    return id;
  }

  std::deque<std::string> unnamed_;
  std::size_t made_ = 0;
};

class TurnsWriter {
 public:
  TurnsWriter(const tasks::ChatRequest& request, DropList& dropped) : request_(request), dropped_(dropped) {}

  base::Result<std::string> write() {
    const std::vector<tasks::Message>& messages = request_.messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (is_system(messages[i])) continue;
      begin_turn(messages[i].role == tasks::Role::assistant ? "assistant" : "user");
      JsonWriter blocks(out_);
      // A run of results, and the user's own words behind them, are one turn.
      while (messages[i].role == tasks::Role::tool) {
        SLUICE_TRY_VOID(write_result(blocks, messages[i]));
        if (i + 1 == messages.size() || !continues(messages[i + 1])) break;
        ++i;
      }
      if (messages[i].role != tasks::Role::tool) SLUICE_TRY_VOID(write_blocks(blocks, messages[i]));
      end_turn(messages[i]);
    }
    return std::move(out_);
  }

 private:
  static bool continues(const tasks::Message& message) {
    return message.role == tasks::Role::tool || message.role == tasks::Role::user;
  }

  void begin_turn(std::string_view role) {
    turn_begin_ = out_.size();
    if (!out_.empty()) out_ += ',';
    out_ += fmt::format(R"({{"role":"{}","content":[)", role);
    blocks_begin_ = out_.size();
  }
  // A turn without blocks is none: Anthropic refuses it.
  void end_turn(const tasks::Message& message) {
    if (!message.name.empty() && message.role != tasks::Role::tool) dropped_.add("messages.name");
    if (!is_ours(request_.dialect)) dropped_.add_others(message.others, "messages.");
    if (out_.size() == blocks_begin_) return out_.resize(turn_begin_);
    out_ += ']';
    if (is_ours(request_.dialect)) {
      for (const tasks::Extra& extra : message.others) {
        out_ += ',';
        base::append_json_string(out_, extra.name);
        out_ += ':';
        out_ += extra.json;
      }
    }
    out_ += '}';
  }

  Status write_blocks(JsonWriter& blocks, const tasks::Message& message) {
    SLUICE_TRY_VOID(PartWriter(blocks, dropped_).write(message.parts));
    for (const tasks::ToolCall& call : message.tool_calls) {
      blocks.begin_object().field("type", "tool_use").field("id", ids_.id_of(call));
      blocks.field("name", call.name).key("input").raw(arguments_object(call.arguments));
      write_cache_control(blocks, call.cache);
      blocks.end_object();
    }
    return {};
  }

  Status write_result(JsonWriter& blocks, const tasks::Message& message) {
    blocks.begin_object().field("type", "tool_result").field("tool_use_id", ids_.id_of_result(message));
    blocks.key("content").begin_array();
    SLUICE_TRY_VOID(PartWriter(blocks, dropped_).write(message.parts));
    blocks.end_array();
    if (message.tool_failed) blocks.field("is_error", true);
    write_cache_control(blocks, message.cache);
    blocks.end_object();
    return {};
  }

  const tasks::ChatRequest& request_;
  DropList& dropped_;
  std::string out_;
  CallIds ids_;
  // Of the turn under way.
  std::size_t turn_begin_ = 0;
  std::size_t blocks_begin_ = 0;
};

}  // namespace

void write_cache_control(JsonWriter& out, std::string_view cache) {
  if (cache.empty()) return;
  out.key("cache_control").begin_object().field("type", "ephemeral");
  if (cache != "5m") out.field("ttl", cache);  // 5m is what "ephemeral" means
  out.end_object();
}

base::Result<std::string> encode_turns(const tasks::ChatRequest& request, DropList& dropped) {
  return TurnsWriter(request, dropped).write();
}

std::string encode_system(const tasks::ChatRequest& request, DropList& dropped) {
  std::string out;
  JsonWriter blocks(out);
  for (const tasks::Message& message : request.messages) {
    if (!is_system(message)) continue;
    if (!message.name.empty()) dropped.add("messages.name");
    for (const tasks::Part& part : message.parts) {
      if (const auto* text = std::get_if<tasks::TextPart>(&part)) {
        if (!text->text.empty()) write_text_block(blocks, text->text, text->cache);
      } else {
        dropped.add("messages.content.system");
      }
    }
  }
  return out;
}

}  // namespace sluice::hub::dialects::anthropic
