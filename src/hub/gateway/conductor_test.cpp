#include "hub/gateway/conductor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/limits.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Trouble {
  const char* name;
  FakeProvider::Script script;
};

// Everything that may go wrong before a byte of an answer has come, for which the request is not to blame.
std::vector<Trouble> troubles() {
  const auto status = [](const char* line) {
    return FakeProvider::always(json_answer(R"({"error":{"message":"no luck"}})", line));
  };
  return {
      {"closes", [](Wire& wire) { wire.read_message(); }},
      {"resets",
       [](Wire& wire) {
         wire.read_message();
         wire.reset();
       }},
      {"401", status("401 Unauthorized")},
      {"403", status("403 Forbidden")},
      {"404", status("404 Not Found")},
      {"408", status("408 Request Timeout")},
      {"409", status("409 Conflict")},
      {"429", status("429 Too Many Requests")},
      {"500", status("500 Internal Server Error")},
      {"502", status("502 Bad Gateway")},
      {"503", status("503 Service Unavailable")},
      {"529", status("529 Overloaded")},
      {"rubbish head",
       [](Wire& wire) {
         wire.read_message();
         wire.send("hello there\r\n\r\n");
       }},
      {"html",
       FakeProvider::always(
           "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>")},
      {"empty", FakeProvider::always(json_answer(""))},
      {"cut body",
       [](Wire& wire) {
         wire.read_message();
         wire.send(json_answer(kChatReply).substr(0, 180));
       }},
      {"cut before the first event",
       [](Wire& wire) {
         wire.read_message();
         wire.send(std::string(kStreamHead) + chunk("data: {\"half"));
       }},
      {"empty stream",
       [](Wire& wire) {
         wire.read_message();
         wire.send(std::string(kStreamHead) + std::string(kStreamEnd));
       }},
      {"error event first",
       [](Wire& wire) {
         wire.read_message();
         wire.send(std::string(kStreamHead) + chunk("data: {\"error\":{\"message\":\"busy\"}}\n\n") +
                   std::string(kStreamEnd));
       }},
      {"silent",
       [](Wire& wire) {
         wire.read_message();
         wire.sees_close(kPatience);
       }},
  };
}

const Times kQuick{.connect = 2000ms, .first_byte = 300ms, .idle = 300ms, .total = 20'000ms};

TEST(hub_gateway_conductor, fails_over_until_the_client_has_seen_a_byte) {
  for (const Trouble& trouble : troubles())
    for (const bool stream : {false, true}) {
      FakeProvider alpha(trouble.script);
      FakeProvider beta(healthy());
      const TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                         .routes_of_m = {"alpha", "beta"},
                         .times = kQuick});
      const RawMessage answer = hub.ask(chat_body("m", stream));
      EXPECT_EQ(answer.status(), 200) << trouble.name << stream << answer.body;
      EXPECT_TRUE(answer.whole) << trouble.name << stream;
      EXPECT_EQ(answer.header("x-inference-provider"), "beta") << trouble.name;
      EXPECT_EQ(answer.header("x-sluice-attempts"), "2") << trouble.name;
      EXPECT_EQ(beta.connections(), 1);
    }
}

