#include "hub/dialects/http_machine.h"

#include <deque>
#include <utility>

#include "base/strings.h"
#include "http/json_array_reader.h"
#include "http/sse_reader.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {
namespace {

using base::ErrorCode;
using Verdict = AnswerReader::Verdict;

// How the answer under way is read.
enum class Reading : std::uint8_t { nothing, stream, array, whole, failure };

class HttpMachine : public UpstreamMachine {
 public:
  HttpMachine(HttpPlan plan, std::unique_ptr<AnswerReader> reader)
      : plan_(std::move(plan)), reader_(std::move(reader)) {
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
  void read_elements();
  bool take_event(const http::SseEvent& event, Emit& emit);
  void pass_on(const http::SseEvent& event, Emit& emit);
  void push(Emit emit);
  void end_whole();
  void end_stream();
  void end_array();
  void fail_with(std::string message);
  void fail_with(Fail fail);
  void complete(Emit emit);

  HttpPlan plan_;
  const std::unique_ptr<AnswerReader> reader_;
  std::deque<Step> steps_;
  Reading reading_ = Reading::nothing;
  bool ended_ = false;  // Done or Fail was pushed
  // The answer under way.
  http::ResponseHead head_;
  http::Body collected_;
  std::size_t collected_bytes_ = 0;
  http::SseReader events_;
  http::JsonArrayReader elements_;
  // Before the first event with content: bytes the client sees end the chance of another attempt.
  http::Body held_;
  bool started_ = false;  // an event with content came
};

bool is_json(std::string_view type) {
  return type.contains("json");
}

void HttpMachine::feed_head(const http::ResponseHead& head) {
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
  } else if (plan_.stream && !plan_.relay && is_json(type) && reader_->reads_json_array()) {
    reading_ = Reading::array;
  } else if (!is_events && (type.empty() || is_json(type))) {
    reading_ = Reading::whole;  // of a stream asked for: at best an error object
  } else {
    fail_with(fmt::format("{} answered with {} instead of {}", plan_.provider, type.substr(0, 100),
                          plan_.stream ? "text/event-stream" : "application/json"));
  }
}

void HttpMachine::feed_body(http::Slice bytes) {
  if (ended_) return;
  if (reading_ == Reading::array) {
    elements_.feed(std::move(bytes));
    return read_elements();
  }
  if (reading_ != Reading::stream) return collect(std::move(bytes));
  events_.feed(std::move(bytes));
  read_events();
}

void HttpMachine::collect(http::Slice bytes) {
  if (reading_ == Reading::failure) {
    bytes = bytes.sub(0, kErrorBodyBytesMax - std::min(kErrorBodyBytesMax, collected_bytes_));
  } else if (bytes.size() > kReplyBytesMax - collected_bytes_) {
    return fail_with(
        fmt::format("{}'s answer is larger than {}", plan_.provider, base::format_bytes(kReplyBytesMax)));
  }
  collected_bytes_ += bytes.size();
  http::append(collected_, std::move(bytes));
}

void HttpMachine::read_events() {
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

// A stream framed as one JSON array: its elements are what the events hold otherwise.
void HttpMachine::read_elements() {
  Emit emit;
  while (!ended_) {
    auto element = elements_.next();
    if (!element) {
      push(std::move(emit));
      return fail_with(fmt::format("{}: {}", plan_.provider, element.error().message));
    }
    if (!*element) break;
    http::SseEvent event;
    event.data = std::move(**element);
    if (!take_event(event, emit)) return;
  }
  push(std::move(emit));
}

// False when this event ended the answer; what came before it has been pushed then.
bool HttpMachine::take_event(const http::SseEvent& event, Emit& emit) {
  // Some servers keep a stream alive with empty data.
  if (base::trim(event.data.text()).empty()) {
    pass_on(event, emit);
    return true;
  }
  switch (reader_->read_event(event.event.text(), event.data.text(), emit.events)) {
    case Verdict::content:
      started_ = true;
      pass_on(event, emit);
      return true;
    case Verdict::quiet:
      pass_on(event, emit);
      return true;
    case Verdict::hidden:
      return true;
    case Verdict::done:
      if (reader_->is_whole()) {
        started_ = true;
        pass_on(event, emit);
      }
      complete(std::move(emit));
      return false;
    case Verdict::failed:
      push(std::move(emit));
      fail_with(reader_->failure());
      return false;
  }
  return true;
}

void HttpMachine::pass_on(const http::SseEvent& event, Emit& emit) {
  if (!plan_.relay) return;
  if (!started_) return http::append(held_, event.raw);
  for (http::Slice& held : std::exchange(held_, {})) http::append(emit.bytes, std::move(held));
  http::append(emit.bytes, event.raw);
}

void HttpMachine::push(Emit emit) {
  if (!emit.bytes.empty() || !emit.events.empty()) steps_.push_back(std::move(emit));
}

void HttpMachine::fail_with(std::string message) {
  Fail fail = fail_of(plan_.provider, std::move(message));
  fail.status = head_.status;
  fail_with(std::move(fail));
}

void HttpMachine::fail_with(Fail fail) {
  if (std::exchange(ended_, true)) return;
  if (fail.status == 0) fail.status = head_.status;
  steps_.push_back(std::move(fail));
}

// The provider says that its answer is at its end; `emit` holds the last of it.
void HttpMachine::complete(Emit emit) {
  const std::string broken_off = reader_->broken_off();
  const bool is_whole = reader_->is_whole() && broken_off.empty();
  if (is_whole) reader_->conclude(emit.events);
  push(std::move(emit));
  if (is_whole) {
    ended_ = true;
    steps_.push_back(Done{});
  } else if (!broken_off.empty()) {
    fail_with(fmt::format("{} ended its answer with {}", plan_.provider, broken_off));
  } else {
    fail_with(fmt::format("{} cut its answer off: {}", plan_.provider, reader_->describe_missing()));
  }
}

void HttpMachine::feed_end() {
  if (ended_) return;
  switch (reading_) {
    case Reading::nothing:
      return;
    case Reading::failure:
      return fail_with(reader_->read_error(head_, http::flatten(collected_).text()));
    case Reading::whole:
      return end_whole();
    case Reading::stream:
      return end_stream();
    case Reading::array:
      return end_array();
  }
}

void HttpMachine::end_stream() {
  Emit emit;
  if (const auto last = events_.finish(); last && !take_event(*last, emit)) return;
  if (!reader_->is_whole() && !started_) {
    return fail_with(fmt::format("{} ended its stream before the answer began", plan_.provider));
  }
  complete(std::move(emit));
}

void HttpMachine::end_array() {
  if (!started_ && !reader_->is_whole())
    return fail_with(fmt::format("{} ended its stream before the answer began", plan_.provider));
  if (!elements_.is_closed())
    return fail_with(fmt::format("{} cut its answer off: its list has no end", plan_.provider));
  complete({});
}

void HttpMachine::end_whole() {
  const http::Slice body = http::flatten(collected_);
  if (base::trim(body.text()).empty()) {
    return fail_with(fmt::format("{} answered {} with an empty body", plan_.provider, head_.status));
  }
  Emit emit;
  emit.events.reserve(4);  // start, text, end, usage: an event is large, and moving it is not free
  if (reader_->read_whole(body.text(), emit.events) == Verdict::failed) return fail_with(reader_->failure());
  if (plan_.stream) {
    return fail_with(
        fmt::format("{} answered with application/json instead of text/event-stream", plan_.provider));
  }
  if (plan_.relay) emit.bytes = std::move(collected_);
  // Nothing of a broken reply is shown: another provider may still answer.
  if (!reader_->is_whole() || !reader_->broken_off().empty()) emit = {};
  complete(std::move(emit));
}

}  // namespace

std::unique_ptr<UpstreamMachine> make_http_machine(HttpPlan plan, std::unique_ptr<AnswerReader> reader) {
  return std::make_unique<HttpMachine>(std::move(plan), std::move(reader));
}

base::Result<HttpPlan> plan_post(const UpstreamCall& call, bool stream) {
  SLUICE_TRY(std::string url, catalog::url_of(*call.provider, *call.surface, call.kind, call.model, stream));
  HttpPlan plan;
  plan.provider = call.provider->id;
  plan.stream = stream;
  plan.relay = std::holds_alternative<const ScannedRequest*>(call.request);
  plan.request.method = "POST";
  plan.request.target = std::move(url);
  plan.request.headers.add("content-type", "application/json");
  plan.request.headers.add("accept", stream ? "text/event-stream" : "application/json");
  for (const auto& [name, value] : call.surface->headers) plan.request.headers.set(name, value);
  return plan;
}

Fail fail_of(std::string_view provider, std::string message) {
  return Fail{.error = {.code = ErrorCode::upstream_failed,
                        .message = std::move(message),
                        .provider = std::string(provider)}};
}

}  // namespace sluice::hub::dialects
