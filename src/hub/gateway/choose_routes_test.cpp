// Wishes, other models, money and races, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/conductor.h"
#include "hub/gateway/test_hub.h"
#include "hub/telemetry/limits.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using ::testing::HasSubstr;
using ::testing::Not;

FakeProvider::Script broken(std::string_view status = "500 Oops") {
  return FakeProvider::always(json_answer(R"({"error":{"message":"no luck"}})", status));
}
// Takes the request and says nothing; `closed` counts who closed on it within the patience.
FakeProvider::Script silent(std::atomic<int>& closed) {
  return [&closed](Wire& wire) {
    while (wire.read_message()) {
      if (!wire.sees_close(kPatience)) return;
      ++closed;
      return;
    }
  };
}
bool comes_true(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}
catalog::ConfiguredModel model_at(const char* name, const char* provider) {
  return {.name = name, .routes = {{.provider = provider, .model = ""}}};
}

TEST(hub_gateway_choose_routes, a_hedge_wins_the_race_and_closes_the_slow_one) {
  for (const bool stream : {false, true}) {
    std::atomic<int> closed = 0;
    FakeProvider alpha(silent(closed));
    FakeProvider beta(healthy());
    const TestHub hub(
        {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
    const RawMessage answer = hub.ask(chat_body("m", stream, R"(,"hedge":{"after_ms":50})"));
    EXPECT_EQ(answer.status(), 200) << answer.body;
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.header("x-inference-provider"), "beta");
    EXPECT_EQ(answer.header("x-sluice-attempts"), "2");
    EXPECT_EQ(answer.header("x-sluice-reason"), "hedge");
    EXPECT_TRUE(comes_true([&] { return closed == 1; }));
    EXPECT_TRUE(hub.settles());
    const auto rows = hub.records.take();
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].outcome, "hedge_lost");
    EXPECT_EQ(rows[0].provider, "alpha");
    EXPECT_EQ(rows[1].outcome, "whole");
    EXPECT_EQ(rows[1].reason, "hedge");
    EXPECT_EQ(rows[1].attempt, 2u);
  }
}

TEST(hub_gateway_choose_routes, a_client_that_leaves_a_race_closes_both) {
  std::atomic<int> closed = 0;
  FakeProvider alpha(silent(closed));
  FakeProvider beta(silent(closed));
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  {
    Wire client = hub.connect();
    client.send(
        request_bytes("POST", "/v1/chat/completions", chat_body("m", true, R"(,"hedge":{"after_ms":20})")));
    EXPECT_TRUE(comes_true([&] { return beta.connections() == 1; }));
  }
  EXPECT_TRUE(comes_true([&] { return closed == 2; }));
  EXPECT_TRUE(hub.settles());
  for (const auto& row : hub.records.take()) EXPECT_EQ(row.outcome, "cancelled");
}