TEST(hub_gateway_conductor, a_refused_connection_fails_over_and_alone_is_502) {
  std::string closed_port;
  {
    const FakeProvider gone([](Wire&) {});
    closed_port = gone.url();
  }
  FakeProvider beta(healthy());
  const TestHub hub(
      {.providers = {{"alpha", closed_port}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  EXPECT_EQ(hub.ask(chat_body("m", false)).header("x-inference-provider"), "beta");
  const RawMessage alone = hub.ask(chat_body("model-of-alpha:alpha", false));
  EXPECT_EQ(alone.status(), 502);
  EXPECT_THAT(alone.body, HasSubstr("alpha"));
}

TEST(hub_gateway_conductor, a_pin_never_fails_over) {
  for (const Trouble& trouble : troubles()) {
    FakeProvider alpha(trouble.script);
    FakeProvider beta(healthy());
    FakeDevice device({.pieces = said({"hi"})});
    const TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                       .routes_of_m = {"alpha", "beta", "device"},
                       .device = &device,
                       .times = kQuick,
                       .learns = false});
    for (const bool stream : {false, true}) {
      const RawMessage answer = hub.ask(chat_body("m:alpha", stream));
      EXPECT_GE(answer.status(), 400) << trouble.name << answer.body;
      EXPECT_EQ(answer.header("x-sluice-attempts"), "1") << trouble.name;
      EXPECT_THAT(answer.body, AllOf(HasSubstr("\"error\""), HasSubstr("alpha"))) << trouble.name;
    }
    EXPECT_EQ(beta.connections(), 0) << trouble.name;
    EXPECT_EQ(device.opened, 0) << trouble.name;
  }
}

TEST(hub_gateway_conductor, a_device_pin_reaches_no_provider_in_any_failure) {
  FakeProvider alpha(healthy());
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code)
    for (const bool at_open : {true, false}) {
      FakeDevice::Play play;
      const base::Error error{.code = static_cast<ErrorCode>(code), .message = "no"};
      if (at_open)
        play.open_error = error;
      else
        play.end_error = error;
      FakeDevice device(std::move(play));
      const TestHub hub(
          {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"device", "alpha"}, .device = &device});
      for (const char* model : {"m:device", "tiny:device"})
        for (const bool stream : {false, true}) {
          const RawMessage answer = hub.ask(chat_body(model, stream));
          EXPECT_GE(answer.status(), 400);
          EXPECT_THAT(answer.body, HasSubstr("\"error\"")) << model;
        }
      EXPECT_GE(device.opened, 2);
    }
  EXPECT_EQ(alpha.connections(), 0);
}

TEST(hub_gateway_conductor, the_callers_own_fault_is_not_tried_elsewhere) {
  for (const char* line : {"400 Bad Request", "413 Content Too Large", "422 Unprocessable Content"}) {
    FakeProvider alpha(FakeProvider::always(
        json_answer(R"({"error":{"message":"max_tokens is too large","param":"max_tokens"}})", line)));
    FakeProvider beta(healthy());
    const TestHub hub(
        {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
    const RawMessage answer = hub.ask(chat_body("m", false));
    EXPECT_GE(answer.status(), 400) << line;
    EXPECT_LT(answer.status(), 500) << line;
    EXPECT_THAT(answer.body, HasSubstr("max_tokens is too large"));
    EXPECT_EQ(beta.connections(), 0) << line;
  }
}

TEST(hub_gateway_conductor, failures_are_told_by_this_table) {
  const std::vector<std::pair<const char*, int>> rows{
      {"400 Bad Request", 400},       {"401 Unauthorized", 502},  {"402 Payment Required", 502},
      {"403 Forbidden", 502},         {"404 Not Found", 404},     {"408 Request Timeout", 504},
      {"429 Too Many Requests", 429}, {"500 Internal", 502},      {"503 Unavailable", 503},
      {"301 Moved Permanently", 502}, {"508 Loop Detected", 508},
  };
  for (const auto& [line, expected] : rows) {
    FakeProvider alpha(FakeProvider::always(
        json_answer(R"({"error":{"message":"it said no"}})", line, "retry-after: 700\r\n")));
    const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
    const RawMessage answer = hub.ask(chat_body("m", false));
    EXPECT_EQ(answer.status(), expected) << line << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_THAT(answer.body, AllOf(HasSubstr("\"error\""), HasSubstr("alpha"))) << line;
    if (expected == 429) {
      EXPECT_EQ(answer.header("retry-after"), "700");
    }
    EXPECT_EQ(answer.header("x-should-retry"), "false") << line;
  }
}

TEST(hub_gateway_conductor, when_all_fail_every_route_is_named) {
  FakeProvider alpha(FakeProvider::always(json_answer(R"({"error":{"message":"first"}})", "500 Oops")));
  FakeProvider beta(FakeProvider::always(json_answer(R"({"error":{"message":"second"}})", "502 Oops")));
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.header("x-should-retry"), "false");
  EXPECT_THAT(answer.body, AllOf(HasSubstr("none of 2 routes"), HasSubstr("first"), HasSubstr("second")));
  EXPECT_EQ(answer.header("x-sluice-attempts"), "2");
}

TEST(hub_gateway_conductor, attempts_have_a_limit) {
  FakeProvider alpha(FakeProvider::always(json_answer("{}", "500 Oops")));
  const std::vector<std::string> routes(kMaxAttempts + 1, "alpha");
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = routes, .learns = false});
  EXPECT_EQ(hub.ask(chat_body("m", false)).header("x-sluice-attempts"), std::to_string(kMaxAttempts));
}

