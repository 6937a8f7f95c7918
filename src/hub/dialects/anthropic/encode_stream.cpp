#include <map>
#include <optional>
#include <utility>

#include "hub/dialects/anthropic/answer_parts.h"
#include "hub/dialects/anthropic/carried_state.h"
#include "hub/dialects/anthropic/encode_answer.h"
#include "hub/dialects/anthropic/errors.h"
#include "hub/dialects/anthropic/json_progress.h"
#include "hub/dialects/anthropic/usage.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::JsonWriter;

// The blocks of a message come one after the other, each with a start and a stop; what comes mixed in events
// (the arguments of two calls) is put in order here.
class MessageEncoder : public StreamEncoder {
 public:
  explicit MessageEncoder(const ReplyContext& context) : context_(context) {}

  std::string encode(std::span<const tasks::Event> events) override {
    out_.clear();
    for (const tasks::Event& event : events) std::visit(*this, event);
    return std::exchange(out_, {});
  }
  std::string finish() override;
  std::string encode_error(const base::Error& error) override { return encode_stream_error(error); }

  void operator()(const tasks::Started& event) { begin(event); }
  void operator()(const tasks::TextDelta& event) {
    if (event.choice != 0) return;
    write_text(event.text);
    if (event.signature.empty()) return;
    begin({});
    close_all();
    write_redacted(data_field(TextSignature{event.signature}));
  }
  void operator()(const tasks::RefusalDelta& event) {
    if (event.choice == 0) write_text(event.text);
  }
  void operator()(const tasks::ReasoningDelta& event);
  void operator()(const tasks::ToolCallDelta& event);
  void operator()(const tasks::CitationFound& event);
  void operator()(const tasks::Embedded&) {}
  void operator()(const tasks::Finished& event) {
    if (event.choice != 0) return;
    begin({});
    close_all();
    finished_ = event;
  }
  void operator()(const tasks::UsageReport& event) { usage_ = event.usage; }
  void operator()(const tasks::Failed& event) { out_ += encode_stream_error(event.error); }

 private:
  enum class Open : std::uint8_t { nothing, text, thinking, call };
  struct Call {
    std::string id, name, signature;
    std::string held;  // arguments that came while another call was being told
    JsonProgress arguments;
    bool told = false;  // its block has begun
  };

  void begin(const tasks::Started& started);
  void write_text(std::string_view text);
  void open_text();
  void write_arguments(Call& call, std::string_view piece);
  void open_call(std::uint32_t index, Call& call);
  void close_block();
  void close_all();
  void close_thought();
  void write_redacted(std::string_view data);
  void write_call_signature(Call& call);

  // One event whose data is {"type":name,...}; `write` adds the rest.
  template <typename Write>
  void write_event(std::string_view name, Write write) {
    out_ += "event: ";
    out_ += name;
    out_ += "\ndata: ";
    JsonWriter json(out_);
    json.begin_object().field("type", name);
    write(json);
    json.end_object();
    out_ += "\n\n";
  }
  template <typename Write>
  void start_block(Open open, std::string_view type, Write write) {
    open_ = open;
    write_event("content_block_start", [&](JsonWriter& json) {
      json.field("index", next_index_).key("content_block").begin_object().field("type", type);
      write(json);
      json.end_object();
    });
  }
  void write_delta(std::string_view type, std::string_view key, std::string_view text) {
    write_event("content_block_delta", [&](JsonWriter& json) {
      json.field("index", next_index_).key("delta").begin_object().field("type", type);
      json.field(key, text).end_object();
    });
  }
  void stop_block() {
    write_event("content_block_stop", [&](JsonWriter& json) { json.field("index", next_index_); });
    ++next_index_;
    open_ = Open::nothing;
  }

  const ReplyContext context_;
  std::string out_;
  bool begun_ = false;
  std::string tier_;
  // The block being told; next_index_ is its index, or that of the next one.
  Open open_ = Open::nothing;
  std::uint32_t next_index_ = 0;
  // The thought under way, without its text; its block begins with the first text.
  std::optional<tasks::ReasoningPart> thought_;
  std::uint32_t thought_index_ = 0;
  // By the index of their deltas.
  std::map<std::uint32_t, Call> calls_;
  std::uint32_t open_call_ = 0;
  // Told at the end.
  tasks::Finished finished_;
  tasks::Usage usage_;
};

void MessageEncoder::begin(const tasks::Started& started) {
  if (std::exchange(begun_, true)) return;
  tier_ = wire_of_tier(started.service_tier);
  write_event("message_start", [&](JsonWriter& json) {
    json.key("message").begin_object();
    write_message_head(json, started, context_);
    json.key("content").begin_array().end_array();
    json.key("stop_reason").null().key("stop_sequence").null();
    // Nobody else tells it before the end: the last event has the counts.
    json.key("usage").begin_object();
    write_usage_members(json, {}, tier_);
    json.end_object().end_object();
  });
}

