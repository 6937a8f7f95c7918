#include "hub/dialects/openai/decode_message.h"

#include <array>
#include <utility>

namespace sluice::hub::dialects::openai {
namespace {

using base::Status;

base::Result<tasks::Role> read_role(const JsonView& value) {
  using enum tasks::Role;
  constexpr std::array kRoles{std::pair{"system", system}, std::pair{"developer", developer},
                              std::pair{"user", user},     std::pair{"assistant", assistant},
                              std::pair{"tool", tool},     std::pair{"function", tool}};
  SLUICE_TRY(const std::string text, value.string());
  for (const auto& [name, role] : kRoles) {
    if (text == name) return role;
  }
  return refuse_parameter(value.path(),
                          fmt::format("'{}' must be system, developer, user, assistant or tool, not \"{}\"",
                                      value.path(), text.substr(0, 40)));
}

base::Result<tasks::ImagePart> read_image(const JsonView& value) {
  tasks::ImagePart image;
  if (value.type() == JsonType::string) {  // a form some clients send
    SLUICE_TRY(image.url, value.string());
  } else {
    SLUICE_TRY_VOID(value.read_texts({{"url", &image.url}, {"detail", &image.detail}}));
  }
  if (image.url.empty()) return refuse_parameter(value.path(), fmt::format("'{}' needs a url", value.path()));
  return image;
}

base::Result<tasks::Part> read_part(const JsonView& value) {
  std::string type;
  tasks::Part part;
  bool is_read = false;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "type") {
      SLUICE_TRY(type, member.string());
    } else if (name == "text") {
      SLUICE_TRY(std::string text, member.string());
      part = tasks::TextPart{std::move(text)};
      is_read = true;
    } else if (name == "image_url") {
      SLUICE_TRY(part, read_image(member));
      is_read = true;
    } else if (name == "input_audio") {
      tasks::AudioPart audio;
      SLUICE_TRY_VOID(member.read_texts({{"data", &audio.data}, {"format", &audio.format}}));
      part = std::move(audio);
      is_read = true;
    } else if (name == "file") {
      tasks::FilePart file;
      SLUICE_TRY_VOID(
          member.read_texts({{"file_id", &file.id}, {"file_data", &file.data}, {"filename", &file.name}}));
      part = std::move(file);
      is_read = true;
    } else if (name == "refusal") {
      SLUICE_TRY(std::string text, member.string());
      part = tasks::RefusalPart{std::move(text)};
      is_read = true;
    }
    return {};
  }));
  constexpr std::array<std::string_view, 5> kTypes{"text", "image_url", "input_audio", "file", "refusal"};
  const bool fits = part.index() < kTypes.size() && type == kTypes[part.index()];
  if (is_read && fits) return part;
  return refuse_parameter(
      value.path(),
      fmt::format("'{}' must be a part of type text, image_url, input_audio, file or refusal with "
                  "the field of that name, not of type \"{}\"",
                  value.path(), type.substr(0, 40)));
}

Status read_content(const JsonView& value, tasks::Message& message) {
  if (value.type() == JsonType::string) {
    SLUICE_TRY(std::string text, value.string());
    message.parts.emplace_back(tasks::TextPart{std::move(text)});
    return {};
  }
  if (value.type() != JsonType::array) return value.refuse("a string or an array of parts");
  return value.each_element([&](const JsonView& element) -> Status {
    SLUICE_TRY(tasks::Part part, read_part(element));
    message.parts.push_back(std::move(part));
    return {};
  });
}

Status read_tool_call(const JsonView& value, tasks::Message& message) {
  tasks::ToolCall call;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "id") {
      SLUICE_TRY(call.id, member.string());
    }
    if (name != "function") return {};
    return member.read_texts({{"name", &call.name}, {"arguments", &call.arguments}});
  }));
  message.tool_calls.push_back(std::move(call));
  return {};
}

Status read_member(const std::string& name, const JsonView& value, tasks::Message& message) {
  if (name == "role") {
    SLUICE_TRY(message.role, read_role(value));
  } else if (name == "content") {
    return read_content(value, message);
  } else if (name == "name") {
    SLUICE_TRY(message.name, value.string());
  } else if (name == "tool_call_id") {
    SLUICE_TRY(message.tool_call_id, value.string());
  } else if (name == "tool_calls") {
    return value.each_element([&](const JsonView& element) { return read_tool_call(element, message); });
  } else if (name == "refusal") {
    SLUICE_TRY(std::string text, value.string());
    message.parts.emplace_back(tasks::RefusalPart{std::move(text)});
  } else if (name == "reasoning_content" || (name == "reasoning" && value.type() == JsonType::string)) {
    SLUICE_TRY(std::string text, value.string());
    message.parts.emplace_back(
        tasks::ReasoningPart{.text = std::move(text), .signature = "", .encrypted = ""});
  } else {
    message.others.push_back({.name = name, .json = std::string(value.text())});
  }
  return {};
}

}  // namespace

base::Result<tasks::Message> decode_message(const JsonView& value) {
  tasks::Message message;
  bool has_role = false;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    has_role |= name == "role";
    return read_member(name, member, message);
  }));
  if (!has_role)
    return refuse_parameter(value.path() + ".role", fmt::format("'{}.role' is missing", value.path()));
  return message;
}

}  // namespace sluice::hub::dialects::openai
