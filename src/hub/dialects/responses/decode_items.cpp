#include "hub/dialects/responses/decode_items.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/responses/sealed.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::Result;
using base::Status;

// The members of an object by name, walked once: a body may hold megabytes.
class Members {
 public:
  static Result<Members> of(const JsonView& object) {
    Members members;
    SLUICE_TRY_VOID(object.each_member([&](const std::string& name, const JsonView& value) -> Status {
      members.all_.emplace_back(name, value);
      return {};
    }));
    return members;
  }

  const JsonView* find(std::string_view name) const {
    const auto found = std::ranges::find(all_, name, &std::pair<std::string, JsonView>::first);
    return found == all_.end() ? nullptr : &found->second;
  }
  // The text at `name`, empty where there is none; other types are refused.
  Result<std::string> text(std::string_view name) const {
    const JsonView* value = find(name);
    return value == nullptr ? std::string() : value->string();
  }

 private:
  std::vector<std::pair<std::string, JsonView>> all_;
};

std::unexpected<base::Error> refuse_missing(const JsonView& object, std::string_view name) {
  return refuse_parameter(fmt::format("{}.{}", object.path(), name),
                          fmt::format("'{}.{}' is missing", object.path(), name));
}

Result<tasks::ImagePart> read_image(const JsonView& value, const Members& members) {
  tasks::ImagePart image;
  if (const JsonView* url = members.find("image_url"); url != nullptr && url->type() == JsonType::object) {
    SLUICE_TRY_VOID(url->read_texts({{"url", &image.url}, {"detail", &image.detail}}));  // chat's form
  } else {
    SLUICE_TRY(image.url, members.text("image_url"));
    SLUICE_TRY(image.detail, members.text("detail"));
  }
  SLUICE_TRY(image.id, members.text("file_id"));
  if (image.url.empty() && image.id.empty())
    return refuse_parameter(value.path(), fmt::format("'{}' needs image_url or file_id", value.path()));
  return image;
}

Result<tasks::FilePart> read_file(const JsonView& value, const Members& members) {
  tasks::FilePart file;
  SLUICE_TRY(file.id, members.text("file_id"));
  SLUICE_TRY(file.data, members.text("file_data"));
  SLUICE_TRY(file.url, members.text("file_url"));
  SLUICE_TRY(file.name, members.text("filename"));
  if (file.id.empty() && file.data.empty() && file.url.empty())
    return refuse_parameter(value.path(),
                            fmt::format("'{}' needs file_id, file_data or file_url", value.path()));
  return file;
}

Result<tasks::AudioPart> read_audio(const JsonView& value, const Members& members) {
  tasks::AudioPart audio;
  const JsonView* inner = members.find("input_audio");
  if (inner == nullptr) return refuse_missing(value, "input_audio");
  SLUICE_TRY_VOID(inner->read_texts({{"data", &audio.data}, {"format", &audio.format}}));
  return audio;
}

Result<tasks::Part> read_part(const JsonView& value) {
  SLUICE_TRY(const Members members, Members::of(value));
  SLUICE_TRY(const std::string type, members.text("type"));
  if (type == kInputText || type == kOutputText || type == "text") {
    if (members.find("text") == nullptr) return refuse_missing(value, "text");
    tasks::TextPart part;
    SLUICE_TRY(part.text, members.text("text"));
    if (const JsonView* extra = members.find(kExtraContent)) {
      SLUICE_TRY(part.signature, read_extra_content(*extra));
    }
    return part;
  }
  if (type == kInputImage) return read_image(value, members);
  if (type == kInputFile) return read_file(value, members);
  if (type == kInputAudio) return read_audio(value, members);
  if (type == kRefusal) {
    tasks::RefusalPart part;
    SLUICE_TRY(part.text, members.text("refusal"));
    return part;
  }
  return refuse_parameter(
      value.path(),
      fmt::format("'{}' must be a part of type input_text, input_image, input_file, input_audio, "
                  "output_text or refusal, not of type \"{}\"",
                  value.path(), type.substr(0, 40)));
}

Status read_content(const JsonView& content, std::vector<tasks::Part>& parts) {
  if (content.type() == JsonType::string) {
    SLUICE_TRY(std::string text, content.string());
    parts.emplace_back(tasks::TextPart{std::move(text)});
    return {};
  }
  if (content.type() != JsonType::array) return content.refuse("a string or an array of parts");
  return content.each_element([&](const JsonView& element) -> Status {
    SLUICE_TRY(tasks::Part part, read_part(element));
    parts.push_back(std::move(part));
    return {};
  });
}

Result<tasks::Role> read_role(const JsonView& item, const Members& members) {
  using enum tasks::Role;
  constexpr std::array kRoles{std::pair{"system", system}, std::pair{"developer", developer},
                              std::pair{"user", user}, std::pair{"assistant", assistant}};
  const JsonView* value = members.find("role");
  if (value == nullptr) return refuse_missing(item, "role");
  SLUICE_TRY(const std::string text, value->string());
  for (const auto& [name, role] : kRoles) {
    if (text == name) return role;
  }
  return refuse_parameter(value->path(),
                          fmt::format("'{}' must be user, assistant, system or developer, not \"{}\"",
                                      value->path(), text.substr(0, 40)));
}

