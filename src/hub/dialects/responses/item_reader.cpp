#include "hub/dialects/responses/item_reader.h"

#include <algorithm>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/logprobs.h"
#include "hub/dialects/responses/annotations.h"
#include "hub/dialects/responses/sealed.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::ErrorCode;
using base::Status;

std::uint64_t index_of(JsonObject object, std::string_view key) {
  return count_of(object, key).value_or(0);
}

std::string_view view_of(JsonObject object, std::string_view key) {
  return string_of(object, key).value_or("");
}

}  // namespace

base::Result<ItemReader::Item*> ItemReader::item_at(std::uint64_t index) {
  if (index >= kOutputItemsMax)
    return base::fail(ErrorCode::upstream_failed, "item {} of the output is beyond the limit of {}", index,
                      kOutputItemsMax);
  return &items_[index];
}

Status ItemReader::read_event(std::string_view type, JsonObject event, Events& events) {
  constexpr std::string_view kPrefix = "response.";
  if (!type.starts_with(kPrefix)) return {};
  type.remove_prefix(kPrefix.size());
  if (type == "output_item.added" || type == "output_item.done") {
    const auto object = object_of(event, "item");
    if (!object) return {};
    if (type == "output_item.done") return read_item(index_of(event, "output_index"), *object, events);
    SLUICE_TRY(Item* const item, item_at(index_of(event, "output_index")));
    item->id = text_of(*object, "id");
    if (text_of(*object, "type") == kFunctionCall) return begin_call(*item, *object, events);
    return {};
  }
  SLUICE_TRY(Item* const item, item_at(index_of(event, "output_index")));
  const std::uint64_t part = index_of(event, "content_index");
  if (item->id.empty()) item->id = text_of(event, "item_id");
  if (type == "output_text.delta") {
    tell_text(*item, part, view_of(event, "delta"), event, events);
  } else if (type == "output_text.done") {
    if (!item->texts.contains(part)) tell_text(*item, part, view_of(event, "text"), event, events);
  } else if (type == "output_text.annotation.added") {
    if (const auto annotation = object_of(event, "annotation"))
      tell_annotation(*item, part, *annotation, events);
  } else if (type == "refusal.delta") {
    tell_refusal(*item, part, view_of(event, "delta"), events);
  } else if (type == "refusal.done") {
    if (!item->refusals.contains(part)) tell_refusal(*item, part, view_of(event, "refusal"), events);
  } else if (type == "reasoning_text.delta") {
    tell_thought(*item, false, part, view_of(event, "delta"), events);
  } else if (type == "reasoning_summary_text.delta") {
    tell_thought(*item, true, index_of(event, "summary_index"), view_of(event, "delta"), events);
  } else if (type == "function_call_arguments.delta") {
    SLUICE_TRY_VOID(begin_call(*item, event, events));
    tell_arguments(*item, view_of(event, "delta"), events);
  }
  return {};
}

Status ItemReader::read_output(JsonObject response, Events& events) {
  std::uint64_t index = 0;
  for (const JsonElement element : elements_of(response, "output")) {
    if (JsonObject object; element.get(object) == simdjson::SUCCESS)
      SLUICE_TRY_VOID(read_item(index, object, events));
    ++index;
  }
  return {};
}

Status ItemReader::read_item(std::uint64_t index, JsonObject object, Events& events) {
  SLUICE_TRY(Item* const item, item_at(index));
  const std::string_view type = view_of(object, "type");
  if (item->id.empty()) item->id = text_of(object, "id");
  if (type == kMessage) {
    read_message(*item, object, events);
  } else if (type == kReasoning) {
    read_reasoning(*item, object, events);
  } else if (type == kFunctionCall) {
    SLUICE_TRY_VOID(begin_call(*item, object, events));
    if (!item->has_arguments) tell_arguments(*item, view_of(object, "arguments"), events);
  }
  return {};  // what tools of the provider did shows in its text
}

void ItemReader::read_message(Item& item, JsonObject object, Events& events) {
  std::uint64_t part = 0;
  for (const JsonElement element : elements_of(object, "content")) {
    JsonObject content;
    if (element.get(content) != simdjson::SUCCESS) continue;
    const std::string_view type = view_of(content, "type");
    if (type == kRefusal && !item.refusals.contains(part))
      tell_refusal(item, part, view_of(content, "refusal"), events);
    if (type == kOutputText) {
      if (!item.texts.contains(part)) tell_text(item, part, view_of(content, "text"), content, events);
      std::uint64_t number = 0;
      for (const JsonElement one : elements_of(content, "annotations")) {
        JsonObject annotation;
        if (number++ >= item.annotations[part] && one.get(annotation) == simdjson::SUCCESS)
          tell_annotation(item, part, annotation, events);
      }
      if (std::string signature = read_extra_content(content); !signature.empty())
        events.emplace_back(
            tasks::TextDelta{.choice = 0, .text = "", .logprobs = {}, .signature = std::move(signature)});
    }
    ++part;
  }
}

