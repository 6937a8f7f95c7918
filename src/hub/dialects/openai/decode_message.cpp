#include "hub/dialects/openai/decode_message.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/openai/cache_marks.h"
#include "hub/dialects/openai/reasoning_details.h"

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

// A file_data that is an address, as OpenRouter's clients write it, is a url here.
base::Result<tasks::FilePart> read_file(const JsonView& value) {
  tasks::FilePart file;
  SLUICE_TRY_VOID(
      value.read_texts({{"file_id", &file.id}, {"file_data", &file.data}, {"filename", &file.name}}));
  if (file.data.starts_with("https://") || file.data.starts_with("http://"))
    file.url = std::exchange(file.data, {});
  return file;
}

// The part that member `name` of a part holds; nothing for other members.
base::Result<std::optional<tasks::Part>> read_part_member(const std::string& name, const JsonView& member) {
  if (name == "text") {
    SLUICE_TRY(std::string text, member.string());
    return tasks::TextPart{std::move(text)};
  }
  if (name == "image_url") {
    SLUICE_TRY(tasks::ImagePart image, read_image(member));
    return image;
  }
  if (name == "input_audio") {
    tasks::AudioPart audio;
    SLUICE_TRY_VOID(member.read_texts({{"data", &audio.data}, {"format", &audio.format}}));
    return audio;
  }
  if (name == "file") {
    SLUICE_TRY(tasks::FilePart file, read_file(member));
    return file;
  }
  if (name == "refusal") {
    SLUICE_TRY(std::string text, member.string());
    return tasks::RefusalPart{std::move(text)};
  }
  return std::nullopt;
}

// Marks the part, where its kind can be marked.
void set_cache_mark(tasks::Part& part, const std::string& mark) {
  std::visit(
      [&mark](auto& kind) {
        if constexpr (requires { kind.cache; }) kind.cache = mark;
      },
      part);
}

// Servers that take videos agree on a list of frames; it has no place in other dialects.
base::Result<tasks::Part> keep_video(const JsonView& value) {
  bool has_frames = false;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    has_frames |= name == "video" && member.type() == JsonType::array;
    return {};
  }));
  if (!has_frames)
    return refuse_parameter(value.path(),
                            fmt::format("'{}' needs a video: a list of pictures", value.path()));
  return tasks::NativePart{.type = "video", .json = std::string(value.text()), .dialect = "openai"};
}

base::Result<tasks::Part> read_part(const JsonView& value) {
  std::string type;
  std::string cache;
  std::string signature;
  std::optional<tasks::Part> part;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "type") {
      SLUICE_TRY(type, member.string());
    } else if (name == kCacheControl) {
      SLUICE_TRY(cache, read_cache_mark(member));
    } else if (name == kExtraContent) {
      SLUICE_TRY(signature, read_extra_content(member));
    } else {
      SLUICE_TRY(std::optional<tasks::Part> found, read_part_member(name, member));
      if (found) part = std::move(found);
    }
    return {};
  }));
  if (type == "video") return keep_video(value);
  constexpr std::array<std::string_view, 5> kTypes{"text", "image_url", "input_audio", "file", "refusal"};
  if (!part || part->index() >= kTypes.size() || type != kTypes[part->index()]) {
    return refuse_parameter(
        value.path(),
        fmt::format("'{}' must be a part of type text, image_url, input_audio, file or refusal with "
                    "the field of that name, not of type \"{}\"",
                    value.path(), type.substr(0, 40)));
  }
  set_cache_mark(*part, cache);
  if (auto* text = std::get_if<tasks::TextPart>(&*part)) text->signature = std::move(signature);
  return *std::move(part);
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
    } else if (name == kExtraContent) {
      SLUICE_TRY(call.signature, read_extra_content(member));
    } else if (name == kCacheControl) {
      SLUICE_TRY(call.cache, read_cache_mark(member));
    } else if (name == "function") {
      return member.read_texts({{"name", &call.name}, {"arguments", &call.arguments}});
    }
    return {};
  }));
  message.tool_calls.push_back(std::move(call));
  return {};
}

