// The question that ./quickstart asks: one streamed chat over HTTP, shown as it comes, with who served it,
// time to first token, tokens per second and price. In the binary so that quickstart needs neither curl nor
// Python. Hidden from help.
#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "app/cli/command.h"
#include "base/json_writer.h"
#include "http/sse_reader.h"
#include "net/client.h"

namespace sluice::app::cli {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using Clock = std::chrono::steady_clock;

struct Question {
  std::string url;
  std::string model;
  std::string text;
};

struct Tally {
  Clock::time_point began = Clock::now();
  std::optional<Clock::time_point> first;
  Clock::time_point last;
  std::int64_t answer_tokens = 0;
  bool done = false;
};

std::string make_body(const Question& question) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().field("model", question.model).field("stream", true).field("max_tokens", 160);
  json.field("temperature", 0).key("stream_options").begin_object().field("include_usage", true).end_object();
  json.key("messages").begin_array().begin_object().field("role", "user").field("content", question.text);
  json.end_object().end_array().end_object();
  return body;
}

// Prints the piece of text in one event and keeps the counts.
void show_event(std::string_view data, Tally& tally) {
  if (data == "[DONE]") {
    tally.done = true;
    return;
  }
  simdjson::dom::parser parser;
  simdjson::dom::element event;
  if (parser.parse(data.data(), data.size()).get(event) != simdjson::SUCCESS) return;
  std::string_view text;
  if (event.at_pointer("/choices/0/delta/content").get(text) == simdjson::SUCCESS && !text.empty()) {
    tally.last = Clock::now();
    if (!tally.first) tally.first = tally.last;
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  std::int64_t tokens = 0;
  if (event.at_pointer("/usage/completion_tokens").get(tokens) == simdjson::SUCCESS)
    tally.answer_tokens = tokens;
}

std::string describe_served(const http::Headers& headers, const Tally& tally) {
  const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
  const double decoding = seconds(tally.last - *tally.first);
  const std::string_view provider = headers.find("x-inference-provider").value_or("unknown");
  // The first token belongs to the prefill; the others took the time between first and last.
  const double rate = decoding > 0 ? static_cast<double>(tally.answer_tokens - 1) / decoding : 0;
  return fmt::format("served by {} | first token after {:.2f} s | {:.1f} tokens/s | {} tokens | price {}",
                     provider, seconds(*tally.first - tally.began), rate, tally.answer_tokens,
                     provider == "device" ? "0 (this machine)" : "as the provider charges");
}

net::Task<Status> ask(net::Loop& loop, const Question& question) {
  net::Client client(loop, {});
  net::Cancel cancel;
  net::ClientRequest request;
  SLUICE_CO_TRY(request.url, http::parse_url(question.url + "/v1/chat/completions"));
  request.method = "POST";
  request.headers.set("content-type", "application/json");
  if (const char* key = std::getenv("SLUICE_API_KEY"))
    request.headers.set("authorization", fmt::format("Bearer {}", key));
  request.body = http::body_of(make_body(question));
  Tally tally;
  net::Deadlines deadlines;
  SLUICE_CO_TRY(net::ClientResponse response, co_await client.send(std::move(request), deadlines, cancel));
  if (response.status() != 200) {
    SLUICE_CO_TRY(const http::Body body, co_await response.read_all(64 << 10));
    co_return base::fail(ErrorCode::upstream_failed, "status {}: {}", response.status(),
                         http::to_string(body));
  }
  http::SseReader events;
  while (true) {
    SLUICE_CO_TRY(std::optional<http::Slice> bytes, co_await response.read());
    if (!bytes) break;
    events.feed(*std::move(bytes));
    while (true) {
      SLUICE_CO_TRY(const std::optional<http::SseEvent> event, events.next());
      if (!event) break;
      if (event->has_data) show_event(event->data.text(), tally);
    }
  }
  if (!tally.done || !tally.first)
    co_return base::fail(ErrorCode::upstream_failed, "the answer was {}", tally.first ? "cut" : "empty");
  fmt::print("\n\n{}\n", describe_served(response.head().headers, tally));
  co_return Status();
}

int run(const Question& question) {
  net::Loop loop(0);
  Status ended;
  const auto ask_and_stop = [&]() -> net::Task<void> {
    ended = co_await ask(loop, question);
    loop.stop();
  };
  loop.spawn(ask_and_stop());
  loop.run();
  return ended ? static_cast<int>(kDone) : report(ended.error());
}

}  // namespace

std::function<int()> declare_quickstart_ask(Arguments& arguments) {
  auto question = std::make_shared<Question>();
  arguments.required("URL", question->url, "address of a sluice");
  arguments.required("MODEL", question->model, "model id");
  arguments.required("QUESTION", question->text, "what to ask");
  return [question] { return run(*question); };
}

}  // namespace sluice::app::cli
