#include "hub/dialects/quirks/message_quirks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace sluice::hub::dialects::quirks {
namespace {

using catalog::Quirk;

constexpr std::size_t kShortIdBytes = 9;
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_short_id(std::string_view id) {
  return id.size() == kShortIdBytes && id.find_first_not_of(kAlphabet) == std::string_view::npos;
}

// FNV-1a with a finisher: 62^9 is 53 bits, and ids of one conversation must not meet.
std::string short_id_of(std::string_view id) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBU;
  hash ^= hash >> 31;
  std::string text;
  for (std::size_t i = 0; i < kShortIdBytes; ++i, hash /= kAlphabet.size())
    text += kAlphabet[hash % kAlphabet.size()];
  return text;
}

void shorten(ObjectEdit& object, std::string_view key) {
  for (std::size_t i = 0; i < object.size(); ++i) {
    if (!object.has(i) || object.name(i) != key || object.type(i) != JsonType::string) continue;
    const std::string id = unescape_json(object.value(i));
    if (!is_short_id(id)) object.replace(i, quoted_json(short_id_of(id)));
  }
}

// The text of a part between its quotes, escapes as written; nullopt for anything but a plain text part.
// `lost`: the names of what it says beside its text.
std::optional<std::string_view> text_between_quotes(std::span<const Member> part, std::string_view list,
                                                    std::vector<std::string>& lost) {
  std::optional<std::string_view> text;
  bool is_text = false;
  for (const Member& member : part) {
    const std::string_view value = member.value.in(list);
    const bool is_string = member.type == JsonType::string;
    const std::string_view inner = is_string ? value.substr(1, value.size() - 2) : std::string_view();
    if (member.name == "type") {
      is_text = is_string && json_text_equals(inner, "text");
    } else if (member.name == "text" && is_string) {
      text = inner;
    } else if (member.type != JsonType::null) {
      lost.push_back(member.name);
    }
  }
  if (!is_text) return std::nullopt;
  return text;
}

}  // namespace

void drop_in_message(const Quirk& quirk, MessageEdit& message) {
  ObjectEdit& object = message.object;
  for (std::size_t i = 0; i < object.size(); ++i) {
    if (!object.has(i) || object.name(i) != quirk.parameter) continue;
    if (object.type(i) != JsonType::null && object.value(i) != "\"\"")
      message.plan.note_dropped("messages." + quirk.parameter);
    object.drop(i);
  }
}

void rename_in_message(const Quirk& quirk, MessageEdit& message) {
  ObjectEdit& object = message.object;
  const std::size_t target = object.find(quirk.to);
  const bool taken = target != object.size() && object.type(target) != JsonType::null;
  for (std::size_t i = 0; i < object.size(); ++i) {
    if (!object.has(i) || object.name(i) != quirk.parameter) continue;
    if (taken || object.type(i) == JsonType::null) {
      object.drop(i);
      continue;
    }
    for (std::size_t other = object.find(quirk.to); other != object.size(); other = object.find(quirk.to))
      object.drop(other);
    object.rename(i, quirk.to);
  }
}

void map_in_message(const Quirk& quirk, MessageEdit& message) {
  ObjectEdit& object = message.object;
  for (std::size_t i = 0; i < object.size(); ++i) {
    if (!object.has(i) || object.name(i) != quirk.parameter || object.type(i) != JsonType::string) continue;
    const auto mapped = quirk.values.find(unescape_json(object.value(i)));
    if (mapped != quirk.values.end()) object.replace(i, quoted_json(mapped->second));
  }
}

void flatten_content(const Quirk&, MessageEdit& message) {
  ObjectEdit& object = message.object;
  const std::size_t content = object.find("content");
  if (content == object.size() || object.type(content) != JsonType::array) return;
  const std::string_view list = object.value(content);
  JsonScanner scanner(list);
  scanner.enter_array();
  std::string joined = "\"";
  bool has_parts = false;
  std::vector<std::string> lost;
  while (scanner.next_element()) {
    const auto text = text_between_quotes(take_members(scanner, list), list, lost);
    if (!text) return;
    joined += *text;
    has_parts = true;
  }
  if (!has_parts) return;
  for (const std::string& name : lost) message.plan.note_dropped("messages.content." + name);
  object.replace(content, joined + '"');
}

void shorten_tool_ids(const Quirk&, MessageEdit& message) {
  shorten(message.object, "tool_call_id");
  for (ObjectEdit& call : message.calls) shorten(call, "id");
}

void strip_nulls(const Quirk&, MessageEdit& message) {
  const auto strip = [](ObjectEdit& object, bool keep_content) {
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (!object.has(i) || object.type(i) != JsonType::null) continue;
      if (!(keep_content && object.name(i) == "content")) object.drop(i);
    }
  };
  strip(message.object, message.calls.empty());
  for (ObjectEdit& call : message.calls) strip(call, false);
}

}  // namespace sluice::hub::dialects::quirks
