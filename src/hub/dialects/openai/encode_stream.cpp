#include <map>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/openai/answer_parts.h"
#include "hub/dialects/openai/citations.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/errors.h"
#include "hub/dialects/openai/reasoning_details.h"
#include "hub/dialects/openai/usage.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::JsonWriter;

class ChunkEncoder : public StreamEncoder {
 public:
  explicit ChunkEncoder(const ReplyContext& context)
      : context_(context), older_calls_(wants_older_calls(context.request)) {}

  std::string encode(std::span<const tasks::Event> events) override {
    out_.clear();
    for (const tasks::Event& event : events) std::visit(*this, event);
    return std::exchange(out_, {});
  }
  std::string finish() override { return "data: [DONE]\n\n"; }
  std::string encode_error(const base::Error& error) override { return encode_stream_error(error); }

  void operator()(const tasks::Started& event) {
    if (context_.kind == tasks::Kind::embed) return;
    begin(event);
    if (is_chat()) introduce(0);
  }
  void operator()(const tasks::TextDelta& event) {
    if (!is_chat()) return write_text(event);
    introduce(event.choice);
    close_thought(event.choice);
    if (!event.signature.empty()) hold_text_signature(event.choice, event.signature);
    write_chunk(event.choice, [&](JsonWriter& out) {
      out.key("delta").begin_object();
      write_held_details(out, event.choice);
      out.field("content", event.text);
      write_extra_content(out, event.signature);
      out.end_object().key("logprobs");
      event.logprobs.empty() ? static_cast<void>(out.null()) : write_chat_logprobs(out, event.logprobs);
    });
  }
  void operator()(const tasks::ReasoningDelta& event);
  void operator()(const tasks::RefusalDelta& event) { write_delta(event.choice, "refusal", event.text); }
  void operator()(const tasks::ToolCallDelta& event);
  void operator()(const tasks::CitationFound& event);
  void operator()(const tasks::Embedded&) {}
  void operator()(const tasks::Finished& event) {
    if (is_chat()) introduce(event.choice);
    close_thought(event.choice);
    write_chunk(
        event.choice,
        [&](JsonWriter& out) {
          if (is_chat()) {
            out.key("delta").begin_object();
            write_held_details(out, event.choice);
            out.end_object();
          } else {
            out.field("text", "");
          }
          out.key("logprobs").null();
        },
        finish_name(event.reason, older_calls_));
  }
  void operator()(const tasks::UsageReport& event) {
    if (!context_.include_usage) return;
    begin({});
    out_ += prefix_;
    out_ += ']';
    out_ += ",\"usage\":";
    JsonWriter json(out_);
    write_usage(json, event.usage);
    out_ += "}\n\n";
  }
  void operator()(const tasks::Failed& event) { out_ += encode_stream_error(event.error); }

 private:
  bool is_chat() const { return context_.kind == tasks::Kind::chat; }
  void begin(const tasks::Started& started);
  void introduce(std::uint32_t choice);
  void write_text(const tasks::TextDelta& event);

  void write_delta(std::uint32_t choice, std::string_view key, std::string_view text) {
    if (!is_chat()) return;
    introduce(choice);
    write_chunk(choice, [&](JsonWriter& out) {
      out.key("delta").begin_object().field(key, text).end_object().key("logprobs").null();
    });
  }
  void close_thought(std::uint32_t choice);
  void hold_text_signature(std::uint32_t choice, const std::string& signature);
  void write_held_details(JsonWriter& out, std::uint32_t choice);

  // One chunk with one choice; `write` adds what is between its index and its finish_reason.
  template <typename Write>
  void write_chunk(std::uint32_t choice, Write write, std::string_view finish = {}) {
    begin({});
    out_ += prefix_;
    {
      JsonWriter json(out_);
      json.begin_object().field("index", choice);
      write(json);
      json.key("finish_reason");
      finish.empty() ? json.null() : json.string(finish);
      json.end_object();
    }
    // As OpenAI does it: with the usage asked for, every other chunk says that it has none.
    out_ += context_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n";
  }

  // A block of thinking: its proof goes out with the whole of it, in the next chunk once it is over, so that
  // the order of chunks is the same with and without.
  struct Thought {
    std::uint32_t index = 0;
    tasks::ReasoningPart part;
  };

  const ReplyContext context_;
  const bool older_calls_;
  std::map<std::uint32_t, Thought> thoughts_;           // under way, by choice
  std::map<std::uint32_t, std::vector<Thought>> held_;  // over and not written, by choice
  std::map<std::uint32_t, std::uint32_t> next_index_;   // by choice
  std::string prefix_;  // "data: {...,"choices":[", the same for every chunk; empty before the first
  std::string out_;
  std::map<std::uint32_t, std::size_t> introduced_;  // choice -> offset of its text so far, in code points
};

