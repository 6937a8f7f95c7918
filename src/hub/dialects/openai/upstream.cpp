#include "hub/dialects/openai/upstream.h"

#include <deque>

#include "base/strings.h"
#include "http/sse_reader.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/decode_answer.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/openai/errors.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/splicer.h"
#include "hub/dialects/openai/stream_tap.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;

// How the answer under way is read.
enum class Reading : std::uint8_t { nothing, stream, whole, failure };

struct Plan {
  std::string provider;
  http::Request request;
  bool stream = false;
  bool relay = false;        // pass the bytes on
  bool asked_usage = false;  // the usage event is ours to remove
};

class OpenAiMachine : public UpstreamMachine {
 public:
  explicit OpenAiMachine(Plan plan) : plan_(std::move(plan)) {
    steps_.push_back(Send{std::move(plan_.request)});
  }

  std::optional<Step> next() override {
    if (steps_.empty()) return std::nullopt;
    Step step = std::move(steps_.front());
    steps_.pop_front();
    return step;
  }

  void feed_head(const http::ResponseHead& head) override;
  void feed_body(http::Slice bytes) override;
  void feed_end() override;

 private:
  void collect(http::Slice bytes);
  void read_events();
  bool take_event(const http::SseEvent& event, Emit& emit);
  void pass_on(const http::SseEvent& event, Emit& emit);
  void take_news(Emit& emit);
  void push(Emit emit);
  void end_whole();
  void end_stream();
  void fail_with(std::string message, ErrorCode code = ErrorCode::upstream_failed);
  void fail_with(Fail fail);
  void complete(Emit emit);

  Plan plan_;
  std::deque<Step> steps_;
  Reading reading_ = Reading::nothing;
  bool ended_ = false;  // Done or Fail was pushed
  // The answer under way.
  http::ResponseHead head_;
  http::Body collected_;
  std::size_t collected_bytes_ = 0;
  http::SseReader events_;
  StreamTap tap_;
  http::Body
      held_;  // comments before the first event: bytes the client sees end the chance of another attempt
  bool started_ = false;         // an event with content came
  bool told_start_ = false;      // Started was emitted
  bool ended_in_error_ = false;  // a choice finished with "error"
};

bool is_json(std::string_view type) {
  return type.contains("json");
}

void OpenAiMachine::feed_head(const http::ResponseHead& head) {
  if (ended_) return;
  head_ = head;
  if (head.status < 200 || head.status >= 300) {
    reading_ = Reading::failure;
    return;
  }
  const std::string type = base::to_lower(head.headers.find("content-type").value_or(""));
  const bool is_events = type.starts_with("text/event-stream");
  if (plan_.stream && (is_events || type.empty())) {
    reading_ = Reading::stream;
  } else if (!is_events && (type.empty() || is_json(type))) {
    reading_ = Reading::whole;  // of a stream asked for: at best an error object
  } else {
    fail_with(fmt::format("{} answered with {} instead of {}", plan_.provider, type.substr(0, 100),
                          plan_.stream ? "text/event-stream" : "application/json"));
  }
}

void OpenAiMachine::feed_body(http::Slice bytes) {
  if (ended_) return;
  if (reading_ != Reading::stream) return collect(std::move(bytes));
  events_.feed(std::move(bytes));
  read_events();
}

void OpenAiMachine::collect(http::Slice bytes) {
  if (reading_ == Reading::failure) {
    bytes = bytes.sub(0, kErrorBodyBytesMax - std::min(kErrorBodyBytesMax, collected_bytes_));
  } else if (bytes.size() > kReplyBytesMax - collected_bytes_) {
    return fail_with(
        fmt::format("{}'s answer is larger than {}", plan_.provider, base::format_bytes(kReplyBytesMax)));
  }
  collected_bytes_ += bytes.size();
  http::append(collected_, std::move(bytes));
}

void OpenAiMachine::read_events() {
  Emit emit;
  while (!ended_) {
    auto event = events_.next();
    if (!event) {
      push(std::move(emit));
      return fail_with(fmt::format("{}: {}", plan_.provider, event.error().message));
    }
    if (!*event) break;
    if (!take_event(**event, emit)) return;
  }
  push(std::move(emit));
}

// False when this event ended the answer; what came before it has been pushed then.
bool OpenAiMachine::take_event(const http::SseEvent& event, Emit& emit) {
  // Some servers keep a stream alive with empty data.
  if (base::trim(event.data.text()).empty()) {
    pass_on(event, emit);
    return true;
  }
  switch (tap_.observe(event.data.text())) {
    case StreamTap::Verdict::content:
      started_ = true;
      if (plan_.relay) {
        pass_on(event, emit);
      } else {
        if (tap_.started() && !told_start_) emit.events.emplace_back(*tap_.started());
        told_start_ = told_start_ || tap_.started().has_value();
        if (auto status = decode_deltas(event.data.text(), emit.events); !status) {
          push(std::move(emit));
          fail_with(fmt::format("{}: {}", plan_.provider, status.error().message));
          return false;
        }
      }
      take_news(emit);
      return true;
    case StreamTap::Verdict::usage_only:
      if (!plan_.asked_usage) pass_on(event, emit);
      return true;
    case StreamTap::Verdict::done:
      if (tap_.is_whole()) pass_on(event, emit);
      complete(std::move(emit));
      return false;
    case StreamTap::Verdict::error:
      push(std::move(emit));
      fail_with(decode_error_in_answer(plan_.provider, tap_.error_json()));
      return false;
    case StreamTap::Verdict::rubbish:
      push(std::move(emit));
      fail_with(fmt::format("{} sent an event that is no JSON object: {}", plan_.provider, tap_.problem()));
      return false;
  }
  return true;
}