void ItemReader::read_reasoning(Item& item, JsonObject object, Events& events) {
  for (const bool summary : {true, false}) {
    std::uint64_t part = 0;
    for (const JsonElement element : elements_of(object, summary ? "summary" : "content")) {
      JsonObject content;
      if (element.get(content) == simdjson::SUCCESS && !item.thinking.contains({summary, part}))
        tell_thought(item, summary, part, view_of(content, "text"), events);
      ++part;
    }
  }
  const std::string_view encrypted = view_of(object, "encrypted_content");
  if (encrypted.empty() || std::exchange(item.sealed, true)) return;
  tasks::ReasoningPart seals;
  unseal(encrypted, seals);
  // The seal belongs to the last block of the item; an item without a text is a block for itself.
  if (item.thinking.empty()) item.thinking[{true, 0}] = blocks_++;
  const auto last =
      std::ranges::max_element(item.thinking, {}, [](const auto& entry) { return entry.second; });
  events.emplace_back(tasks::ReasoningDelta{.choice = 0,
                                            .text = "",
                                            .signature = std::move(seals.signature),
                                            .encrypted = std::move(seals.encrypted),
                                            .index = last->second,
                                            .id = item.id,
                                            .summary = last->first.first,
                                            .dialect = std::move(seals.dialect)});
}

void ItemReader::tell_text(Item& item, std::uint64_t part, std::string_view text, JsonObject holder,
                           Events& events) {
  auto logprobs = read_logprobs(holder, "logprobs");
  if (text.empty() && logprobs.empty()) return;
  if (item.texts.insert(part).second) item.begins[part] = text_points_;
  text_points_ += code_points(text);
  events.emplace_back(
      tasks::TextDelta{.choice = 0, .text = std::string(text), .logprobs = std::move(logprobs)});
}

void ItemReader::tell_refusal(Item& item, std::uint64_t part, std::string_view text, Events& events) {
  if (text.empty()) return;
  item.refusals.insert(part);
  events.emplace_back(tasks::RefusalDelta{.choice = 0, .text = std::string(text)});
}

void ItemReader::tell_annotation(Item& item, std::uint64_t part, JsonObject annotation, Events& events) {
  ++item.annotations[part];
  const auto begin = item.begins.find(part);
  events.emplace_back(tasks::CitationFound{
      .choice = 0, .citation = read_annotation(annotation, begin == item.begins.end() ? 0 : begin->second)});
}

void ItemReader::tell_thought(Item& item, bool summary, std::uint64_t part, std::string_view text,
                              Events& events) {
  if (text.empty()) return;
  const auto [block, is_new] = item.thinking.try_emplace({summary, part}, blocks_);
  if (is_new) ++blocks_;
  events.emplace_back(tasks::ReasoningDelta{.choice = 0,
                                            .text = std::string(text),
                                            .signature = "",
                                            .encrypted = "",
                                            .index = block->second,
                                            .id = item.id,
                                            .summary = summary});
}

// `from` is the item, or an event about its arguments when the server sent no item before.
Status ItemReader::begin_call(Item& item, JsonObject from, Events& events) {
  if (std::exchange(item.is_call, true)) return {};
  if (calls_ == kToolCallsMax)
    return base::fail(ErrorCode::upstream_failed, "more than {} tool calls", kToolCallsMax);
  item.call = calls_++;
  std::string id = text_of(from, "call_id");
  events.emplace_back(tasks::ToolCallDelta{.choice = 0,
                                           .index = item.call,
                                           .id = id.empty() ? item.id : std::move(id),
                                           .name = text_of(from, "name"),
                                           .arguments = "",
                                           .signature = read_extra_content(from)});
  return {};
}

void ItemReader::tell_arguments(Item& item, std::string_view arguments, Events& events) {
  if (arguments.empty()) return;
  item.has_arguments = true;
  events.emplace_back(tasks::ToolCallDelta{
      .choice = 0, .index = item.call, .id = "", .name = "", .arguments = std::string(arguments)});
}

}  // namespace sluice::hub::dialects::responses
