#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/ollama/encode_answer.h"
#include "hub/dialects/ollama/scan.h"

namespace sluice::hub::dialects::ollama {
namespace {

using namespace std::chrono_literals;
using tasks::Event;
using testing::HasSubstr;

// A clock that moves by ten milliseconds whenever it is read.
ReplyContext context_for(const ScannedRequest& request, tasks::Kind kind = tasks::Kind::chat) {
  auto reads = std::make_shared<int>(0);
  return {.kind = kind,
          .id = "chatcmpl-1",
          .model = "asked",
          .created_unix_s = 1'700'000'000,
          .include_usage = true,
          .request = &request,
          .elapsed = [reads] { return std::chrono::nanoseconds(10ms * ++*reads); }};
}

ScannedRequest scanned(std::string_view body = R"({"model":"m","messages":[{}]})",
                       tasks::Kind kind = tasks::Kind::chat) {
  return *scan_chat(kind, http::Slice::copy_of(body));
}

tasks::Started started() {
  return {.id = "x", .model = "served", .created_unix_s = 0, .system_fingerprint = "", .service_tier = ""};
}
Event text(std::string_view piece) {
  return tasks::TextDelta{.choice = 0, .text = std::string(piece), .logprobs = {}};
}
Event thought(std::string_view piece) {
  return tasks::ReasoningDelta{.choice = 0, .text = std::string(piece), .signature = "", .encrypted = ""};
}
Event call(std::uint32_t index, std::string name, std::string arguments) {
  return tasks::ToolCallDelta{.choice = 0,
                              .index = index,
                              .id = name.empty() ? "" : "c" + std::to_string(index),
                              .name = std::move(name),
                              .arguments = std::move(arguments)};
}
Event finished(tasks::FinishReason reason = tasks::FinishReason::stop) {
  return tasks::Finished{.choice = 0, .reason = reason, .native_reason = "", .stop_sequence = ""};
}
Event usage() {
  tasks::Usage usage;
  usage.input = {11};
  usage.output = {5};
  return tasks::UsageReport{usage};
}

std::string stream_of(const std::vector<Event>& events, bool is_chat = true) {
  const ScannedRequest request = scanned();
  const auto encoder =
      is_chat ? encode_chat_stream(context_for(request)) : encode_generate_stream(context_for(request));
  std::string out;
  for (const Event& event : events) out += encoder->encode(std::span(&event, 1));
  return out + encoder->finish();
}

const std::string kHead = R"({"model":"served","created_at":"2023-11-14T22:13:20Z",)";

TEST(hub_dialects_ollama_answer, streams_lines) {
  EXPECT_EQ(
      stream_of({started(), thought("hm"), text("a\n"), finished(), usage()}),
      kHead + R"("message":{"role":"assistant","content":"","thinking":"hm"},"done":false})" + "\n" +  //
          kHead + R"("message":{"role":"assistant","content":"a\n"},"done":false})" + "\n" +           //
          kHead +
          R"("message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":20000000,"load_duration":0,)"
          R"("prompt_eval_count":11,"prompt_eval_duration":10000000,"eval_count":5,"eval_duration":10000000})" +
          "\n");
  EXPECT_EQ(
      stream_of({started(), text("a"), finished(tasks::FinishReason::length), usage()}, false),
      kHead + R"("response":"a","done":false})" + "\n" + kHead +
          R"("response":"","done":true,"done_reason":"length","total_duration":20000000,"load_duration":0,)"
          R"("prompt_eval_count":11,"prompt_eval_duration":10000000,"eval_count":5,"eval_duration":10000000})" +
          "\n");
}

// Clients take the calls of a line for whole ones, and their arguments for objects.
TEST(hub_dialects_ollama_answer, shows_calls_whole_with_arguments_as_objects) {
  const std::string out =
      stream_of({started(), call(0, "f", "{\"x\":"), call(1, "g", ""), call(0, "", " [1,\n 2]}"),
                 finished(tasks::FinishReason::tool_calls), usage()});
  EXPECT_THAT(
      out,
      HasSubstr(
          R"("tool_calls":[{"id":"c0","function":{"index":0,"name":"f","arguments":{"x":[1,2]}}},{"id":"c1","function":{"index":1,"name":"g","arguments":{}}}]},"done":false})"));
  EXPECT_EQ(std::ranges::count(out, '\n'), 2);
  const std::string broken =
      stream_of({started(), call(0, "f", "{oh"), finished(tasks::FinishReason::tool_calls)});
  EXPECT_THAT(broken, HasSubstr(R"("arguments":{"invalid_json":"{oh"})"));
}

TEST(hub_dialects_ollama_answer, does_not_pass_a_filters_cut_off_as_an_end) {
  EXPECT_THAT(stream_of({started(), text("a"), finished(tasks::FinishReason::content_filter)}),
              HasSubstr(R"("done_reason":"content_filter")"));
}

TEST(hub_dialects_ollama_answer, writes_a_whole_reply) {
  const ScannedRequest request = scanned();
  const std::vector<Event> answer{
      started(),          thought("hm"), text("a"), tasks::RefusalDelta{.choice = 0, .text = "!"},
      call(0, "f", "{}"), finished(),    usage()};
  EXPECT_EQ(
      *encode_chat_reply(answer, context_for(request)),
      kHead +
          R"("message":{"role":"assistant","content":"a!","thinking":"hm","tool_calls":[{"id":"c0","function":{"index":0,"name":"f","arguments":{}}}]},)"
          R"("done":true,"done_reason":"stop","total_duration":10000000,"load_duration":0,"prompt_eval_count":11,"prompt_eval_duration":0,"eval_count":5,"eval_duration":10000000})");
  EXPECT_THAT(*encode_generate_reply(answer, context_for(request)),
              HasSubstr(R"("response":"a!","thinking":"hm","done":true)"));
  EXPECT_FALSE(encode_chat_reply(std::span(answer).first(3), context_for(request))) << "not whole";
}

TEST(hub_dialects_ollama_answer, writes_embeddings_for_both_addresses) {
  const std::vector<Event> answer{started(), tasks::Embedded{0, {0.1F, -2.0F}}, tasks::Embedded{1, {3.0F}},
                                  usage()};
  const ScannedRequest request = scanned(R"({"model":"m","input":["a","b"]})", tasks::Kind::embed);
  EXPECT_EQ(
      *encode_chat_reply(answer, context_for(request, tasks::Kind::embed)),
      R"({"model":"served","embeddings":[[0.1,-2],[3]],"total_duration":10000000,"load_duration":0,"prompt_eval_count":11})");
  const ScannedRequest old = scanned(R"({"model":"m","prompt":"a"})", tasks::Kind::embed);
  EXPECT_EQ(*encode_chat_reply(answer, context_for(old, tasks::Kind::embed)), R"({"embedding":[0.1,-2]})");
}

TEST(hub_dialects_ollama_answer, tells_errors_as_texts) {
  const base::Error error{.code = base::ErrorCode::upstream_failed, .message = "gone\n"};
  EXPECT_EQ(encode_error(error), R"({"error":"gone\n"})");
  EXPECT_EQ(encode_stream_error(error), "{\"error\":\"gone\\n\"}\n");
  const ScannedRequest request = scanned();
  EXPECT_EQ(encode_chat_stream(context_for(request))->encode_error(error), "{\"error\":\"gone\\n\"}\n");
}

}  // namespace
}  // namespace sluice::hub::dialects::ollama