void OpenAiMachine::pass_on(const http::SseEvent& event, Emit& emit) {
  if (!plan_.relay) return;
  if (!started_) return http::append(held_, event.raw);
  for (http::Slice& held : std::exchange(held_, {})) http::append(emit.bytes, std::move(held));
  http::append(emit.bytes, event.raw);
}

void OpenAiMachine::take_news(Emit& emit) {
  if (plan_.relay && tap_.started() && !told_start_) {
    emit.events.emplace_back(*tap_.started());
    told_start_ = true;
  }
  for (tasks::Finished& finished : tap_.take_finished()) {
    if (finished.reason == tasks::FinishReason::error) ended_in_error_ = true;
    emit.events.emplace_back(std::move(finished));
  }
}

void OpenAiMachine::push(Emit emit) {
  if (!emit.bytes.empty() || !emit.events.empty()) steps_.push_back(std::move(emit));
}

void OpenAiMachine::fail_with(std::string message, ErrorCode code) {
  fail_with(Fail{.error = {.code = code, .message = std::move(message), .provider = plan_.provider},
                 .status = head_.status});
}

void OpenAiMachine::fail_with(Fail fail) {
  if (std::exchange(ended_, true)) return;
  steps_.push_back(std::move(fail));
}

// The provider says that its answer is at its end; `emit` holds the last of it.
void OpenAiMachine::complete(Emit emit) {
  const bool is_whole = tap_.is_whole() && !ended_in_error_;
  if (is_whole) {
    if (const auto usage = tap_.usage()) emit.events.emplace_back(tasks::UsageReport{*usage});
  }
  push(std::move(emit));
  if (is_whole) {
    ended_ = true;
    steps_.push_back(Done{});
  } else if (ended_in_error_) {
    fail_with(fmt::format("{} ended its answer with finish_reason error", plan_.provider));
  } else {
    fail_with(fmt::format("{} cut its answer off: {}", plan_.provider, tap_.describe_missing()));
  }
}

void OpenAiMachine::feed_end() {
  if (ended_) return;
  switch (reading_) {
    case Reading::nothing:
      return;
    case Reading::failure:
      return fail_with(decode_error(plan_.provider, head_, http::flatten(collected_).text()));
    case Reading::whole:
      return end_whole();
    case Reading::stream:
      return end_stream();
  }
}

void OpenAiMachine::end_stream() {
  Emit emit;
  if (const auto last = events_.finish(); last && !take_event(*last, emit)) return;
  if (!tap_.is_whole() && !started_) {
    return fail_with(fmt::format("{} ended its stream before the answer began", plan_.provider));
  }
  complete(std::move(emit));
}

void OpenAiMachine::end_whole() {
  const http::Slice body = http::flatten(collected_);
  if (base::trim(body.text()).empty()) {
    return fail_with(fmt::format("{} answered {} with an empty body", plan_.provider, head_.status));
  }
  const StreamTap::Verdict verdict = tap_.observe(body.text());
  if (verdict == StreamTap::Verdict::error) {
    return fail_with(decode_error_in_answer(plan_.provider, tap_.error_json()));
  }
  if (verdict == StreamTap::Verdict::rubbish || verdict == StreamTap::Verdict::done) {
    return fail_with(
        fmt::format("{} answered with something that is no JSON object: {}", plan_.provider, tap_.problem()));
  }
  if (plan_.stream) {
    return fail_with(
        fmt::format("{} answered with application/json instead of text/event-stream", plan_.provider));
  }
  Emit emit;
  if (plan_.relay) emit.bytes = std::move(collected_);
  if (tap_.started()) emit.events.emplace_back(*tap_.started());
  told_start_ = true;
  if (!plan_.relay) {
    if (auto status = decode_deltas(body.text(), emit.events); !status) {
      return fail_with(fmt::format("{}: {}", plan_.provider, status.error().message));
    }
  }
  take_news(emit);
  if (!tap_.is_whole() || ended_in_error_)
    emit = {};  // nothing of a broken reply is shown: another provider may still answer
  complete(std::move(emit));
}

// The hub's own structs as this dialect writes them; provider and quirks edit it like a client's body.
base::Result<ScannedRequest> encode_and_scan(const UpstreamCall& call) {
  std::string body;
  if (const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request)) {
    body = encode_chat_request(**chat);
  } else {
    body = encode_completion_request(*std::get<const tasks::CompletionRequest*>(call.request));
  }
  return scan_request(call.kind, http::Slice::of(std::move(body)));
}

}  // namespace

base::Result<std::unique_ptr<UpstreamMachine>> begin_upstream(const UpstreamCall& call) {
  const catalog::Provider& provider = *call.provider;
  const auto* own = std::get_if<const ScannedRequest*>(&call.request);
  ScannedRequest encoded;
  if (own == nullptr) {
    SLUICE_TRY(encoded, encode_and_scan(call));
  }
  const ScannedRequest& scanned = own != nullptr ? **own : encoded;
  SLUICE_TRY(std::string url,
             catalog::url_of(provider, *call.surface, call.kind, call.model, scanned.stream));
  SLUICE_TRY(Spliced spliced, splice_request(scanned, *call.surface, call.model));

  Plan plan;
  plan.provider = provider.id;
  plan.stream = scanned.stream;
  plan.relay = own != nullptr;
  plan.asked_usage = spliced.asked_usage;
  plan.request.method = "POST";
  plan.request.target = std::move(url);
  plan.request.headers.add("content-type", "application/json");
  plan.request.headers.add("accept", scanned.stream ? "text/event-stream" : "application/json");
  for (const auto& [name, value] : call.surface->headers) plan.request.headers.set(name, value);
  plan.request.body = std::move(spliced.body);
  return std::make_unique<OpenAiMachine>(std::move(plan));
}

}  // namespace sluice::hub::dialects::openai
