#include "hub/gateway/token_estimate.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace sluice::hub::gateway {
namespace {

// English prose has 4 to 5 bytes to a token, code and JSON 3 to 4; other scripts take 2 to 3 bytes a letter
// and one or two letters to a token.
constexpr std::uint64_t kAsciiBytesPerToken = 4;
constexpr std::uint64_t kOtherBytesPerToken = 3;
constexpr std::uint64_t kTokensPerMessage = 4;     // role and separators
constexpr std::uint64_t kTokensPerTool = 10;       // what surrounds a definition
constexpr std::uint64_t kTokensPerPicture = 1600;  // of the size to which Anthropic and OpenAI scale them
constexpr std::uint64_t kBytesPerPage = 50'000;    // of a PDF, in base64
constexpr std::uint64_t kTokensPerPage = 2000;
constexpr std::uint64_t kBytesPerAudioToken = 400;  // base64 of compressed speech

class Estimate {
 public:
  void add_text(std::string_view text) {
    const auto others = static_cast<std::uint64_t>(
        std::ranges::count_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80U; }));
    ascii_bytes_ += text.size() - others;
    other_bytes_ += others;
  }
  void add_message(const tasks::Message& message) {
    tokens_ += kTokensPerMessage;
    for (const tasks::Part& part : message.parts) std::visit(*this, part);
    for (const tasks::ToolCall& call : message.tool_calls) {
      add_text(call.name);
      add_text(call.arguments);
    }
  }
  void add_tool(const tasks::Tool& tool) {
    tokens_ += kTokensPerTool;
    for (const std::string* text : {&tool.name, &tool.description, &tool.parameters_json, &tool.native_json})
      add_text(*text);
  }
  tasks::Tokens total() const {
    const auto at = [](std::uint64_t bytes, std::uint64_t ratio) { return (bytes + ratio - 1) / ratio; };
    return {tokens_ + at(ascii_bytes_, kAsciiBytesPerToken) + at(other_bytes_, kOtherBytesPerToken)};
  }

  void operator()(const tasks::TextPart& part) { add_text(part.text); }
  void operator()(const tasks::ImagePart&) { tokens_ += kTokensPerPicture; }
  void operator()(const tasks::AudioPart& part) { tokens_ += 1 + part.data.size() / kBytesPerAudioToken; }
  void operator()(const tasks::FilePart& part) {
    add_text(part.text);
    if (part.text.empty()) tokens_ += kTokensPerPage * (1 + part.data.size() / kBytesPerPage);
  }
  void operator()(const tasks::RefusalPart& part) { add_text(part.text); }
  void operator()(const tasks::ReasoningPart&) {}  // earlier thoughts are not read again
  void operator()(const tasks::NativePart& part) { add_text(part.json); }

 private:
  std::uint64_t tokens_ = 0;
  std::uint64_t ascii_bytes_ = 0;
  std::uint64_t other_bytes_ = 0;
};

class OnePiece : public EventSource {
 public:
  explicit OnePiece(tasks::Event event) : event_(std::move(event)) {}

  net::Task<Outcome<std::optional<Piece>>> next() override {
    if (std::exchange(told_, true)) co_return std::nullopt;
    co_return Piece(Events{.events = {event_}});
  }

 private:
  tasks::Event event_;
  bool told_ = false;
};

}  // namespace

tasks::Tokens estimate_input(const tasks::ChatRequest& request) {
  Estimate estimate;
  for (const tasks::Message& message : request.messages) estimate.add_message(message);
  for (const tasks::Tool& tool : request.tools) estimate.add_tool(tool);
  if (request.response_format) estimate.add_text(request.response_format->schema_json);
  return estimate.total();
}

bool needs_estimate(const Call& call) {
  if (call.kind() != tasks::Kind::count_tokens) return false;
  const catalog::Candidate& candidate = call.candidate();
  return candidate.is_device() || candidate.provider->primary_for(tasks::Kind::count_tokens) == nullptr;
}

net::Task<Outcome<Opened>> EstimatingUpstream::open(const Call& call, net::TimePoint, net::Cancel&) {
  SLUICE_CO_TRY(const tasks::ChatRequest* request, call.chat());
  tasks::Usage usage;
  usage.input = estimate_input(*request);
  Opened opened;
  opened.headers.set(kEstimatedHeader, "true");
  opened.source = std::make_unique<OnePiece>(tasks::UsageReport{usage});
  co_return opened;
}

}  // namespace sluice::hub::gateway
