#include "hub/dialects/ollama/decode_messages.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "hub/dialects/media.h"

namespace sluice::hub::dialects::ollama {
namespace {

using base::Status;

base::Result<tasks::Role> read_role(const JsonView& value) {
  using enum tasks::Role;
  constexpr std::array kRoles{std::pair{"system", system}, std::pair{"user", user},
                              std::pair{"assistant", assistant}, std::pair{"tool", tool}};
  SLUICE_TRY(const std::string text, value.string());
  for (const auto& [name, role] : kRoles) {
    if (text == name) return role;
  }
  return refuse_parameter(
      value.path(), fmt::format("'{}' must be system, user, assistant or tool, not \"{}\"", value.path(),
                                text.substr(0, 40)));
}

class MessageReader {
 public:
  Status read(const JsonView& value, std::vector<tasks::Message>& messages);

 private:
  // A call that waits for its result.
  struct Pending {
    std::string id;
    std::string name;
  };

  Status read_member(const std::string& name, const JsonView& value, tasks::Message& message);
  Status read_call(const JsonView& value, tasks::Message& message);
  Status match_result(const JsonView& value, const std::string& tool, tasks::Message& message);

  std::deque<Pending> pending_;
  std::size_t calls_ = 0;
};

Status MessageReader::read(const JsonView& value, std::vector<tasks::Message>& messages) {
  tasks::Message message;
  bool has_role = false;
  std::string tool, thinking;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    has_role |= name == "role";
    if (name == "tool_name" || name == "name") {
      SLUICE_TRY(tool, member.string());
      return {};
    }
    if (name == "thinking") {
      SLUICE_TRY(thinking, member.string());
      return {};
    }
    return read_member(name, member, message);
  }));
  if (!has_role)
    return refuse_parameter(value.path() + ".role", fmt::format("'{}.role' is missing", value.path()));
  if (message.role == tasks::Role::tool) SLUICE_TRY_VOID(match_result(value, tool, message));
  // Ollama lays pictures out in front of the text, in whichever order the members came.
  std::ranges::stable_partition(
      message.parts, [](const tasks::Part& part) { return std::holds_alternative<tasks::ImagePart>(part); });
  if (!thinking.empty())
    message.parts.insert(message.parts.begin(),
                         tasks::ReasoningPart{.text = std::move(thinking), .signature = "", .encrypted = ""});
  messages.push_back(std::move(message));
  return {};
}

Status MessageReader::read_member(const std::string& name, const JsonView& value, tasks::Message& message) {
  if (name == "role") {
    SLUICE_TRY(message.role, read_role(value));
  } else if (name == "content") {
    SLUICE_TRY(std::string text, value.string());
    if (!text.empty()) message.parts.emplace_back(tasks::TextPart{std::move(text)});
  } else if (name == "images") {
    return decode_images(value, message.parts);
  } else if (name == "tool_calls") {
    return value.each_element([&](const JsonView& call) { return read_call(call, message); });
  } else if (name == "tool_call_id") {
    SLUICE_TRY(message.tool_call_id, value.string());
  } else {
    message.others.push_back({.name = name, .json = std::string(value.text())});
  }
  return {};
}

Status MessageReader::read_call(const JsonView& value, tasks::Message& message) {
  tasks::ToolCall call;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "id") {
      SLUICE_TRY(call.id, member.string());
    }
    if (name != "function") return {};
    return member.each_member([&](const std::string& key, const JsonView& field) -> Status {
      if (key == "name") {
        SLUICE_TRY(call.name, field.string());
      } else if (key == "arguments" && field.type() == JsonType::string) {
        SLUICE_TRY(call.arguments, field.string());  // as OpenAI writes them
      } else if (key == "arguments") {
        if (field.type() != JsonType::object) return field.refuse("an object");
        call.arguments = std::string(field.text());
      }
      return {};
    });
  }));
  if (call.name.empty())
    return refuse_parameter(value.path(), fmt::format("'{}' needs a function with a name", value.path()));
  ++calls_;
  if (call.id.empty()) call.id = fmt::format("call_{:04}", calls_);
  pending_.push_back({call.id, call.name});
  message.tool_calls.push_back(std::move(call));
  return {};
}

// By its id, else the first waiting call of that tool, else the first waiting call.
Status MessageReader::match_result(const JsonView& value, const std::string& tool, tasks::Message& message) {
  auto call = pending_.end();
  if (!message.tool_call_id.empty()) {
    call = std::ranges::find(pending_, message.tool_call_id, &Pending::id);
  } else {
    call = std::ranges::find(pending_, tool, &Pending::name);
    if (call == pending_.end()) call = pending_.begin();
    if (call == pending_.end())
      return refuse_parameter(value.path(), fmt::format("'{}' answers no call of a tool", value.path()));
    message.tool_call_id = call->id;
  }
  if (call != pending_.end()) pending_.erase(call);
  return {};
}

}  // namespace

Status decode_messages(const JsonView& list, std::vector<tasks::Message>& messages) {
  MessageReader reader;
  return list.each_element([&](const JsonView& value) { return reader.read(value, messages); });
}

Status decode_images(const JsonView& list, std::vector<tasks::Part>& parts) {
  return list.each_element([&](const JsonView& value) -> Status {
    SLUICE_TRY(std::string image, value.string());
    if (split_data_url(image)) {
      parts.emplace_back(tasks::ImagePart{.url = std::move(image), .detail = ""});
      return {};
    }
    const std::string_view type = image_type_of(image);
    if (type.empty() || !is_base64(image))
      return refuse_parameter(
          value.path(),
          fmt::format("'{}' must be a PNG, JPEG, GIF, WebP or BMP image as base64", value.path()));
    parts.emplace_back(tasks::ImagePart{.url = join_data_url(type, image), .detail = ""});
    return {};
  });
}

}  // namespace sluice::hub::dialects::ollama