void ChunkEncoder::begin(const tasks::Started& started) {
  if (!prefix_.empty()) return;
  prefix_ = "data: ";
  JsonWriter json(prefix_);
  json.begin_object()
      .field("id", started.id.empty() ? context_.id : started.id)
      .field("object", is_chat() ? "chat.completion.chunk" : "text_completion")
      .field("created", started.created_unix_s != 0 ? started.created_unix_s : context_.created_unix_s)
      .field("model", started.model.empty() ? context_.model : started.model);
  if (!started.service_tier.empty()) json.field("service_tier", started.service_tier);
  if (!started.system_fingerprint.empty()) json.field("system_fingerprint", started.system_fingerprint);
  prefix_ += ",\"choices\":[";
}

// The role comes once per choice, before anything else of it.
void ChunkEncoder::introduce(std::uint32_t choice) {
  if (!introduced_.emplace(choice, 0).second) return;
  write_chunk(choice, [](JsonWriter& out) {
    out.key("delta").begin_object().field("role", "assistant").field("content", "").end_object();
    out.key("logprobs").null();
  });
}

void ChunkEncoder::write_text(const tasks::TextDelta& event) {
  write_chunk(event.choice, [&](JsonWriter& out) {
    out.field("text", event.text).key("logprobs");
    if (event.logprobs.empty()) {
      out.null();
    } else {
      write_completion_logprobs(out, event.logprobs, introduced_[event.choice]);
    }
  });
}

void ChunkEncoder::operator()(const tasks::ReasoningDelta& event) {
  if (!is_chat()) return;
  if (const auto open = thoughts_.find(event.choice);
      open != thoughts_.end() && open->second.index != event.index)
    close_thought(event.choice);
  Thought& thought = thoughts_[event.choice];
  thought.index = event.index;
  thought.part.text += event.text;
  thought.part.summary |= event.summary;
  if (!event.signature.empty()) thought.part.signature = event.signature;
  if (!event.encrypted.empty()) thought.part.encrypted = event.encrypted;
  if (!event.id.empty()) thought.part.id = event.id;
  if (!event.dialect.empty()) thought.part.dialect = event.dialect;
  if (!event.text.empty()) write_delta(event.choice, "reasoning_content", event.text);
}

void ChunkEncoder::close_thought(std::uint32_t choice) {
  const auto open = thoughts_.find(choice);
  if (open == thoughts_.end()) return;
  Thought thought = std::move(open->second);
  thoughts_.erase(open);
  next_index_[choice] = thought.index + 1;
  if (needs_details(thought.part)) held_[choice].push_back(std::move(thought));
}

void ChunkEncoder::hold_text_signature(std::uint32_t choice, const std::string& signature) {
  held_[choice].push_back({.index = next_index_[choice]++, .part = text_signature_part(signature)});
}

void ChunkEncoder::write_held_details(JsonWriter& out, std::uint32_t choice) {
  const auto held = held_.find(choice);
  if (held == held_.end()) return;
  out.key(kReasoningDetails).begin_array();
  for (const Thought& thought : held->second) write_details(out, thought.part, thought.index);
  out.end_array();
  held_.erase(held);
}

void ChunkEncoder::operator()(const tasks::CitationFound& event) {
  if (!is_chat()) return;
  introduce(event.choice);
  write_chunk(event.choice, [&](JsonWriter& out) {
    out.key("delta").begin_object().key("annotations").begin_array();
    write_annotation(out, event.citation);
    out.end_array().end_object().key("logprobs").null();
  });
}

void ChunkEncoder::operator()(const tasks::ToolCallDelta& event) {
  if (!is_chat()) return;
  introduce(event.choice);
  close_thought(event.choice);
  write_chunk(event.choice, [&](JsonWriter& out) {
    out.key("delta").begin_object();
    write_held_details(out, event.choice);
    if (!older_calls_) {
      out.key("tool_calls").begin_array().begin_object().field("index", event.index);
      if (!event.id.empty()) out.field("id", event.id).field("type", "function");
    }
    out.key(older_calls_ ? "function_call" : "function").begin_object();
    if (!event.name.empty()) out.field("name", event.name);
    out.field("arguments", event.arguments).end_object();
    if (!older_calls_) {
      write_extra_content(out, event.signature);
      out.end_object().end_array();
    }
    out.end_object().key("logprobs").null();
  });
}

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context) {
  return std::make_unique<ChunkEncoder>(context);
}

std::string encode_stream_error(const base::Error& error) {
  return "data: " + encode_error(error) + "\n\n";
}

}  // namespace sluice::hub::dialects::openai