void MessageEncoder::open_text() {
  begin({});
  if (open_ == Open::text) return;
  close_all();
  start_block(Open::text, "text", [](JsonWriter& json) { json.field("text", ""); });
}

void MessageEncoder::write_text(std::string_view text) {
  if (text.empty()) return;
  open_text();
  write_delta("text_delta", "text", text);
}

void MessageEncoder::operator()(const tasks::CitationFound& event) {
  if (event.choice != 0) return;
  open_text();
  write_event("content_block_delta", [&](JsonWriter& json) {
    json.field("index", next_index_).key("delta").begin_object().field("type", "citations_delta");
    json.key("citation");
    write_citation(json, event.citation);
    json.end_object();
  });
}

void MessageEncoder::operator()(const tasks::ReasoningDelta& event) {
  if (event.choice != 0) return;
  begin({});
  if (thought_ && thought_index_ != event.index) close_thought();
  if (!thought_) {
    close_all();
    thought_.emplace();
    thought_index_ = event.index;
  }
  if (!event.signature.empty()) thought_->signature = event.signature;
  if (!event.encrypted.empty()) thought_->encrypted = event.encrypted;
  if (!event.id.empty()) thought_->id = event.id;
  if (!event.dialect.empty()) thought_->dialect = event.dialect;
  thought_->summary |= event.summary;
  const auto start = [this] {
    start_block(Open::thinking, "thinking",
                [](JsonWriter& json) { json.field("thinking", "").field("signature", ""); });
  };
  if (open_ != Open::thinking && !(event.text.empty() && event.signature.empty())) start();
  if (!event.text.empty()) write_delta("thinking_delta", "thinking", event.text);
}

void MessageEncoder::close_thought() {
  if (!thought_) return;
  const tasks::ReasoningPart thought = *std::exchange(thought_, std::nullopt);
  const bool has_block = open_ == Open::thinking;
  if (has_block) {
    if (const std::string signature = signature_field(thought); !signature.empty())
      write_delta("signature_delta", "signature", signature);
    stop_block();
  }
  if (needs_data_field(thought)) write_redacted(data_field(thought, has_block));
}

void MessageEncoder::write_redacted(std::string_view data) {
  start_block(Open::nothing, "redacted_thinking", [&](JsonWriter& json) { json.field("data", data); });
  stop_block();
}

void MessageEncoder::write_call_signature(Call& call) {
  if (call.signature.empty()) return;
  write_redacted(
      data_field(CallSignature{.call_id = call.id, .signature = std::exchange(call.signature, {})}));
}

void MessageEncoder::operator()(const tasks::ToolCallDelta& event) {
  if (event.choice != 0) return;
  begin({});
  Call& call = calls_[event.index];
  if (!event.id.empty()) call.id = event.id;
  if (!event.name.empty()) call.name = event.name;
  if (!event.signature.empty()) call.signature = event.signature;
  if (open_ == Open::call && open_call_ == event.index) return write_arguments(call, event.arguments);
  if (call.told) return;  // what follows complete arguments is space
  // Another call whose arguments are not complete yet goes on first.
  const bool waits = open_ == Open::call && !calls_[open_call_].arguments.is_complete();
  if (waits || call.name.empty()) {
    call.held += event.arguments;
    return;
  }
  close_block();
  open_call(event.index, call);
  write_arguments(call, event.arguments);
}

void MessageEncoder::open_call(std::uint32_t index, Call& call) {
  call.id = id_of_call(call.id, index, context_);
  write_call_signature(call);
  call.told = true;
  open_call_ = index;
  start_block(Open::call, "tool_use", [&](JsonWriter& json) {
    json.field("id", call.id).field("name", call.name).key("input").begin_object().end_object();
  });
  write_arguments(call, std::exchange(call.held, {}));
}

void MessageEncoder::write_arguments(Call& call, std::string_view piece) {
  if (piece.empty()) return;
  call.arguments.add(piece);
  write_delta("input_json_delta", "partial_json", piece);
}

void MessageEncoder::close_block() {
  close_thought();
  const Open was = open_;
  if (was == Open::nothing) return;
  stop_block();
  if (was == Open::call) write_call_signature(calls_[open_call_]);
}

// The block under way, and the calls that wait behind it.
void MessageEncoder::close_all() {
  close_block();
  for (auto& [index, call] : calls_) {
    if (call.told) continue;
    open_call(index, call);
    close_block();
  }
}

std::string MessageEncoder::finish() {
  out_.clear();
  begin({});
  close_all();
  write_event("message_delta", [&](JsonWriter& json) {
    json.key("delta").begin_object();
    write_stop(json, finished_, !calls_.empty());
    json.end_object().key("usage").begin_object();
    write_usage_members(json, usage_, "");
    json.end_object();
  });
  write_event("message_stop", [](JsonWriter&) {});
  return std::exchange(out_, {});
}

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context) {
  return std::make_unique<MessageEncoder>(context);
}

}  // namespace sluice::hub::dialects::anthropic