TEST(hub_gateway_conductor, a_whole_answer_has_a_limit_and_a_stream_has_none) {
  auto pieces = said({});
  tasks::TextDelta megabyte;
  megabyte.text = std::string(std::size_t{1} << 20, 'a');
  for (std::size_t i = 0; i < kMaxReplyBytes >> 20; ++i) pieces.insert(pieces.begin() + 1, {megabyte});
  const auto status_with = [&](std::string_view more, bool stream) {
    auto longer = pieces;
    tasks::TextDelta rest;
    rest.text = more;
    if (!more.empty()) longer.insert(longer.begin() + 1, {rest});
    FakeDevice device({.pieces = longer});
    const TestHub hub({.providers = {}, .device = &device});
    const RawMessage answer = hub.ask(chat_body("tiny", stream));
    return answer.whole ? answer.status() : 0;
  };
  EXPECT_EQ(status_with("", false), 200);
  EXPECT_EQ(status_with("x", false), 502);
  EXPECT_EQ(status_with("x", true), 200);
}

TEST(hub_gateway_conductor, the_devices_events_are_encoded_for_the_client) {
  FakeDevice device({.pieces = said({"Hel", "lo"})});
  const TestHub hub({.providers = {}, .device = &device});
  const RawMessage whole = hub.ask(chat_body("tiny", false));
  EXPECT_EQ(whole.status(), 200) << whole.body;
  EXPECT_THAT(whole.body,
              AllOf(HasSubstr("\"Hello\""), HasSubstr("\"chat.completion\""), HasSubstr("chatcmpl-d")));
  EXPECT_EQ(whole.header("x-inference-provider"), "device");
  const RawMessage stream = hub.ask(chat_body("tiny", true));
  EXPECT_TRUE(stream.whole);
  EXPECT_THAT(stream.body, AllOf(HasSubstr("\"Hel\""), HasSubstr("\"lo\""), HasSubstr("data: [DONE]\n\n")));
  EXPECT_THAT(stream.body, Not(HasSubstr("prompt_tokens"))) << "usage was not asked for";
  const RawMessage text = hub.ask(R"({"model":"tiny","prompt":"hi"})", "", "/v1/completions");
  EXPECT_THAT(text.body, AllOf(HasSubstr("\"Hello\""), HasSubstr("\"text_completion\"")));
  EXPECT_TRUE(hub.settles());
  EXPECT_EQ(device.closed, 3);
  EXPECT_THAT(hub.metrics.text(), HasSubstr(R"(provider="device",kind="output"} 4)"));
}

TEST(hub_gateway_conductor, a_device_that_fails_midway_cuts_the_stream) {
  auto pieces = said({"Hel"});
  pieces.back() = {tasks::Failed{.error = {.code = ErrorCode::internal, .message = "out of memory"}}};
  FakeDevice device({.pieces = pieces});
  FakeProvider beta(healthy());
  const TestHub hub(
      {.providers = {{"beta", beta.url()}}, .routes_of_m = {"device", "beta"}, .device = &device});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_FALSE(answer.whole);
  EXPECT_THAT(answer.body, AllOf(HasSubstr("\"Hel\""), HasSubstr("out of memory"), Not(HasSubstr("[DONE]"))));
  EXPECT_EQ(beta.connections(), 0);
  EXPECT_EQ(hub.ask(chat_body("m", false)).header("x-inference-provider"), "beta")
      << "a whole answer has shown nothing yet";
}

TEST(hub_gateway_conductor, a_client_that_leaves_frees_the_device) {
  auto pieces = said({"Hel"});
  pieces.pop_back();
  FakeDevice device({.pieces = pieces, .hang = true});
  const TestHub hub({.providers = {}, .device = &device});
  {
    Wire client = hub.connect();
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("tiny", true)));
    ASSERT_TRUE(client.read_through("\"Hel\""));
  }
  const auto left = std::chrono::steady_clock::now();
  while (device.closed == 0 && std::chrono::steady_clock::now() - left < 10s)
    std::this_thread::sleep_for(1ms);
  EXPECT_LT(std::chrono::steady_clock::now() - left, 1s);
}