// What a turn says of its thinking. Clients send it under several names at once; the most telling counts.
struct Thoughts {
  std::vector<tasks::Part> details;
  std::string content;  // reasoning_content
  std::string plain;    // reasoning
};

class MessageReader {
 public:
  Status read(const std::string& name, const JsonView& value);
  tasks::Message take();

 private:
  Status read_thoughts(const std::string& name, const JsonView& value, bool& known);

  tasks::Message message_;
  Thoughts thoughts_;
  std::string cache_;
  std::string signature_;  // of what the turn says
};

Status MessageReader::read_thoughts(const std::string& name, const JsonView& value, bool& known) {
  known = true;
  if (name == kReasoningDetails && value.type() == JsonType::array)
    return read_details(value, thoughts_.details, signature_);
  if (name == "reasoning_content") {
    SLUICE_TRY(thoughts_.content, value.string());
  } else if (name == "reasoning" && value.type() == JsonType::string) {
    SLUICE_TRY(thoughts_.plain, value.string());
  } else {
    known = false;
  }
  return {};
}

Status MessageReader::read(const std::string& name, const JsonView& value) {
  bool known = false;
  SLUICE_TRY_VOID(read_thoughts(name, value, known));
  if (known) return {};
  if (name == "role") {
    SLUICE_TRY(message_.role, read_role(value));
  } else if (name == "content") {
    return read_content(value, message_);
  } else if (name == "name") {
    SLUICE_TRY(message_.name, value.string());
  } else if (name == "tool_call_id") {
    SLUICE_TRY(message_.tool_call_id, value.string());
  } else if (name == "tool_calls") {
    return value.each_element([&](const JsonView& element) { return read_tool_call(element, message_); });
  } else if (name == "function_call") {  // the older form of one call without an id
    auto& call = message_.tool_calls.emplace_back();
    return value.read_texts({{"name", &call.name}, {"arguments", &call.arguments}});
  } else if (name == "refusal") {
    SLUICE_TRY(std::string text, value.string());
    message_.parts.emplace_back(tasks::RefusalPart{std::move(text)});
  } else if (name == kCacheControl) {
    SLUICE_TRY(cache_, read_cache_mark(value));
  } else if (name == kExtraContent) {
    SLUICE_TRY(signature_, read_extra_content(value));
  } else {
    message_.others.push_back({.name = name, .json = std::string(value.text())});
  }
  return {};
}

tasks::Message MessageReader::take() {
  // A mark on the whole turn stands at its end.
  if (message_.role == tasks::Role::tool) {
    message_.cache = cache_;
  } else if (!cache_.empty() && !message_.parts.empty()) {
    set_cache_mark(message_.parts.back(), cache_);
  }
  if (!signature_.empty()) {
    const auto said = std::ranges::find_if(message_.parts, [](const tasks::Part& part) {
      return std::holds_alternative<tasks::TextPart>(part);
    });
    if (said == message_.parts.end())
      message_.parts.emplace_back(tasks::TextPart{"", "", signature_});
    else
      std::get<tasks::TextPart>(*said).signature = signature_;
  }
  std::string& plain = thoughts_.content.empty() ? thoughts_.plain : thoughts_.content;
  std::vector<tasks::Part>& parts = thoughts_.details;
  const bool has_text = std::ranges::any_of(
      parts, [](const tasks::Part& part) { return !std::get<tasks::ReasoningPart>(part).text.empty(); });
  if (!plain.empty() && !has_text) {
    if (parts.empty()) parts.emplace_back(tasks::ReasoningPart{});
    std::get<tasks::ReasoningPart>(parts.front()).text = std::move(plain);
  }
  // Thinking comes before what was said.
  message_.parts.insert(message_.parts.begin(), std::make_move_iterator(parts.begin()),
                        std::make_move_iterator(parts.end()));
  return std::move(message_);
}

}  // namespace

base::Result<tasks::Message> decode_message(const JsonView& value) {
  MessageReader reader;
  bool has_role = false;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    has_role |= name == "role";
    return reader.read(name, member);
  }));
  if (!has_role)
    return refuse_parameter(value.path() + ".role", fmt::format("'{}.role' is missing", value.path()));
  return reader.take();
}

}  // namespace sluice::hub::dialects::openai