// Reads items one after the other; a turn of the assistant grows until another speaks.
class ItemReader {
 public:
  explicit ItemReader(std::vector<tasks::Message>& messages) : messages_(messages) {}

  Status read(const JsonView& item);

 private:
  tasks::Message& assistant() {
    if (!in_assistant_) begin(tasks::Role::assistant);
    in_assistant_ = true;
    return messages_.back();
  }
  tasks::Message& begin(tasks::Role role) {
    in_assistant_ = false;
    tasks::Message& message = messages_.emplace_back();
    message.role = role;
    return message;
  }

  Status read_message(const JsonView& item, const Members& members);
  Status read_reasoning(const JsonView& item, const Members& members);
  Status read_call(const JsonView& item, const Members& members);
  Status read_output(const JsonView& item, const Members& members);

  std::vector<tasks::Message>& messages_;
  bool in_assistant_ = false;
};

Status ItemReader::read(const JsonView& item) {
  if (item.type() != JsonType::object) return item.refuse("an object");
  SLUICE_TRY(const Members members, Members::of(item));
  SLUICE_TRY(const std::string type, members.text("type"));
  if (type == kMessage || type.empty()) return read_message(item, members);
  if (type == kReasoning) return read_reasoning(item, members);
  if (type == kFunctionCall) return read_call(item, members);
  if (type == kFunctionCallOutput) return read_output(item, members);
  if (type == "item_reference")
    return refuse_parameter(item.path(),
                            fmt::format("'{}' refers to a stored item, and items are not stored here; "
                                        "send the item itself",
                                        item.path()));
  // The result of a tool that the client runs is the user's to tell, a call the model's.
  const bool is_result = type.ends_with("_output") || type.ends_with("_response");
  tasks::Message& message = is_result ? begin(tasks::Role::user) : assistant();
  message.parts.emplace_back(
      tasks::NativePart{.type = type, .json = std::string(item.text()), .dialect = std::string(kName)});
  return {};
}

Status ItemReader::read_message(const JsonView& item, const Members& members) {
  SLUICE_TRY(const tasks::Role role, read_role(item, members));
  const JsonView* content = members.find("content");
  if (content == nullptr) return refuse_missing(item, "content");
  tasks::Message& message = role == tasks::Role::assistant ? assistant() : begin(role);
  return read_content(*content, message.parts);
}

// {"id", "summary": [{"type", "text"}], "content": [{"type", "text"}], "encrypted_content"}: a part for each
// text, all with the item's id; what is sealed belongs to the last.
Status ItemReader::read_reasoning(const JsonView&, const Members& members) {
  std::vector<tasks::ReasoningPart> parts;
  SLUICE_TRY(const std::string id, members.text("id"));
  for (const bool summary : {true, false}) {
    const JsonView* list = members.find(summary ? "summary" : "content");
    if (list == nullptr) continue;
    SLUICE_TRY_VOID(list->each_element([&](const JsonView& element) -> Status {
      tasks::ReasoningPart& part = parts.emplace_back();
      part.id = id;
      part.summary = summary;
      return element.read_texts({{"text", &part.text}});
    }));
  }
  if (parts.empty())
    parts.push_back({.text = "", .signature = "", .encrypted = "", .id = id, .summary = true});
  SLUICE_TRY(const std::string encrypted, members.text("encrypted_content"));
  unseal(encrypted, parts.back());
  std::ranges::move(parts, std::back_inserter(assistant().parts));
  return {};
}

Status ItemReader::read_call(const JsonView& item, const Members& members) {
  tasks::ToolCall call;
  SLUICE_TRY(call.id, members.text("call_id"));
  SLUICE_TRY(call.name, members.text("name"));
  SLUICE_TRY(call.arguments, members.text("arguments"));
  if (call.id.empty()) return refuse_missing(item, "call_id");
  if (call.name.empty()) return refuse_missing(item, "name");
  if (const JsonView* extra = members.find(kExtraContent)) {
    SLUICE_TRY(call.signature, read_extra_content(*extra));
  }
  assistant().tool_calls.push_back(std::move(call));
  return {};
}

Status ItemReader::read_output(const JsonView& item, const Members& members) {
  const JsonView* output = members.find("output");
  if (output == nullptr) return refuse_missing(item, "output");
  tasks::Message& message = begin(tasks::Role::tool);
  SLUICE_TRY(message.tool_call_id, members.text("call_id"));
  if (message.tool_call_id.empty()) return refuse_missing(item, "call_id");
  return read_content(*output, message.parts);
}

}  // namespace

Status decode_input(const JsonView& input, std::vector<tasks::Message>& messages) {
  if (input.type() == JsonType::string) {
    tasks::Message& message = messages.emplace_back();
    SLUICE_TRY(std::string text, input.string());
    message.parts.emplace_back(tasks::TextPart{std::move(text)});
    return {};
  }
  ItemReader reader(messages);
  return input.each_element([&](const JsonView& item) { return reader.read(item); });
}

}  // namespace sluice::hub::dialects::responses
