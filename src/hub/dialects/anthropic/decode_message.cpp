#include "hub/dialects/anthropic/decode_message.h"

#include <utility>

#include "hub/dialects/anthropic/block_fields.h"
#include "hub/dialects/anthropic/carried_state.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::Status;

tasks::NativePart keep_native(const BlockFields& block, std::string type) {
  return {.type = std::move(type), .json = std::string(block.view().text()), .dialect = "anthropic"};
}

// A base64 source as the hub has it: a data URL.
base::Result<std::string> read_data_url(const BlockFields& source) {
  SLUICE_TRY(const std::string media_type, source.need_text("media_type"));
  SLUICE_TRY(const std::string data, source.need_text("data"));
  return "data:" + media_type + ";base64," + data;
}

base::Status read_text(const BlockFields& block, std::vector<tasks::Part>& parts) {
  tasks::TextPart part;
  SLUICE_TRY(part.text, block.need_text("text"));
  SLUICE_TRY(part.cache, block.cache());
  parts.emplace_back(std::move(part));
  // Of an earlier answer: they stand behind the text they belong to.
  const JsonView* citations = block.find("citations");
  if (citations != nullptr && citations->text().contains('{')) {
    parts.emplace_back(tasks::NativePart{
        .type = "citations", .json = std::string(citations->text()), .dialect = "anthropic"});
  }
  return {};
}

base::Status read_image(const BlockFields& block, std::vector<tasks::Part>& parts) {
  SLUICE_TRY(const JsonView* view, block.need("source"));
  SLUICE_TRY(const BlockFields source, BlockFields::of(*view));
  SLUICE_TRY(const std::string type, source.need_text("type"));
  tasks::ImagePart part{.url = "", .detail = ""};
  if (type == "base64") {
    SLUICE_TRY(part.url, read_data_url(source));
  } else if (type == "url") {
    SLUICE_TRY(part.url, source.need_text("url"));
  } else if (type == "file") {
    SLUICE_TRY(part.id, source.need_text("file_id"));
  } else {
    parts.emplace_back(keep_native(block, "image"));
    return {};
  }
  SLUICE_TRY(part.cache, block.cache());
  parts.emplace_back(std::move(part));
  return {};
}

base::Status read_document(const BlockFields& block, std::vector<tasks::Part>& parts) {
  SLUICE_TRY(const JsonView* view, block.need("source"));
  SLUICE_TRY(const BlockFields source, BlockFields::of(*view));
  SLUICE_TRY(const std::string type, source.need_text("type"));
  tasks::FilePart part{.id = "", .data = "", .name = ""};
  if (type == "base64") {
    SLUICE_TRY(part.data, read_data_url(source));
  } else if (type == "url") {
    SLUICE_TRY(part.url, source.need_text("url"));
  } else if (type == "file") {
    SLUICE_TRY(part.id, source.need_text("file_id"));
  } else if (type == "text") {
    SLUICE_TRY(part.text, source.need_text("data"));
  }
  const bool is_read = type == "base64" || type == "url" || type == "file" || type == "text";
  if (!is_read || !block.has_only({"type", "source", "title", "citations", "cache_control"})) {
    parts.emplace_back(keep_native(block, "document"));
    return {};
  }
  SLUICE_TRY(part.name, block.text("title"));
  if (const JsonView* citations = block.find("citations")) {
    SLUICE_TRY(const BlockFields fields, BlockFields::of(*citations));
    SLUICE_TRY(part.citations, fields.flag("enabled"));
  }
  SLUICE_TRY(part.cache, block.cache());
  parts.emplace_back(std::move(part));
  return {};
}

base::Result<BlockFields> read_block(const JsonView& view, std::string& type) {
  SLUICE_TRY(BlockFields block, BlockFields::of(view));
  SLUICE_TRY(type, block.need_text("type"));
  return block;
}

// Blocks that may stand anywhere.
base::Status read_part(const BlockFields& block, std::string type, std::vector<tasks::Part>& parts) {
  if (type == "text") return read_text(block, parts);
  if (type == "image") return read_image(block, parts);
  if (type == "document") return read_document(block, parts);
  parts.emplace_back(keep_native(block, std::move(type)));
  return {};
}

base::Result<tasks::Message> read_tool_result(const BlockFields& block) {
  tasks::Message message;
  message.role = tasks::Role::tool;
  SLUICE_TRY(message.tool_call_id, block.need_text("tool_use_id"));
  SLUICE_TRY(const auto failed, block.flag("is_error"));
  message.tool_failed = failed.value_or(false);
  SLUICE_TRY(message.cache, block.cache());
  if (const JsonView* content = block.find("content"))
    SLUICE_TRY_VOID(decode_content(*content, message.parts));
  return message;
}

base::Result<tasks::ToolCall> read_tool_use(const BlockFields& block) {
  tasks::ToolCall call;
  SLUICE_TRY(call.id, block.need_text("id"));
  SLUICE_TRY(call.name, block.need_text("name"));
  SLUICE_TRY(call.cache, block.cache());
  const JsonView* input = block.find("input");
  if (input != nullptr && input->type() != JsonType::object) return input->refuse("an object");
  call.arguments = input == nullptr ? "{}" : std::string(input->text());
  return call;
}

