#include "hub/dialects/anthropic/carried_state.h"

#include "base/json_writer.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects::anthropic {
namespace {

constexpr std::string_view kMark = "sluice:";
constexpr std::string_view kQuotedMark = "\"sluice:";
constexpr std::string_view kOwn = "anthropic";

std::optional<JsonObject> read_marked(std::string_view field) {
  if (!field.starts_with(kMark)) return std::nullopt;
  const auto element = parse_json(field.substr(kMark.size()));
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS) return std::nullopt;
  return object;
}

bool is_marked(std::string_view block) {
  if (!block.contains(kQuotedMark)) return false;
  const auto element = parse_json(block);
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS) return false;
  const std::string type = text_of(object, "type");
  const char* field = type == "thinking" ? "signature" : type == "redacted_thinking" ? "data" : nullptr;
  return field != nullptr && string_of(object, field).value_or("").starts_with(kMark);
}

// The scanner stands before a list of blocks in `text`, which begins at `offset` of the body. A block goes
// with the comma before it, or the one behind it when nothing before it stays.
void plan_cuts(std::string_view text, std::size_t offset, JsonScanner& scanner, std::vector<Edit>& edits) {
  std::vector<Span> blocks;
  scanner.enter_array();
  while (scanner.next_element()) blocks.push_back(scanner.take_value());
  std::optional<std::size_t> kept_end;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!is_marked(blocks[i].in(text))) {
      kept_end = blocks[i].end;
    } else if (kept_end) {
      edits.push_back({{offset + *kept_end, offset + blocks[i].end}, {}});
      kept_end = blocks[i].end;
    } else {
      const std::size_t end = i + 1 < blocks.size() ? blocks[i + 1].begin : blocks[i].end;
      edits.push_back({{offset + blocks[i].begin, offset + end}, {}});
    }
  }
}

}  // namespace

std::string signature_field(const tasks::ReasoningPart& part) {
  if (part.dialect == kOwn) return part.signature;
  return std::string(kMark) + part.dialect + ":" + part.signature;
}

void read_signature_field(std::string field, tasks::ReasoningPart& part) {
  if (!field.starts_with(kMark)) {
    part.dialect = kOwn;
    part.signature = std::move(field);
    return;
  }
  field.erase(0, kMark.size());
  const std::size_t colon = field.find(':');
  part.dialect = field.substr(0, colon);
  part.signature = colon == std::string::npos ? "" : field.substr(colon + 1);
}

std::string data_field(const CallSignature& signature) {
  std::string out(kMark);
  base::JsonWriter json(out);
  json.begin_object().field("call", signature.call_id).field("signature", signature.signature).end_object();
  return out;
}

std::string data_field(const TextSignature& signature) {
  std::string out(kMark);
  base::JsonWriter(out).begin_object().field("text", signature.signature).end_object();
  return out;
}

bool needs_data_field(const tasks::ReasoningPart& part) {
  return !part.encrypted.empty() || (!part.id.empty() && part.dialect != kOwn);
}

std::string data_field(const tasks::ReasoningPart& part, bool continues) {
  if (part.dialect == kOwn) return part.encrypted;
  std::string out(kMark);
  base::JsonWriter json(out);
  json.begin_object().field("thought", part.id).field("encrypted", part.encrypted);
  json.field("dialect", part.dialect).field("summary", part.summary);
  json.field("continues", continues).end_object();
  return out;
}

ReadData read_data_field(std::string field) {
  ReadData read;
  const auto object = read_marked(field);
  if (!object) {
    read.thought = tasks::ReasoningPart{
        .text = "", .signature = "", .encrypted = std::move(field), .dialect = std::string(kOwn)};
  } else if (string_of(*object, "call")) {
    read.call =
        CallSignature{.call_id = text_of(*object, "call"), .signature = text_of(*object, "signature")};
  } else if (string_of(*object, "text")) {
    read.text = TextSignature{text_of(*object, "text")};
  } else {
    bool flag = false;
    read.continues = object->at_key("continues").get(flag) == simdjson::SUCCESS && flag;
    flag = false;
    read.thought =
        tasks::ReasoningPart{.text = "",
                             .signature = "",
                             .encrypted = text_of(*object, "encrypted"),
                             .id = text_of(*object, "thought"),
                             .summary = object->at_key("summary").get(flag) == simdjson::SUCCESS && flag,
                             .dialect = text_of(*object, "dialect")};
  }
  return read;
}

std::optional<http::Slice> cut_marked_blocks(const ScannedRequest& request) {
  const std::string_view body = request.body.text();
  const Member* messages = request.find("messages");
  if (messages == nullptr || !body.contains(kQuotedMark)) return std::nullopt;
  std::vector<Edit> edits;
  const std::string_view text = request.text_of(*messages);
  JsonScanner scanner(text);
  scanner.enter_array();
  while (scanner.next_element()) {
    scanner.enter_object();
    while (const auto key = scanner.next_key()) {
      if (json_text_equals(key->in(text), "content") && scanner.peek() == JsonType::array) {
        plan_cuts(text, messages->value.begin, scanner, edits);
      } else {
        scanner.take_value();
      }
    }
  }
  if (edits.empty()) return std::nullopt;
  return http::flatten(apply_edits(request.body, edits));
}

}  // namespace sluice::hub::dialects::anthropic
