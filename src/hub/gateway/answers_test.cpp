// What a client learns beside the answer's text: what was left out, what it cost, and when bytes leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using ::testing::HasSubstr;
using ::testing::Not;

// The chunks of a chunked answer, as they were framed: one each write.
std::vector<std::string> chunks_of(Wire& wire) {
  std::vector<std::string> chunks;
  if (!wire.read_through("\r\n\r\n")) return chunks;
  while (const auto line = wire.read_through("\r\n")) {
    const auto size = std::strtoul(line->c_str(), nullptr, 16);
    if (size == 0) break;
    auto bytes = wire.read_count(size + 2);
    if (!bytes) break;
    chunks.push_back(bytes->substr(0, size));
  }
  return chunks;
}

TEST(hub_gateway_answers, what_a_provider_cannot_take_is_named) {
  RawMessage seen;
  FakeProvider cerebras([&](Wire& wire) {
    while (auto request = wire.read_message()) {
      seen = std::move(*request);
      wire.send(json_answer(kChatReply));
    }
  });
  const TestHub hub({.providers = {{"cerebras", cerebras.url()}}, .routes_of_m = {"cerebras"}});
  const RawMessage answer =
      hub.ask(chat_body("m", false, R"(,"store":true,"frequency_penalty":0.5,"presence_penalty":null)"));
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.header("x-sluice-dropped"), "store, frequency_penalty");
  EXPECT_THAT(seen.body, Not(HasSubstr("store")));
  EXPECT_EQ(hub.ask(chat_body("m", false)).header("x-sluice-dropped"), "");
}

