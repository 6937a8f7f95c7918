#include "app/drill/caller.h"

#include <simdjson.h>

#include <memory>

#include "base/json_writer.h"
#include "http/sse_reader.h"

namespace sluice::app::drill {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

constexpr int kSdkCallsMax = 3;
constexpr milliseconds kSdkPause{100};
constexpr std::size_t kAnswerBytesMax = std::size_t{128} << 20;

std::string write_body(const Request& request) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().field("model", request.model).field("stream", request.stream).key("messages");
  json.begin_array().begin_object().field("role", "user").field("content", request.mark).end_object();
  json.end_array().end_object();
  body.pop_back();
  return body + request.body + "}";
}

std::string message_of(element root) {
  std::string_view text;
  if (root["error"]["message"].get(text) == SUCCESS || root["error"].get(text) == SUCCESS ||
      root["message"].get(text) == SUCCESS || root["detail"].get(text) == SUCCESS)
    return std::string(text);
  return {};
}

// Reads a stream as a careful client library does.
class StreamText {
 public:
  explicit StreamText(Got& got) : got_(got) {}

  void feed(http::Slice bytes) {
    reader_.feed(std::move(bytes));
    for (auto event = reader_.next(); event && *event; event = reader_.next())
      if ((*event)->has_data) take((*event)->data.text());
  }
  bool is_whole() const { return done_ && finished_ && !failed_; }
  bool failed() const { return failed_; }

 private:
  void take(std::string_view data) {
    if (data == "[DONE]") {
      done_ = true;
      return;
    }
    element root, error;
    if (parser_.parse(data.data(), data.size()).get(root) != SUCCESS) return;
    if (root["error"].get(error) == SUCCESS && !error.is_null()) {
      failed_ = true;
      got_.message = message_of(root);
    }
    std::string_view text;
    const auto choice = root["choices"].at(0);
    if (choice["delta"]["content"].get(text) == SUCCESS) got_.text += text;
    if (choice["finish_reason"].get(text) == SUCCESS) finished_ = true;
  }

  Got& got_;
  http::SseReader reader_;
  simdjson::dom::parser parser_;
  bool done_ = false, finished_ = false, failed_ = false;
};

void read_whole(std::string_view body, Got& got) {
  simdjson::dom::parser parser;
  element root;
  std::string_view text;
  if (parser.parse(body.data(), body.size()).get(root) != SUCCESS) {
    got.end = Got::End::silent_cut;
    got.message = "no JSON: " + std::string(body.substr(0, 100));
    return;
  }
  if (root["choices"].at(0)["message"]["content"].get(text) == SUCCESS) {
    got.text = text;
    got.end = Got::End::whole;
  } else {
    got.message = message_of(root);
    got.end = Got::End::error;
  }
}

void read_error(std::string_view body, Got& got) {
  simdjson::dom::parser parser;
  element root;
  got.end = Got::End::error;
  if (parser.parse(body.data(), body.size()).get(root) == SUCCESS) got.message = message_of(root);
  if (got.message.empty()) got.message = std::string(body.substr(0, 300));
}

// How a caller goes away; shared with the one who watches the clock.
struct Leaving {
  net::Cancel cancel;
  std::optional<net::TimePoint> at;
  bool over = false;  // the call has ended by itself

  void go() {
    if (over || at) return;
    at = net::Clock::now();
    cancel.fire();
  }
};

net::Task<void> leave_later(std::shared_ptr<Leaving> leaving, milliseconds after) {
  net::Cancel never;
  (void)co_await net::sleep_for(after, never);
  leaving->go();
}

net::Task<void> read_answer(net::ClientResponse& answer, const Request& request, Leaving& leaving, Got& got) {
  std::string body;
  StreamText events(got);
  const bool is_stream = request.stream && got.status == 200;
  for (;;) {
    auto piece = co_await answer.read();
    if (!piece || !*piece) {
      if (!piece && got.message.empty()) got.message = piece.error().message;
      if (is_stream) {
        got.end = events.failed()              ? Got::End::told_cut
                  : piece && events.is_whole() ? Got::End::whole
                                               : Got::End::silent_cut;
      } else if (!piece) {
        got.end = Got::End::silent_cut;
      } else if (got.status == 200) {
        read_whole(body, got);
      } else {
        read_error(body, got);
      }
      co_return;
    }
    if (!is_stream) {
      body += (*piece)->text();
      if (body.size() > kAnswerBytesMax) co_return;
      continue;
    }
    events.feed(std::move(**piece));
    if (request.caller == Caller::leaves_in_stream && !got.text.empty()) leaving.go();
  }
}

net::Task<Got> call_once(net::Client& client, const Request& request) {
  Got got;
  got.began = net::Clock::now();
  const auto leaving = std::make_shared<Leaving>();
  if (request.caller == Caller::leaves)
    net::Loop::current()->spawn(leave_later(leaving, request.leave_after));
  net::ClientRequest asked;
  asked.url = request.url;
  asked.method = "POST";
  asked.headers = {{"content-type", "application/json"}, {"authorization", "Bearer " + request.key}};
  asked.body = http::body_of(write_body(request));
  const net::Deadlines deadlines{
      .first_byte = request.patience, .idle = request.patience, .total = request.patience};
  auto answer = co_await client.send(std::move(asked), deadlines, leaving->cancel);
  if (answer) {
    got.status = answer->status();
    const http::Headers& headers = answer->head().headers;
    got.says_no_retry = headers.find("x-should-retry") == "false";
    got.provider = std::string(headers.find("x-inference-provider").value_or(""));
    co_await read_answer(*answer, request, *leaving, got);
  } else {
    got.message = answer.error().message;
  }
  leaving->over = true;
  got.left = leaving->at;
  if (got.left) got.end = Got::End::left;
  got.ended = net::Clock::now();
  co_return got;
}

bool is_retried(const Got& got) {
  if (got.says_no_retry) return false;
  return got.status == 408 || got.status == 409 || got.status == 429 || got.status >= 500;
}

}  // namespace

std::string_view name_of(Got::End end) {
  switch (end) {
    case Got::End::whole:
      return "whole";
    case Got::End::told_cut:
      return "cut, told";
    case Got::End::silent_cut:
      return "cut, not told";
    case Got::End::error:
      return "error";
    case Got::End::left:
      return "left";
    case Got::End::nothing:
      return "nothing";
  }
  return "";
}

net::Task<Got> call(net::Client& client, Request request) {
  Got got = co_await call_once(client, request);
  if (request.caller != Caller::retrying_sdk) co_return got;
  const net::TimePoint began = got.began;
  net::Cancel never;
  for (int calls = 2; calls <= kSdkCallsMax && is_retried(got); ++calls) {
    (void)co_await net::sleep_for(kSdkPause, never);
    got = co_await call_once(client, request);
    got.calls = calls;
    got.began = began;
  }
  co_return got;
}

}  // namespace sluice::app::drill