TEST(hub_gateway_conductor, local_only_lets_only_the_device_answer) {
  FakeProvider alpha(healthy());
  FakeDevice device({.pieces = said({"hi"})});
  const TestHub process({.providers = {{"alpha", alpha.url()}},
                         .routes_of_m = {"alpha", "device"},
                         .local_only = true,
                         .device = &device});
  const TestHub open(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha", "device"}, .device = &device});
  struct Way {
    const TestHub& hub;
    const char* header;
    const char* more;
    const char* reason;
  };
  const std::vector<Way> ways{{process, "", "", "--local-only"},
                              {open, "x-test-key: local\r\n", "", "key-test"},
                              {open, "", R"(,"provider":{"local_only":true})", "provider.local_only"}};
  for (const Way& way : ways)
    for (const bool stream : {false, true}) {
      const RawMessage pinned = way.hub.ask(chat_body("m:alpha", stream, way.more), way.header);
      EXPECT_EQ(pinned.status(), 403) << way.reason;
      EXPECT_THAT(pinned.body, AllOf(HasSubstr(way.reason), HasSubstr("alpha")));
      const RawMessage routed = way.hub.ask(chat_body("m", stream, way.more), way.header);
      EXPECT_EQ(routed.status(), 200) << way.reason;
      EXPECT_EQ(routed.header("x-inference-provider"), "device");
    }
  EXPECT_EQ(alpha.connections(), 0);
  EXPECT_EQ(open.ask(chat_body("m", false)).header("x-inference-provider"), "alpha")
      << "the others are not bound";
}

TEST(hub_gateway_conductor, a_request_that_comes_back_is_508) {
  TestHub hub({.providers = {}});
  hub.use(TestHub::settings_of(
      {.providers = {{"self", fmt::format("http://127.0.0.1:{}", hub.port())}}, .routes_of_m = {"self"}}));
  for (const bool stream : {false, true}) {
    const RawMessage answer = hub.ask(chat_body("x:self", stream));
    EXPECT_EQ(answer.status(), 508) << answer.body;
  }
}

TEST(hub_gateway_conductor, bad_requests_are_named_and_reach_nobody) {
  FakeProvider alpha(healthy());
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const RawMessage cut = hub.ask(R"({"model":"m","messages":[)");
  EXPECT_EQ(cut.status(), 400);
  EXPECT_THAT(cut.body, HasSubstr("byte"));
  EXPECT_EQ(hub.ask("").status(), 400);
  EXPECT_EQ(hub.ask("[]").status(), 400);
  const RawMessage type = hub.ask(R"({"model":7,"messages":[]})");
  EXPECT_EQ(type.status(), 400);
  EXPECT_THAT(type.body, HasSubstr("\"model\""));
  const RawMessage unknown = hub.ask(chat_body("tinny", false));
  EXPECT_EQ(unknown.status(), 404);
  EXPECT_EQ(alpha.connections(), 0);
}

TEST(hub_gateway_conductor, a_model_id_cannot_break_a_header) {
  FakeProvider alpha(healthy());
  const TestHub hub({.providers = {{"alpha", alpha.url()}}});
  const RawMessage refused = hub.ask(chat_body("model\\r\\nx-a: b:alpha", false));
  EXPECT_EQ(refused.status(), 400) << refused.body;
  EXPECT_EQ(refused.header("x-a"), "");
  EXPECT_EQ(alpha.connections(), 0);
  const RawMessage answer = hub.ask(chat_body("mod\xc3\xa8le x-a: b:alpha", false));
  EXPECT_EQ(answer.status(), 200) << answer.body;
  EXPECT_EQ(answer.header("x-sluice-route"), "alpha/mod%C3%A8le%20x-a:%20b");
}

TEST(hub_gateway_conductor, many_at_once_on_several_loops) {
  FakeProvider alpha(healthy());
  FakeProvider beta(FakeProvider::always(json_answer("{}", "500 Oops")));
  FakeDevice device({.pieces = said({"Hel", "lo"})});
  const TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                     .routes_of_m = {"beta", "alpha"},
                     .device = &device});
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (t == 0) static_cast<void>(hub.metrics.text());
        if ((t + i) % 5 == 0) {
          Wire leaves = hub.connect();
          leaves.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", true)));
          ++good;
        } else {
          const RawMessage answer = hub.ask(chat_body((t + i) % 2 ? "m" : "tiny", i % 3 == 0));
          good += answer.status() == 200 && answer.whole;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
  EXPECT_TRUE(hub.settles()) << "every request ends, also those whose client left";
}

}  // namespace
}  // namespace sluice::hub::gateway
