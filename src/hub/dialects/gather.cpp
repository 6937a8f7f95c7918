#include "hub/dialects/gather.h"

#include <algorithm>

namespace sluice::hub::dialects {

using base::ErrorCode;

class Gatherer {
 public:
  void operator()(const tasks::Started& event) { answer_.started = event; }
  void operator()(const tasks::TextDelta& event) {
    auto& block = last<TextBlock>(answer_.choices[event.choice]);
    block.text += event.text;
    if (!event.signature.empty()) block.signature = event.signature;
    block.logprobs.insert(block.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
  }
  void operator()(const tasks::ReasoningDelta& event) {
    GatheredChoice& choice = answer_.choices[event.choice];
    if (choice.reasoning_index_ != event.index || !is_last<tasks::ReasoningPart>(choice))
      choice.blocks.emplace_back(tasks::ReasoningPart{});
    choice.reasoning_index_ = event.index;
    auto& block = std::get<tasks::ReasoningPart>(choice.blocks.back());
    block.text += event.text;
    if (!event.signature.empty()) block.signature = event.signature;
    if (!event.encrypted.empty()) block.encrypted = event.encrypted;
    if (!event.id.empty()) block.id = event.id;
    if (!event.dialect.empty()) block.dialect = event.dialect;
    block.summary |= event.summary;
  }
  void operator()(const tasks::RefusalDelta& event) {
    last<RefusalBlock>(answer_.choices[event.choice]).text += event.text;
  }
  void operator()(const tasks::ToolCallDelta& event) {
    GatheredChoice& choice = answer_.choices[event.choice];
    const auto [place, is_new] = choice.call_blocks_.emplace(event.index, choice.blocks.size());
    if (is_new) choice.blocks.emplace_back(tasks::ToolCall{});
    auto& call = std::get<tasks::ToolCall>(choice.blocks[place->second]);
    if (!event.id.empty()) call.id = event.id;
    if (!event.name.empty()) call.name = event.name;
    if (!event.signature.empty()) call.signature = event.signature;
    call.arguments += event.arguments;
  }
  void operator()(const tasks::CitationFound& event) {
    last<TextBlock>(answer_.choices[event.choice]).citations.push_back(event.citation);
  }
  void operator()(const tasks::Embedded& event) { answer_.embedded.push_back(event); }
  void operator()(const tasks::Finished& event) { answer_.choices[event.choice].finished = event; }
  void operator()(const tasks::UsageReport& event) { answer_.usage = event.usage; }
  void operator()(const tasks::Failed& event) { failure_ = event.error; }

  base::Result<GatheredAnswer> take() {
    if (failure_) return std::unexpected(*failure_);
    if (answer_.choices.empty() && answer_.embedded.empty() && !answer_.usage)
      return base::fail(ErrorCode::upstream_failed, "the answer holds no choices");
    for (const auto& [index, choice] : answer_.choices) {
      if (!choice.finished)
        return base::fail(ErrorCode::upstream_failed, "the answer was cut: choice {} did not finish", index);
    }
    std::ranges::sort(answer_.embedded, {}, &tasks::Embedded::index);
    return std::move(answer_);
  }

 private:
  template <typename T>
  static bool is_last(const GatheredChoice& choice) {
    return !choice.blocks.empty() && std::holds_alternative<T>(choice.blocks.back());
  }
  template <typename T>
  static T& last(GatheredChoice& choice) {
    if (!is_last<T>(choice)) choice.blocks.emplace_back(T{});
    return std::get<T>(choice.blocks.back());
  }

  GatheredAnswer answer_;
  std::optional<base::Error> failure_;
};

std::string GatheredChoice::text() const {
  std::string out;
  for (const Block& block : blocks)
    if (const auto* text = std::get_if<TextBlock>(&block)) out += text->text;
  return out;
}

std::string GatheredChoice::reasoning() const {
  std::string out;
  for (const Block& block : blocks)
    if (const auto* part = std::get_if<tasks::ReasoningPart>(&block)) out += part->text;
  return out;
}

std::string GatheredChoice::refusal() const {
  std::string out;
  for (const Block& block : blocks)
    if (const auto* refusal = std::get_if<RefusalBlock>(&block)) out += refusal->text;
  return out;
}

std::vector<const tasks::ToolCall*> GatheredChoice::tool_calls() const {
  std::vector<const tasks::ToolCall*> calls;
  for (const auto& [index, block] : call_blocks_) calls.push_back(&std::get<tasks::ToolCall>(blocks[block]));
  return calls;
}

std::vector<tasks::TokenLogprob> GatheredChoice::logprobs() const {
  std::vector<tasks::TokenLogprob> out;
  for (const Block& block : blocks)
    if (const auto* text = std::get_if<TextBlock>(&block))
      out.insert(out.end(), text->logprobs.begin(), text->logprobs.end());
  return out;
}

std::vector<tasks::Citation> GatheredChoice::citations() const {
  std::vector<tasks::Citation> out;
  for (const Block& block : blocks)
    if (const auto* text = std::get_if<TextBlock>(&block))
      out.insert(out.end(), text->citations.begin(), text->citations.end());
  return out;
}

base::Result<GatheredAnswer> gather(std::span<const tasks::Event> events) {
  Gatherer gatherer;
  for (const tasks::Event& event : events) std::visit(gatherer, event);
  return gatherer.take();
}

}  // namespace sluice::hub::dialects
