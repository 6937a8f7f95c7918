#include "hub/gateway/http_upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/hops.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using ::testing::HasSubstr;
using ::testing::Not;

TEST(hub_gateway_http_upstream, a_whole_answer_is_relayed_byte_for_byte) {
  RawMessage seen;
  FakeProvider alpha([&](Wire& wire) {
    seen = wire.read_message().value_or(RawMessage{});
    wire.send(json_answer(kChatReply, "200 OK", "x-ratelimit-remaining-requests: 7\r\nset-cookie: a=b\r\n"));
    wire.read_message();
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const std::string odd = R"(,  "x" :1e400,"model2":"m" , "stream" : false)";
  const RawMessage answer = hub.ask(chat_body("m", false, odd),
                                    "authorization: Bearer sk-sluice-ours\r\nx-forwarded-for: 10.1.1.1\r\n");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, kChatReply);
  EXPECT_EQ(answer.header("x-inference-provider"), "alpha");
  EXPECT_EQ(answer.header("x-sluice-attempts"), "1");
  EXPECT_THAT(answer.header("x-sluice-route"), HasSubstr("alpha"));
  EXPECT_EQ(answer.header("x-ratelimit-remaining-requests"), "7");
  EXPECT_EQ(answer.header("set-cookie"), "") << "only a fixed list of headers passes";

  EXPECT_EQ(seen.body, chat_body("model-of-alpha", false, odd)) << "nothing but the model is touched";
  EXPECT_EQ(seen.header("authorization"), "Bearer secret-of-alpha");
  EXPECT_EQ(seen.header("x-forwarded-for"), "");
  EXPECT_EQ(seen.header(kHopHeader).size(), 16u);
}

TEST(hub_gateway_http_upstream, connections_are_kept_for_the_next_request) {
  FakeProvider alpha(FakeProvider::always(json_answer(kChatReply)));
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  Wire client = hub.connect();  // one client connection lives on one loop
  for (int i = 0; i < 5; ++i) {
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", false)));
    EXPECT_EQ(client.read_message().value().status(), 200);
  }
  EXPECT_EQ(alpha.connections(), 1);
}

FakeProvider::Script stream_of(std::vector<std::string> writes) {
  return [writes = std::move(writes)](Wire& wire) {
    while (wire.read_message()) {
      wire.send(kStreamHead);
      for (const std::string& bytes : writes) {
        wire.send(chunk(bytes));
        std::this_thread::sleep_for(2ms);
      }
      wire.send(kStreamEnd);
    }
  };
}

TEST(hub_gateway_http_upstream, a_stream_is_relayed_byte_for_byte) {
  const std::string odd = ": comment\r\n\r\nevent: x\ndata:  {\"odd\":[1e400]}\n\n";
  const std::string all =
      delta("a") + odd + delta("b") + std::string(kFinish) + std::string(kUsage) + std::string(kDone);
  // Cut at every place, as networks do.
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, all.size() / 2, all.size() - 3}) {
    FakeProvider alpha(stream_of({all.substr(0, cut), all.substr(cut)}));
    const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
    const RawMessage answer = hub.ask(chat_body("m", true, R"(,"stream_options":{"include_usage":true})"));
    EXPECT_EQ(answer.status(), 200);
    EXPECT_TRUE(answer.header("content-type").starts_with("text/event-stream"));
    EXPECT_EQ(answer.header("x-accel-buffering"), "no");
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body, all) << "cut at " << cut;
  }
}

TEST(hub_gateway_http_upstream, usage_that_only_we_asked_for_is_counted_and_removed) {
  RawMessage seen;
  const std::string all = delta("a") + std::string(kFinish) + std::string(kUsage) + std::string(kDone);
  FakeProvider alpha([&](Wire& wire) {
    seen = wire.read_message().value_or(RawMessage{});
    wire.send(std::string(kStreamHead) + chunk(all) + std::string(kStreamEnd));
    wire.read_message();
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, delta("a") + std::string(kFinish) + std::string(kDone));
  EXPECT_THAT(seen.body, HasSubstr("include_usage"));
  ASSERT_TRUE(hub.settles());
  EXPECT_THAT(hub.metrics.text(), HasSubstr(R"(provider="alpha",kind="output"} 2)"));
}

TEST(hub_gateway_http_upstream, stream_connections_are_kept_too) {
  const std::string all = delta("a") + std::string(kFinish) + std::string(kDone);
  FakeProvider alpha(stream_of({all}));
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  Wire client = hub.connect();
  for (int i = 0; i < 4; ++i) {
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", true)));
    EXPECT_TRUE(client.read_message().value().whole);
  }
  EXPECT_EQ(alpha.connections(), 1);
}

TEST(hub_gateway_http_upstream, an_answer_that_is_whole_but_never_closed_ends) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(delta("a") + std::string(kFinish) + std::string(kDone)));
    wire.sees_close(kPatience);  // the last chunk never comes
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_TRUE(answer.whole);
  EXPECT_THAT(answer.body, HasSubstr("[DONE]"));
}

