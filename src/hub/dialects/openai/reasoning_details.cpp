#include "hub/dialects/openai/reasoning_details.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::hub::dialects::openai {
namespace {

using base::JsonWriter;
using base::Status;

constexpr std::string_view kText = "reasoning.text";
constexpr std::string_view kSummary = "reasoning.summary";
constexpr std::string_view kEncrypted = "reasoning.encrypted";
constexpr std::string_view kTextSignatureId = "signature_of_text";

// OpenRouter's words for whose signature it is, and the dialect here.
constexpr std::array kFormats{
    std::pair<std::string_view, std::string_view>{"anthropic-claude-v1", "anthropic"},
    std::pair<std::string_view, std::string_view>{"google-gemini-v1", "gemini"},
    std::pair<std::string_view, std::string_view>{"openai-responses-v1", "responses"}};

std::string_view format_of(std::string_view dialect) {
  for (const auto& [format, name] : kFormats)
    if (name == dialect) return format;
  return dialect;
}

std::string dialect_of(std::string_view format) {
  for (const auto& [name, dialect] : kFormats)
    if (name == format) return std::string(dialect);
  return std::string(format);
}

void write_tail(JsonWriter& out, const tasks::ReasoningPart& part, std::uint32_t index) {
  out.key("id");
  part.id.empty() ? out.null() : out.string(part.id);
  out.key("format");
  part.dialect.empty() ? out.null() : out.string(format_of(part.dialect));
  out.field("index", index).end_object();
}

// One entry before it is known which part it belongs to.
struct Entry {
  std::string type, text, summary, signature, data, id, format;
  std::optional<std::int64_t> index;
};

void merge(Entry entry, tasks::ReasoningPart& part) {
  part.summary |= entry.type == kSummary;
  part.text += entry.type == kSummary ? entry.summary : entry.text;
  if (!entry.signature.empty()) part.signature = std::move(entry.signature);
  if (!entry.data.empty()) part.encrypted = std::move(entry.data);
  if (!entry.id.empty()) part.id = std::move(entry.id);
  if (!entry.format.empty()) part.dialect = dialect_of(entry.format);
}

base::Result<Entry> read_entry(const JsonView& value) {
  Entry entry;
  if (value.type() != JsonType::object) return value.refuse("an object");
  SLUICE_TRY_VOID(value.read_texts({{"type", &entry.type},
                                    {"text", &entry.text},
                                    {"summary", &entry.summary},
                                    {"signature", &entry.signature},
                                    {"data", &entry.data},
                                    {"id", &entry.id},
                                    {"format", &entry.format}}));
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "index") {
      SLUICE_TRY(entry.index, member.integer());
    }
    return {};
  }));
  return entry;
}

}  // namespace

bool needs_details(const tasks::ReasoningPart& part) {
  return !part.signature.empty() || !part.encrypted.empty();
}

void write_details(JsonWriter& out, const tasks::ReasoningPart& part, std::uint32_t index) {
  if (!part.text.empty() || !part.signature.empty()) {
    out.begin_object().field("type", part.summary ? kSummary : kText);
    out.field(part.summary ? "summary" : "text", part.text);
    if (!part.signature.empty()) out.field("signature", part.signature);
    write_tail(out, part, index);
  }
  if (part.encrypted.empty()) return;
  out.begin_object().field("type", kEncrypted).field("data", part.encrypted);
  write_tail(out, part, index);
}

tasks::ReasoningPart text_signature_part(std::string signature) {
  tasks::ReasoningPart part;
  part.encrypted = std::move(signature);
  part.id = kTextSignatureId;
  return part;
}

Status read_details(const JsonView& value, std::vector<tasks::Part>& parts, std::string& text_signature) {
  std::optional<std::int64_t> last;
  return value.each_element([&](const JsonView& element) -> Status {
    SLUICE_TRY(Entry entry, read_entry(element));
    if (entry.id == kTextSignatureId && entry.type == kEncrypted) {
      text_signature = std::move(entry.data);
      return {};
    }
    const bool continues = entry.index && entry.index == last;
    last = entry.index;
    if (!continues) parts.emplace_back(tasks::ReasoningPart{});
    merge(std::move(entry), std::get<tasks::ReasoningPart>(parts.back()));
    return {};
  });
}

bool read_details(std::uint32_t choice, JsonObject delta, std::vector<tasks::Event>& events) {
  bool has_text = false;
  std::uint32_t position = 0;
  for (const JsonElement element : elements_of(delta, kReasoningDetails)) {
    JsonObject object;
    if (element.get(object) != simdjson::SUCCESS) continue;
    tasks::ReasoningPart part;
    merge({.type = text_of(object, "type"),
           .text = text_of(object, "text"),
           .summary = text_of(object, "summary"),
           .signature = text_of(object, "signature"),
           .data = text_of(object, "data"),
           .id = text_of(object, "id"),
           .format = text_of(object, "format"),
           .index = {}},
          part);
    const std::uint64_t index =
        std::min<std::uint64_t>(count_of(object, "index").value_or(position), 1 << 20);
    ++position;
    if (part.id == kTextSignatureId) {
      tasks::TextDelta said;
      said.choice = choice;
      said.signature = std::move(part.encrypted);
      events.emplace_back(std::move(said));
      continue;
    }
    has_text |= !part.text.empty();
    events.emplace_back(tasks::ReasoningDelta{.choice = choice,
                                              .text = std::move(part.text),
                                              .signature = std::move(part.signature),
                                              .encrypted = std::move(part.encrypted),
                                              .index = static_cast<std::uint32_t>(index),
                                              .id = std::move(part.id),
                                              .summary = part.summary,
                                              .dialect = std::move(part.dialect)});
  }
  return has_text;
}

}  // namespace sluice::hub::dialects::openai