TEST(hub_gateway_answers, require_parameters_refuses_by_name_before_anything_is_sent) {
  FakeProvider cerebras(FakeProvider::always(json_answer(kChatReply)));
  FakeProvider alpha(FakeProvider::always(json_answer(kChatReply)));
  constexpr std::string_view kAsk = R"(,"store":true,"provider":{"require_parameters":true})";
  {
    const TestHub hub({.providers = {{"cerebras", cerebras.url()}}, .routes_of_m = {"cerebras"}});
    const RawMessage refused = hub.ask(chat_body("m", false, kAsk));
    EXPECT_EQ(refused.status(), 400);
    EXPECT_THAT(refused.body, HasSubstr(R"("param":"store")"));
    EXPECT_THAT(refused.body, HasSubstr("cerebras"));
    EXPECT_EQ(cerebras.connections(), 0);
    EXPECT_EQ(hub.ask(chat_body("m", false, R"(,"provider":{"require_parameters":true})")).status(), 200);
    EXPECT_EQ(hub.ask(chat_body("m", false, R"(,"provider":{"order":["x"]})")).status(), 400)
        << "other wishes are still refused";
  }
  const TestHub hub({.providers = {{"cerebras", cerebras.url()}, {"alpha", alpha.url()}},
                     .routes_of_m = {"cerebras", "alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", false, kAsk));
  EXPECT_EQ(answer.status(), 200) << "another candidate carries it";
  EXPECT_EQ(answer.header("x-inference-provider"), "alpha");
}

TEST(hub_gateway_answers, events_of_one_read_leave_in_one_write) {
  const std::string burst = delta("a") + delta("b") + delta("c");
  const std::string rest = delta("d") + std::string(kFinish) + std::string(kDone);
  std::atomic<bool> go = false;
  FakeProvider alpha([&](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(burst));
    while (!go) std::this_thread::sleep_for(1ms);
    wire.send(chunk(rest) + std::string(kStreamEnd));
    wire.read_message();
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  Wire client = hub.connect();
  client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", true)));
  ASSERT_TRUE(client.fill());
  std::this_thread::sleep_for(50ms);
  go = true;
  EXPECT_THAT(chunks_of(client), ::testing::ElementsAre(burst, rest));
}

TEST(hub_gateway_answers, translated_events_of_one_read_leave_in_one_write) {
  std::vector<tasks::Event> many;
  for (const char* text : {"a", "b", "c"}) {
    tasks::TextDelta event;
    event.text = text;
    many.emplace_back(event);
  }
  FakeDevice device({.pieces = {many, {tasks::Finished{}}}});
  const TestHub hub({.providers = {}, .device = &device});
  Wire client = hub.connect();
  client.send(request_bytes("POST", "/v1/chat/completions", chat_body("tiny", true)));
  const auto chunks = chunks_of(client);
  ASSERT_EQ(chunks.size(), 3U) << "the texts, the finish, the end mark";
  for (const char* text : {"a", "b", "c"})
    EXPECT_THAT(chunks[0], HasSubstr(fmt::format(R"("content":"{}")", text)));
}

// Answers a stream as it is asked to, with the usage where that is wanted, a read for each event.
FakeProvider::Script with_usage(std::string usage) {
  return [usage = std::move(usage)](Wire& wire) {
    while (auto request = wire.read_message()) {
      if (request->body.find("\"stream\":true") == std::string::npos) {
        wire.send(json_answer(kChatReply));
        continue;
      }
      wire.send(std::string(kStreamHead) + chunk(delta("a")));
      wire.send(chunk(kFinish));
      if (request->body.find("include_usage") != std::string::npos) wire.send(chunk(usage));
      wire.send(chunk(kDone) + std::string(kStreamEnd));
    }
  };
}

TEST(hub_gateway_answers, relayed_ones_say_the_cost_where_it_is_looked_for) {
  FakeProvider alpha(with_usage(std::string(kUsage)));
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .offers = offers_of("m", {"alpha"})});
  constexpr std::string_view kCost = R"("total_tokens":7,"cost":0.000009}})";
  for (const bool stream : {true, false}) {
    const RawMessage asked = hub.ask(chat_body("m", stream, R"(,"usage":{"include":true})"));
    EXPECT_THAT(asked.body, HasSubstr(kCost));
    if (stream)
      EXPECT_EQ(asked.body, delta("a") + std::string(kFinish) +
                                std::string(kUsage).substr(0, kUsage.size() - 4) +
                                ",\"cost\":0.000009}}\n\n" + std::string(kDone))
          << "nothing else is touched";
    ASSERT_TRUE(hub.settles());
    const auto rows = hub.records.take();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].cost, base::NanoUsd{9'000}) << "the records say the same";
    EXPECT_FALSE(rows[0].cost_reported);
    const auto kept = hub.generations.find("c-1", "");
    ASSERT_TRUE(kept);
    EXPECT_DOUBLE_EQ(kept->cost_usd.value_or(0), 9e-6) << "and so does the generation";
  }
}

TEST(hub_gateway_answers, relayed_ones_stay_as_they_came_for_everybody_else) {
  FakeProvider alpha(with_usage(std::string(kUsage)));
  const std::string told = std::string(kUsage).substr(0, kUsage.size() - 4) + R"(,"cost":0.5}})" + "\n\n";
  FakeProvider beta(with_usage(told));
  const TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                     .routes_of_m = {"alpha"},
                     .models = {{.name = "n", .routes = {{.provider = "beta", .model = "model-of-beta"}}}},
                     .offers = offers_of("m", {"alpha", "beta"})});
  const std::string events = delta("a") + std::string(kFinish);
  EXPECT_EQ(hub.ask(chat_body("m", true, R"(,"stream_options":{"include_usage":true})")).body,
            events + std::string(kUsage) + std::string(kDone));
  EXPECT_EQ(hub.ask(chat_body("m", true)).body, events + std::string(kDone));
  EXPECT_EQ(hub.ask(chat_body("m", false)).body, kChatReply);
  EXPECT_EQ(hub.ask(chat_body("n", true, R"(,"usage":{"include":true})")).body,
            events + told + std::string(kDone))
      << "the provider's own word stands";
}

