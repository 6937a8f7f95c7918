#include "hub/dialects/ollama/encode_answer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>

#include "base/json_writer.h"
#include "hub/dialects/gather.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/logprobs.h"
#include "hub/dialects/openai/embeddings.h"
#include "hub/dialects/sluice_usage.h"
#include "hub/dialects/tool_arguments.h"

namespace sluice::hub::dialects::ollama {
namespace {

using base::JsonWriter;
using std::chrono::nanoseconds;

// What every line begins with.
struct Head {
  std::string model;
  std::string created_at;  // RFC 3339
};

std::string rfc3339(std::int64_t unix_s) {
  constexpr std::int64_t kLatest = 253'402'300'799;  // the end of the year 9999
  const auto time = static_cast<std::time_t>(std::clamp<std::int64_t>(unix_s, 0, kLatest));
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

Head head_of(const tasks::Started& started, const ReplyContext& context) {
  const std::int64_t created = started.created_unix_s != 0 ? started.created_unix_s : context.created_unix_s;
  return {.model = started.model.empty() ? context.model : started.model, .created_at = rfc3339(created)};
}

nanoseconds elapsed_of(const ReplyContext& context) {
  return context.elapsed ? context.elapsed() : nanoseconds(0);
}

// Ollama knows two words. A filter's cut has none there, and is not to look like an ordinary end.
std::string_view done_reason(const std::optional<tasks::Finished>& finished) {
  using enum tasks::FinishReason;
  if (finished && finished->reason == length) return "length";
  if (finished && finished->reason == content_filter) return "content_filter";
  return "stop";
}

// A piece of an answer, or all of it.
struct Words {
  std::string text;
  std::string thinking;
  std::vector<const tasks::ToolCall*> calls = {};
  std::vector<tasks::TokenLogprob> logprobs = {};
};

void write_calls(JsonWriter& out, const std::vector<const tasks::ToolCall*>& calls) {
  out.key("tool_calls").begin_array();
  std::uint32_t index = 0;
  for (const tasks::ToolCall* call : calls) {
    out.begin_object();
    if (!call->id.empty()) out.field("id", call->id);
    out.key("function").begin_object().field("index", index++).field("name", call->name);
    // A line is a line: white space of the model's own does not matter here.
    out.key("arguments").raw(compact_json(arguments_object(call->arguments))).end_object().end_object();
  }
  out.end_array();
}

// The members of a line up to its words.
void begin_line(JsonWriter& out, const Head& head, const Words& words, bool is_chat) {
  out.begin_object().field("model", head.model).field("created_at", head.created_at);
  if (is_chat) {
    out.key("message").begin_object().field("role", "assistant").field("content", words.text);
    if (!words.thinking.empty()) out.field("thinking", words.thinking);
    if (!words.calls.empty()) write_calls(out, words.calls);
    out.end_object();
  } else {
    out.field("response", words.text);
    if (!words.thinking.empty()) out.field("thinking", words.thinking);
  }
  if (words.logprobs.empty()) return;
  out.key("logprobs");
  write_logprobs(out, words.logprobs);
}

// The members that end the last line. `first`: when the answer began.
void write_end(JsonWriter& out, const std::optional<tasks::Finished>& finished,
               const std::optional<tasks::Usage>& usage, nanoseconds first, nanoseconds total) {
  const tasks::Usage counts = usage.value_or(tasks::Usage{});
  first = std::min(first, total);
  out.field("done", true).field("done_reason", done_reason(finished));
  out.field("total_duration", total.count()).field("load_duration", 0);
  out.field("prompt_eval_count", counts.input.count).field("prompt_eval_duration", first.count());
  out.field("eval_count", counts.output.count).field("eval_duration", (total - first).count());
  write_sluice_usage(out, counts);
}

class LineEncoder : public StreamEncoder {
 public:
  LineEncoder(const ReplyContext& context, bool is_chat) : context_(context), is_chat_(is_chat) {
    head_ = head_of({}, context_);
  }

  std::string encode(std::span<const tasks::Event> events) override {
    out_.clear();
    for (const tasks::Event& event : events) std::visit(*this, event);
    return std::exchange(out_, {});
  }
  std::string finish() override;
  std::string encode_error(const base::Error& error) override { return encode_stream_error(error); }

  void operator()(const tasks::Started& event) { head_ = head_of(event, context_); }
  void operator()(const tasks::TextDelta& event) {
    if (event.choice != 0 || (event.text.empty() && event.logprobs.empty())) return;
    write_line({.text = event.text, .thinking = {}, .calls = {}, .logprobs = event.logprobs});
  }
  void operator()(const tasks::ReasoningDelta& event) {
    if (event.choice == 0 && !event.text.empty()) write_line({.text = {}, .thinking = event.text});
  }
  void operator()(const tasks::RefusalDelta& event) {
    if (event.choice == 0 && !event.text.empty()) write_line({.text = event.text, .thinking = {}});
  }
  void operator()(const tasks::ToolCallDelta& event);
  void operator()(const tasks::CitationFound&) {}  // Ollama has no word for them
  void operator()(const tasks::Embedded&) {}
  void operator()(const tasks::Finished& event);
  void operator()(const tasks::UsageReport& event) { usage_ = event.usage; }
  void operator()(const tasks::Failed& event) { out_ += encode_stream_error(event.error); }

 private:
  void note_begin() {
    if (!first_) first_ = elapsed_of(context_);
  }
  void write_line(const Words& words);

  const ReplyContext context_;
  const bool is_chat_;
  Head head_;
  std::map<std::uint32_t, tasks::ToolCall> calls_;  // whole ones only are shown
  std::optional<tasks::Finished> finished_;
  std::optional<tasks::Usage> usage_;
  std::optional<nanoseconds> first_;
  std::string out_;
};

void LineEncoder::operator()(const tasks::ToolCallDelta& event) {
  if (event.choice != 0) return;
  note_begin();
  tasks::ToolCall& call = calls_[event.index];
  if (!event.id.empty()) call.id = event.id;
  if (!event.name.empty()) call.name = event.name;
  call.arguments += event.arguments;
}

void LineEncoder::operator()(const tasks::Finished& event) {
  if (event.choice != 0) return;
  finished_ = event;
  if (calls_.empty() || !is_chat_) return;
  Words words;
  for (const auto& [index, call] : calls_) words.calls.push_back(&call);
  write_line(words);
}

void LineEncoder::write_line(const Words& words) {
  note_begin();
  JsonWriter out(out_);
  begin_line(out, head_, words, is_chat_);
  out.field("done", false).end_object();
  out_ += '\n';
}

std::string LineEncoder::finish() {
  const nanoseconds total = elapsed_of(context_);
  std::string line;
  JsonWriter out(line);
  begin_line(out, head_, {}, is_chat_);
  write_end(out, finished_, usage_, first_.value_or(total), total);
  out.end_object();
  line += '\n';
  return line;
}

// {"model", "embeddings": [[...]]}, or {"embedding": [...]} of the older address.
std::string encode_embeddings(const GatheredAnswer& gathered, const ReplyContext& context) {
  const bool is_old = context.request->find("input") == nullptr;
  std::string body;
  JsonWriter out(body);
  out.begin_object();
  if (is_old) {
    out.key("embedding");
    openai::write_vector(
        out, gathered.embedded.empty() ? std::vector<float>() : gathered.embedded.front().values, false);
  } else {
    out.field("model", head_of(gathered.started, context).model).key("embeddings").begin_array();
    for (const tasks::Embedded& one : gathered.embedded) openai::write_vector(out, one.values, false);
    out.end_array().field("total_duration", elapsed_of(context).count()).field("load_duration", 0);
    out.field("prompt_eval_count", gathered.usage ? gathered.usage->input.count : 0);
  }
  out.end_object();
  return body;
}

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context,
                                       bool is_chat) {
  SLUICE_TRY(const GatheredAnswer gathered, gather(events));
  if (context.kind == tasks::Kind::embed) return encode_embeddings(gathered, context);
  const auto choice = gathered.choices.find(0);
  if (choice == gathered.choices.end())
    return base::fail(base::ErrorCode::upstream_failed, "the answer holds no first choice");
  Words words{.text = choice->second.text() + choice->second.refusal(),
              .thinking = choice->second.reasoning(),
              .calls = choice->second.tool_calls(),
              .logprobs = choice->second.logprobs()};
  std::string body;
  JsonWriter out(body);
  begin_line(out, head_of(gathered.started, context), words, is_chat);
  // When it began was not seen: the time counts as the answer's.
  write_end(out, choice->second.finished, gathered.usage, nanoseconds(0), elapsed_of(context));
  out.end_object();
  return body;
}

}  // namespace

base::Result<std::string> encode_chat_reply(std::span<const tasks::Event> events,
                                            const ReplyContext& context) {
  return encode_reply(events, context, true);
}
std::unique_ptr<StreamEncoder> encode_chat_stream(const ReplyContext& context) {
  return std::make_unique<LineEncoder>(context, true);
}
base::Result<std::string> encode_generate_reply(std::span<const tasks::Event> events,
                                                const ReplyContext& context) {
  return encode_reply(events, context, false);
}
std::unique_ptr<StreamEncoder> encode_generate_stream(const ReplyContext& context) {
  return std::make_unique<LineEncoder>(context, false);
}

std::string encode_error(const base::Error& error) {
  std::string body;
  JsonWriter(body).begin_object().field("error", error.message).end_object();
  return body;
}

std::string encode_stream_error(const base::Error& error) {
  return encode_error(error) + "\n";
}

}  // namespace sluice::hub::dialects::ollama
