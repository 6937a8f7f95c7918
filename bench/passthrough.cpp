// What passing a request through costs beside the sockets: reading it (scan), editing it (splice) and
// watching a streamed answer (tap), for a chat with tools, a 1 MB image, and one event. Google Benchmark; see
// --help.
#include <benchmark/benchmark.h>

#include "hub/catalog/catalog.h"
#include "hub/dialects/dialect.h"

namespace {

using namespace sluice;
using namespace sluice::hub;

// About 3.8 kB: a system prompt, a few turns, three tools.
std::string chat_with_tools() {
  std::string body =
      R"({"model":"meta-llama/Llama-3.3-70B:together","messages":[{"role":"system","content":")";
  for (int i = 0; i < 20; ++i) body += "You are a careful assistant that answers in short. ";
  body += R"("})";
  for (int i = 0; i < 6; ++i) {
    body +=
        R"(,{"role":"user","content":"What is the weather in the town number \"5\" today?\nAnd tomorrow?"},)"
        R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"town\":5}"}}]})";
  }
  body += R"(],"tools":[)";
  for (int i = 0; i < 3; ++i) {
    body += i > 0 ? "," : "";
    body +=
        R"({"type":"function","function":{"name":"weather","description":"The weather of a town on a day","parameters":)"
        R"({"type":"object","properties":{"town":{"type":"integer","minimum":0},"day":{"type":"string","enum":["today","tomorrow"]}},"required":["town"]}}})";
  }
  return body + R"(],"temperature":0.7,"max_tokens":256,"stream":true})";
}

std::string one_image() {
  std::string body =
      R"({"model":"m:together","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)";
  for (int i = 0; i < 1'000'000; ++i)
    body += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(i * 7) % 64];
  return body + R"("}}]}],"max_tokens":256})";
}

const dialects::Dialect& openai() {
  return *dialects::find_dialect("openai");
}

void scan(benchmark::State& state, const std::string& text) {
  const http::Slice body = http::Slice::copy_of(text);
  for (auto _ : state) benchmark::DoNotOptimize(openai().downstream->scan(tasks::Kind::chat, body));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void scan_and_splice(benchmark::State& state, const std::string& text) {
  const http::Slice body = http::Slice::copy_of(text);
  const auto provider = catalog::Catalog::built_in()->find("together");
  for (auto _ : state) {
    const auto scanned = openai().downstream->scan(tasks::Kind::chat, body);
    auto machine = openai().upstream.begin(
        {.provider = provider.get(), .kind = tasks::Kind::chat, .model = "served/id", .request = &*scanned});
    benchmark::DoNotOptimize((*machine)->next());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

// 66 events in one answer, one feed each, as bench/hub_overhead streams them.
void relay_stream(benchmark::State& state) {
  const http::Slice event = http::Slice::copy_of(
      R"(data: {"id":"chatcmpl-9f8e7d6c5b4a","object":"chat.completion.chunk","created":1760000000,"model":"meta-llama/Llama-3.3-70B","choices":[{"index":0,"delta":{"content":" weather"},"logprobs":null,"finish_reason":null}],"usage":null})"
      "\n\n");
  const http::Slice last = http::Slice::borrowed(
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
  const auto provider = catalog::Catalog::built_in()->find("together");
  const auto scanned = openai().downstream->scan(tasks::Kind::chat, http::Slice::copy_of(chat_with_tools()));
  for (auto _ : state) {
    auto machine = openai().upstream.begin(
        {.provider = provider.get(), .kind = tasks::Kind::chat, .model = "served/id", .request = &*scanned});
    (*machine)->next();
    (*machine)->feed_head({.status = 200, .headers = {{"content-type", "text/event-stream"}}});
    for (int i = 0; i < 65; ++i) {
      (*machine)->feed_body(event);
      while (const auto step = (*machine)->next()) benchmark::DoNotOptimize(step);
    }
    (*machine)->feed_body(last);
    while (const auto step = (*machine)->next()) {
      if (std::holds_alternative<dialects::Done>(*step)) break;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 66);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string chat = chat_with_tools();
  const std::string image = one_image();
  benchmark::RegisterBenchmark("scan/chat_with_tools", scan, chat);
  benchmark::RegisterBenchmark("scan_and_splice/chat_with_tools", scan_and_splice, chat);
  benchmark::RegisterBenchmark("scan/image_1mb", scan, image)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("scan_and_splice/image_1mb", scan_and_splice, image)
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("relay_66_events", relay_stream)->Unit(benchmark::kMicrosecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