// What an assistant's blocks add up to.
class AssistantTurn {
 public:
  AssistantTurn() { message_.role = tasks::Role::assistant; }

  Status read(const JsonView& view) {
    std::string type;
    SLUICE_TRY(const BlockFields block, read_block(view, type));
    if (type == "tool_use") {
      SLUICE_TRY(message_.tool_calls.emplace_back(), read_tool_use(block));
      return {};
    }
    if (type == "thinking") {
      tasks::ReasoningPart part{.text = "", .signature = "", .encrypted = ""};
      SLUICE_TRY(part.text, block.need_text("thinking"));
      SLUICE_TRY(std::string signature, block.text("signature"));
      read_signature_field(std::move(signature), part);
      message_.parts.emplace_back(std::move(part));
      return {};
    }
    if (type == "redacted_thinking") {
      SLUICE_TRY(std::string data, block.need_text("data"));
      take(read_data_field(std::move(data)));
      return {};
    }
    return read_part(block, std::move(type), message_.parts);
  }

  tasks::Message finish() {
    for (const CallSignature& signature : signatures_) {
      for (tasks::ToolCall& call : message_.tool_calls)
        if (call.id == signature.call_id) call.signature = signature.signature;
    }
    return std::move(message_);
  }
  tasks::Message& message() { return message_; }

 private:
  void take(ReadData data) {
    if (data.call) return signatures_.push_back(*std::move(data.call));
    if (data.text) {
      auto* text = message_.parts.empty() ? nullptr : std::get_if<tasks::TextPart>(&message_.parts.back());
      if (text == nullptr) text = &std::get<tasks::TextPart>(message_.parts.emplace_back(tasks::TextPart()));
      text->signature = std::move(data.text->signature);
      return;
    }
    auto* before =
        message_.parts.empty() ? nullptr : std::get_if<tasks::ReasoningPart>(&message_.parts.back());
    if (!data.continues || before == nullptr || before->dialect != data.thought->dialect) {
      message_.parts.emplace_back(*std::move(data.thought));
      return;
    }
    before->encrypted = std::move(data.thought->encrypted);
    before->id = std::move(data.thought->id);
    before->summary = data.thought->summary;
  }

  tasks::Message message_;
  std::vector<CallSignature> signatures_;
};

Status read_assistant(const JsonView& content, std::vector<tasks::Message>& messages) {
  AssistantTurn turn;
  if (content.type() == JsonType::array) {
    SLUICE_TRY_VOID(content.each_element([&](const JsonView& block) { return turn.read(block); }));
  } else {
    SLUICE_TRY_VOID(decode_content(content, turn.message().parts));
  }
  messages.push_back(turn.finish());
  return {};
}

Status read_user(const JsonView& content, std::vector<tasks::Message>& messages) {
  tasks::Message rest;
  bool has_results = false;
  if (content.type() != JsonType::array) {
    SLUICE_TRY_VOID(decode_content(content, rest.parts));
  } else {
    SLUICE_TRY_VOID(content.each_element([&](const JsonView& view) -> Status {
      std::string type;
      SLUICE_TRY(const BlockFields block, read_block(view, type));
      if (type != "tool_result") return read_part(block, std::move(type), rest.parts);
      has_results = true;
      SLUICE_TRY(messages.emplace_back(), read_tool_result(block));
      return {};
    }));
  }
  if (!rest.parts.empty() || !has_results) messages.push_back(std::move(rest));
  return {};
}

}  // namespace

Status decode_content(const JsonView& content, std::vector<tasks::Part>& parts) {
  if (content.type() == JsonType::string) {
    SLUICE_TRY(std::string text, content.string());
    parts.emplace_back(tasks::TextPart{std::move(text)});
    return {};
  }
  if (content.type() != JsonType::array) return content.refuse("a string or an array of blocks");
  return content.each_element([&](const JsonView& view) -> Status {
    std::string type;
    SLUICE_TRY(const BlockFields block, read_block(view, type));
    return read_part(block, std::move(type), parts);
  });
}

Status decode_turn(const JsonView& turn, std::vector<tasks::Message>& messages) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(turn));
  SLUICE_TRY(const std::string role, fields.need_text("role"));
  SLUICE_TRY(const JsonView* content, fields.need("content"));
  if (role == "assistant") {
    SLUICE_TRY_VOID(read_assistant(*content, messages));
  } else if (role == "user") {
    SLUICE_TRY_VOID(read_user(*content, messages));
  } else if (role == "system") {
    SLUICE_TRY_VOID(decode_content(*content, messages.emplace_back().parts));
    messages.back().role = tasks::Role::system;
  } else {
    const std::string path = turn.path() + ".role";
    return refuse_parameter(
        path, fmt::format("'{}' must be user or assistant, not \"{}\"", path, role.substr(0, 40)));
  }
  for (const auto& [name, value] : fields.members()) {
    if (name != "role" && name != "content")
      messages.back().others.push_back({.name = name, .json = std::string(value.text())});
  }
  return {};
}

}  // namespace sluice::hub::dialects::anthropic