// What a stream that breaks off must look like: what came, an error event, no end mark, no clean framing.
void expect_cut(const RawMessage& answer, std::string_view beginning) {
  EXPECT_EQ(answer.status(), 200);
  EXPECT_FALSE(answer.whole);
  EXPECT_TRUE(answer.body.starts_with(beginning)) << answer.body;
  EXPECT_THAT(answer.body.substr(beginning.size()), HasSubstr("data: {\"error\":"));
  EXPECT_THAT(answer.body, HasSubstr("alpha"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
}

TEST(hub_gateway_http_upstream, a_cut_stream_ends_in_an_error_event_and_never_passes_as_whole) {
  const std::vector<std::function<void(Wire&)>> ways{
      [](Wire& wire) { wire.close(); },
      [](Wire& wire) { wire.reset(); },
      [](Wire& wire) { wire.send(kStreamEnd); },  // clean framing, but no [DONE]
      [](Wire& wire) { wire.send(chunk(delta("half").substr(0, 20))); },
      [](Wire& wire) { wire.send("not a chunk\r\n"); },
  };
  for (const auto& way : ways) {
    FakeProvider alpha([&](Wire& wire) {
      wire.read_message();
      wire.send(std::string(kStreamHead) + chunk(delta("a")));
      std::this_thread::sleep_for(50ms);
      way(wire);
    });
    FakeProvider beta(FakeProvider::always(json_answer(kChatReply)));
    const TestHub hub(
        {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
    expect_cut(hub.ask(chat_body("m", true)), delta("a"));
    EXPECT_EQ(beta.connections(), 0) << "the client has seen a byte";
    ASSERT_TRUE(hub.settles());
    EXPECT_THAT(hub.metrics.text(), HasSubstr(R"(provider="alpha",kind="cut"} 1)"));
  }
}

TEST(hub_gateway_http_upstream, an_error_event_inside_a_stream_is_no_clean_end) {
  FakeProvider alpha(stream_of({delta("a"), "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"}));
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_FALSE(answer.whole);
  EXPECT_THAT(answer.body, HasSubstr("overloaded"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
}

TEST(hub_gateway_http_upstream, silence_is_a_timeout_in_every_phase) {
  const Times quick{.connect = 2000ms, .first_byte = 150ms, .idle = 150ms, .total = 5000ms};
  FakeProvider before_head([](Wire& wire) {
    wire.read_message();
    wire.sees_close(kPatience);
  });
  FakeProvider inside([](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(delta("a")));
    wire.sees_close(kPatience);
  });
  {
    const TestHub hub(
        {.providers = {{"alpha", before_head.url()}}, .routes_of_m = {"alpha"}, .times = quick});
    const RawMessage answer = hub.ask(chat_body("m", false));
    EXPECT_EQ(answer.status(), 504);
    EXPECT_THAT(answer.body, HasSubstr("alpha"));
  }
  const TestHub hub({.providers = {{"alpha", inside.url()}}, .routes_of_m = {"alpha"}, .times = quick});
  expect_cut(hub.ask(chat_body("m", true)), delta("a"));
}

TEST(hub_gateway_http_upstream, the_total_deadline_ends_a_slow_but_living_stream) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    wire.send(kStreamHead);
    while (wire.send(chunk(delta("drip")))) std::this_thread::sleep_for(20ms);
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}},
                     .routes_of_m = {"alpha"},
                     .times = {.first_byte = 5000ms, .idle = 5000ms, .total = 400ms}});
  const auto began = std::chrono::steady_clock::now();
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_FALSE(answer.whole);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_THAT(answer.body, HasSubstr("error"));
}