TEST(hub_gateway_choose_routes, a_winner_of_a_race_that_is_cut_is_not_whole) {
  std::atomic<int> closed = 0;
  FakeProvider alpha(silent(closed));
  FakeProvider beta([](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(delta("half")));
  });
  FakeProvider gamma(healthy());
  const TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}, {"gamma", gamma.url()}},
                     .routes_of_m = {"alpha", "beta", "gamma"}});
  const RawMessage answer = hub.ask(chat_body("m", true, R"(,"hedge":{"after_ms":20})"));
  EXPECT_THAT(answer.body, HasSubstr("half"));
  EXPECT_THAT(answer.body, HasSubstr("the answer was cut"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(gamma.connections(), 0);
}

TEST(hub_gateway_choose_routes, a_wait_for_a_busy_route_is_kept_and_ends_with_the_client) {
  std::atomic<int> asked = 0;
  FakeProvider alpha([&](Wire& wire) {
    while (wire.read_message())
      wire.send(++asked == 1 ? json_answer("{}", "429 Too Many Requests", "retry-after-ms: 200\r\n")
                             : json_answer(kChatReply));
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const auto began = std::chrono::steady_clock::now();
  const RawMessage answer = hub.ask(chat_body("m", false));
  EXPECT_EQ(answer.status(), 200) << answer.body;
  EXPECT_EQ(answer.header("x-sluice-reason"), "wait");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
  asked = 0;
  FakeProvider busy(FakeProvider::always(json_answer("{}", "429 Too Many Requests", "retry-after: 9\r\n")));
  const TestHub other({.providers = {{"busy", busy.url()}}, .routes_of_m = {"busy"}});
  {
    Wire client = other.connect();
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", false)));
    EXPECT_TRUE(comes_true([&] { return !other.records.take().empty(); }));
  }
  EXPECT_TRUE(other.settles(5000ms)) << "nobody waits for a client that left";
}

TEST(hub_gateway_choose_routes, a_deadline_is_shared_by_all_attempts) {
  std::atomic<int> closed = 0;
  FakeProvider alpha(silent(closed));
  FakeProvider beta(silent(closed));
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  const auto began = std::chrono::steady_clock::now();
  const RawMessage answer = hub.ask(chat_body("m", false, R"(,"deadline_ms":400)"));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(answer.status(), 504) << answer.body;
  EXPECT_GE(took, 390ms);
  EXPECT_LT(took, 10s);
  EXPECT_GE(alpha.connections() + beta.connections(), 1);
}

TEST(hub_gateway_choose_routes, another_model_answers_only_where_it_was_named) {
  FakeProvider alpha(broken());
  FakeProvider beta(healthy());
  FakeDevice device({.pieces = said({"hi"})});
  const auto make = [&](std::string last_resort) {
    TestHubOptions options{.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                           .routes_of_m = {"alpha"},
                           .device = &device};
    options.models = {model_at("other", "beta")};
    options.last_resort = std::move(last_resort);
    return options;
  };
  const TestHub hub(make(""));
  const RawMessage refused = hub.ask(chat_body("m", false));
  EXPECT_EQ(refused.status(), 502);
  EXPECT_EQ(refused.header("x-sluice-substituted"), "");
  EXPECT_EQ(beta.connections(), 0);
  EXPECT_EQ(device.opened, 0);

  const RawMessage named = hub.ask(chat_body("m", false, R"(,"models":["other"])"));
  EXPECT_EQ(named.status(), 200) << named.body;
  EXPECT_EQ(named.header("x-sluice-substituted"), "other");
  EXPECT_EQ(named.header("x-sluice-reason"), "fallback_model");
  EXPECT_EQ(hub.ask(chat_body("m:alpha", false, R"(,"models":["other"])")).status(), 400)
      << "a pin has no other";

  const TestHub operated(make("tiny"));
  const RawMessage last = operated.ask(chat_body("m", false));
  EXPECT_EQ(last.status(), 200) << last.body;
  EXPECT_EQ(last.header("x-sluice-substituted"), "tiny");
  EXPECT_THAT(last.body, HasSubstr(R"("model":"tiny")"));
  EXPECT_EQ(operated.ask(chat_body("m:alpha", false)).status(), 502);
}

TEST(hub_gateway_choose_routes, wishes_are_honoured_or_refused) {
  FakeProvider alpha(healthy());
  FakeProvider beta(healthy());
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  EXPECT_EQ(
      hub.ask(chat_body("m", false, R"(,"provider":{"order":["beta"]})")).header("x-inference-provider"),
      "beta");
  EXPECT_EQ(hub.ask(chat_body("m", false), "x-sluice-ignore: alpha\r\n").header("x-inference-provider"),
            "beta");
  const RawMessage typo = hub.ask(chat_body("m", false, R"(,"provider":{"only":["betta"]})"));
  EXPECT_EQ(typo.status(), 400);
  EXPECT_THAT(typo.body, HasSubstr("beta"));
  EXPECT_EQ(hub.ask(chat_body("m", false, R"(,"deadline_ms":-1)")).status(), 400);
}

// Every send: the first attempt, the retries, and the hedge.
TEST(hub_gateway_choose_routes, a_provider_that_may_keep_content_sees_no_request_under_zdr) {
  FakeProvider keeps(healthy());
  FakeProvider slow([](Wire& wire) {
    wire.read_message();
    std::this_thread::sleep_for(150ms);
    wire.send(json_answer(R"({"error":{"message":"no luck"}})", "500 Oops"));
  });
  TestHubOptions options{.providers = {{"keeps", keeps.url()}, {"slow", slow.url()}},
                         .routes_of_m = {"keeps", "slow"}};
  const TestHub hub(std::move(options));
  for (const char* wish : {R"(,"provider":{"zdr":true})", R"(,"provider":{"data_collection":"deny"})",
                           R"(,"provider":{"zdr":true},"hedge":{"after_ms":10})"}) {
    const RawMessage refused = hub.ask(chat_body("m", false, wish));
    EXPECT_EQ(refused.status(), 403) << refused.body;
  }
  EXPECT_EQ(keeps.connections(), 0);
  EXPECT_EQ(slow.connections(), 0) << "what is not known of a provider counts as the worst";
}

TEST(hub_gateway_choose_routes, local_only_in_a_header_binds_every_send) {
  FakeProvider alpha(healthy());
  FakeDevice device({.pieces = said({"hi"})});
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha", "device"}, .device = &device});
  const RawMessage answer =
      hub.ask(chat_body("m", false, R"(,"hedge":{"after_ms":1})"), "x-sluice-local-only: true\r\n");
  EXPECT_EQ(answer.header("x-inference-provider"), "device") << answer.body;
  EXPECT_EQ(alpha.connections(), 0);
}

TEST(hub_gateway_choose_routes, explain_tells_the_reasoning_in_the_answer) {
  FakeProvider alpha(healthy());
  FakeProvider beta(healthy());
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  const RawMessage whole = hub.ask(chat_body("m", false, R"(,"explain":true)"));
  EXPECT_THAT(whole.body, HasSubstr(R"(,"sluice":{"route_id":"alpha/model-of-alpha")"));
  EXPECT_THAT(whole.body, HasSubstr("beta/model-of-beta"));
  EXPECT_TRUE(whole.body.ends_with("}}"));
  const RawMessage stream = hub.ask(chat_body("m", true, R"(,"explain":true)"));
  EXPECT_THAT(stream.body, HasSubstr(R"("choices":[],"sluice":{)"));
  EXPECT_LT(stream.body.find("sluice"), stream.body.find(R"("content":"a")"));
  EXPECT_THAT(hub.ask(chat_body("m", false)).body, Not(HasSubstr("sluice")));
}

TEST(hub_gateway_choose_routes, who_was_alone_is_explained_at_length_only_when_asked) {
  FakeProvider alpha(healthy());
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  const auto kept = [&](std::string_view more) {
    EXPECT_EQ(hub.ask(chat_body("m", false, more)).status(), 200);
    EXPECT_TRUE(hub.settles());
    const auto rows = hub.records.take();
    return rows.size() == 1 ? rows[0].explanation_json : "not one row";
  };
  EXPECT_EQ(kept(""), "");
  EXPECT_THAT(kept(R"(,"explain":true)"), HasSubstr(R"("policy":"preferred")"));
}

TEST(hub_gateway_choose_routes, a_long_explanation_is_shortened_and_kept) {
  FakeProvider alpha(healthy());
  TestHubOptions options;
  for (int i = 0; i < 40; ++i) {
    options.providers.push_back({"alpha" + std::to_string(i), alpha.url()});
    options.routes_of_m.push_back(options.providers.back().id);
  }
  const TestHub hub(std::move(options));
  EXPECT_THAT(hub.ask(chat_body("m", false, R"(,"explain":true)")).body, HasSubstr("alpha39"))
      << "the answer has room for all";
  EXPECT_TRUE(hub.settles());
  const auto rows = hub.records.take();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_THAT(rows[0].explanation_json, HasSubstr(R"("left_out":)"));
  EXPECT_LE(rows[0].explanation_json.size(), telemetry::kExplanationBytesMax);
  EXPECT_GT(rows[0].explanation_json.size(), 1000u);
}

TEST(hub_gateway_choose_routes, attempts_are_known_afterwards) {
  FakeProvider alpha(broken("503 Busy"));
  FakeProvider beta(healthy());
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}}, .routes_of_m = {"alpha", "beta"}});
  EXPECT_EQ(hub.ask(chat_body("m", false)).status(), 200);
  EXPECT_TRUE(hub.settles());
  const auto rows = hub.records.take();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].outcome, "failed");
  EXPECT_EQ(rows[0].status, 503);
  EXPECT_EQ(rows[0].error, "status_5xx");
  EXPECT_EQ(rows[0].cost, base::NanoUsd{});
  EXPECT_EQ(rows[1].reason, "retry");
  EXPECT_EQ(rows[1].usage.input.count, 5u);
  EXPECT_FALSE(rows[1].cost) << "nobody knows its price";
  EXPECT_THAT(rows[1].explanation_json, HasSubstr("alpha/model-of-alpha"));
  EXPECT_EQ(
      hub.health
          .figures({.route_id = "beta/model-of-beta", .provider = "beta", .model = "m"}, net::Clock::now())
          .in_flight,
      0u);
}

}  // namespace
}  // namespace sluice::hub::gateway