TEST(hub_gateway_answers, are_remembered_for_their_key) {
  constexpr std::string_view kCosts =
      R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"cost":0.0025,"prompt_tokens_details":{"cached_tokens":3}})";
  const std::string reply =
      std::string(kChatReply).substr(0, kChatReply.find("\"usage\"")) + std::string(kCosts) + "}";
  FakeProvider alpha(FakeProvider::always(json_answer(reply)));
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", false), "x-test-key: any\r\n");
  ASSERT_TRUE(hub.settles());
  EXPECT_FALSE(hub.generations.find("c-1", "")) << "another key's";
  const auto kept = hub.generations.find("c-1", "key-test");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->request_id, answer.header("x-request-id"));
  EXPECT_TRUE(hub.generations.find(kept->request_id, "key-test"));
  EXPECT_EQ(kept->provider, "alpha");
  EXPECT_EQ(kept->input, 5U);
  EXPECT_EQ(kept->input_cached, 3U);
  EXPECT_EQ(kept->cost_usd, 0.0025);
  EXPECT_EQ(kept->finish_reason, "stop");
  EXPECT_FALSE(kept->streamed || kept->cancelled);
}

TEST(hub_gateway_answers, a_refusal_is_no_generation) {
  FakeProvider alpha(FakeProvider::always(json_answer("{}", "500 Oops")));
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", false));
  ASSERT_TRUE(hub.settles());
  EXPECT_FALSE(hub.generations.find(answer.header("x-request-id"), ""));
}

// OpenRouter's clients never ask for usage and always read it.
TEST(hub_gateway_answers, openrouters_ways_of_asking_for_usage_are_understood) {
  RawMessage seen;
  FakeProvider alpha([&](Wire& wire) {
    while (auto request = wire.read_message()) {
      seen = std::move(*request);
      wire.send(std::string(kStreamHead) +
                chunk(delta("a") + std::string(kFinish) + std::string(kUsage) + std::string(kDone)) +
                std::string(kStreamEnd));
    }
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  EXPECT_THAT(hub.ask(chat_body("m", true)).body, Not(HasSubstr("prompt_tokens")));
  EXPECT_THAT(hub.ask(chat_body("m", true, R"(,"usage":{"include":true})")).body, HasSubstr("prompt_tokens"));
  EXPECT_THAT(seen.body, HasSubstr(R"("stream_options":{"include_usage":true})"));
  EXPECT_THAT(seen.body, Not(HasSubstr(R"("usage":{)"))) << "other servers refuse the word";
  EXPECT_THAT(hub.ask(chat_body("m", true), "", "/api/v1/chat/completions").body, HasSubstr("prompt_tokens"));
  EXPECT_THAT(hub.ask(chat_body("m", true, R"(,"stream_options":{"include_usage":false})"), "",
                      "/api/v1/chat/completions")
                  .body,
              HasSubstr("prompt_tokens"))
      << "this provider sends it unasked, and nothing of its answer is taken away";
}

TEST(hub_gateway_answers, embeddings_pass_through) {
  RawMessage seen;
  constexpr std::string_view kReply =
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"e","usage":{"prompt_tokens":4,"total_tokens":4}})";
  FakeProvider mistral([&](Wire& wire) {
    seen = wire.read_message().value_or(RawMessage{});
    wire.send(json_answer(kReply));
    wire.read_message();
  });
  const TestHub hub({.providers = {{"mistral", mistral.url()}}});
  const RawMessage answer =
      hub.ask(R"({"model":"e:mistral","input":["a"],"encoding_format":"base64"})", "", "/v1/embeddings");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.body, kReply);
  EXPECT_TRUE(seen.first_line.contains("/v1/embeddings"));
  EXPECT_EQ(seen.body, R"({"model":"e","input":["a"],"encoding_format":"base64"})");
  ASSERT_TRUE(hub.settles());
  EXPECT_EQ(hub.generations.find(answer.header("x-request-id"), "")->input, 4U);
}

}  // namespace
}  // namespace sluice::hub::gateway