// The client leaves in each phase; the provider must see its connection closed.
TEST(hub_gateway_http_upstream, a_client_that_leaves_closes_the_upstream_in_every_phase) {
  enum class Phase { waiting, streaming, in_body };
  for (const Phase phase : {Phase::waiting, Phase::streaming, Phase::in_body}) {
    std::atomic<bool> reached = false;
    std::atomic<bool> closed = false;
    FakeProvider alpha([&](Wire& wire) {
      wire.read_message();
      if (phase == Phase::streaming) wire.send(std::string(kStreamHead) + chunk(delta("a")));
      if (phase == Phase::in_body) wire.send(json_answer(kChatReply).substr(0, 150));
      reached = true;
      closed = wire.sees_close(kPatience);
    });
    const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
    {
      Wire client = hub.connect();
      client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", phase == Phase::streaming)));
      if (phase == Phase::streaming) {
        ASSERT_TRUE(client.read_through("\n\n"));
      }
      while (!reached) std::this_thread::sleep_for(1ms);
      std::this_thread::sleep_for(30ms);
    }
    const auto left = std::chrono::steady_clock::now();
    while (!closed && std::chrono::steady_clock::now() - left < 10s) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(closed);
    EXPECT_LT(std::chrono::steady_clock::now() - left, 1s) << "phase " << static_cast<int>(phase);
    EXPECT_TRUE(hub.settles());
  }
}

TEST(hub_gateway_http_upstream, a_large_body_does_not_stall_another_stream) {
  FakeProvider alpha([](Wire& wire) {
    while (auto request = wire.read_message()) {
      if (request->body.size() > 1'000'000) {
        wire.send(json_answer(kChatReply));
        continue;
      }
      wire.send(kStreamHead);
      for (int i = 0; i < 100; ++i) {
        wire.send(chunk(delta("tick")));
        std::this_thread::sleep_for(10ms);
      }
      wire.send(chunk(std::string(kFinish) + std::string(kDone)) + std::string(kStreamEnd));
    }
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const std::string large = chat_body("m", false, R"(,"image":")" + std::string(20'000'000, 'A') + '"');
  std::atomic<int> large_answered = 0;
  std::thread other([&] {
    for (int i = 0; i < 4; ++i) large_answered += hub.ask(large).status() == 200;
  });
  Wire client = hub.connect();
  client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", true)));
  auto last = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration longest{};
  int events = 0;
  while (client.read_through("\n\n")) {
    const auto now = std::chrono::steady_clock::now();
    longest = std::max(longest, now - last);
    last = now;
    if (++events == 100) break;
  }
  other.join();
  EXPECT_EQ(events, 100);
  EXPECT_EQ(large_answered, 4);
  EXPECT_LT(longest, 3s);
}

std::string refusal_of_key() {
  return json_answer(R"({"error":{"message":"Invalid API Key","type":"invalid_request_error"}})",
                     "401 Unauthorized");
}

TEST(hub_gateway_http_upstream, a_key_that_is_refused_gives_way_to_the_next_and_is_passed_over) {
  std::mutex mutex;
  std::vector<std::string> seen;
  FakeProvider alpha([&](Wire& wire) {
    while (const auto request = wire.read_message()) {
      const std::string key = request->header("authorization");
      {
        const std::lock_guard lock(mutex);
        seen.push_back(key);
      }
      wire.send(key == "Bearer good" ? json_answer(kChatReply) : refusal_of_key());
    }
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url(), {{"dead", 1000}, {"good", 1}}}}, .routes_of_m = {"alpha"}});
  Wire client = hub.connect();  // one connection lives on one loop, and so does what it remembers
  for (int i = 0; i < 6; ++i) {
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", false)));
    EXPECT_EQ(client.read_message().value().status(), 200) << i;
  }
  const std::lock_guard lock(mutex);
  EXPECT_EQ(std::ranges::count(seen, "Bearer good"), 6);
  EXPECT_EQ(std::ranges::count(seen, "Bearer dead"), 1) << "asked once, then set aside";
}

TEST(hub_gateway_http_upstream, when_every_key_is_refused_each_was_asked_once) {
  std::atomic<int> asked = 0;
  FakeProvider alpha([&](Wire& wire) {
    while (wire.read_message()) {
      ++asked;
      wire.send(refusal_of_key());
    }
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url(), {{"a", 1}, {"b", 1}, {"c", 1}}}}, .routes_of_m = {"alpha"}});
  const RawMessage answer = hub.ask(chat_body("m", false));
  EXPECT_EQ(answer.status(), 502) << "the provider refuses us, not the client";
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace sluice::hub::gateway
