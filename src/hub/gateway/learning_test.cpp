// What one request teaches the next: who has read how a prompt begins, and how many bytes a token has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "hub/gateway/ask.h"
#include "hub/gateway/choose_routes.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes

// A conversation whose beginning is `about`, and that has gone on for so many turns.
std::string conversation(std::string_view about, int turns, std::string_view policy = "prefix_affinity") {
  std::string text = fmt::format(R"({{"model":"m","provider":{{"policy":"{}"}},"messages":[)", policy);
  text += fmt::format(R"({{"role":"system","content":"{} {}"}})", about, std::string(2'000, 'x'));
  for (int i = 0; i < turns; ++i) text += fmt::format(R"(,{{"role":"user","content":"{}"}})", i);
  return text + "]}";
}

FakeProvider::Script healthy_unless(const std::atomic<bool>& broken) {
  return [&broken](Wire& wire) {
    while (wire.read_message())
      wire.send(broken ? json_answer(R"({"error":{"message":"no"}})", "500 Oops") : json_answer(kChatReply));
  };
}

struct TwoRoutes {
  std::atomic<bool> alpha_broken = false, beta_broken = false;
  FakeProvider alpha{healthy_unless(alpha_broken)}, beta{healthy_unless(beta_broken)};
  TestHub hub{{.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
               .routes_of_m = {"alpha", "beta"},
               .learns = false,
               .offers = offers_of("m", {"alpha", "beta"})}};

  std::string ask(const std::string& body) const {
    const RawMessage answer = hub.ask(body);
    EXPECT_EQ(answer.status(), 200) << answer.body;
    return answer.header("x-inference-provider");
  }
};

TEST(hub_gateway_learning, whoever_read_the_beginning_keeps_the_conversation) {
  TwoRoutes it;
  const std::string first = it.ask(conversation("cats", 1));
  std::atomic<bool>& broken = first == "alpha" ? it.alpha_broken : it.beta_broken;
  EXPECT_EQ(it.ask(conversation("cats", 2)), first);
  broken = true;
  const std::string other = it.ask(conversation("dogs", 1));
  EXPECT_NE(other, first) << "the only one left";
  broken = false;
  for (int turns = 2; turns < 6; ++turns) {
    EXPECT_EQ(it.ask(conversation("dogs", turns)), other) << "it holds the beginning now";
    EXPECT_EQ(it.ask(conversation("cats", turns)), first);
  }
  std::set<std::string> seen;
  for (int i = 0; i < 64; ++i) seen.insert(it.ask(conversation(fmt::format("subject {}", i), 1)));
  EXPECT_EQ(seen.size(), 2U) << "new conversations are spread over all routes";
  seen.clear();
  for (int i = 0; i < 64; ++i)
    seen.insert(it.ask(
        R"({"model":"m","provider":{"policy":"prefix_affinity"},"messages":[{"role":"user","content":")" +
        std::to_string(i) + "\"}]}"));
  EXPECT_EQ(seen.size(), 2U) << "and so are those too short for any cache";
}

TEST(hub_gateway_learning, nothing_is_noted_of_what_failed_or_was_asked_otherwise) {
  TwoRoutes it;
  it.ask(conversation("cats", 1, "preferred"));
  EXPECT_EQ(it.hub.prefixes.size(), 0U) << "no policy asked";
  it.alpha_broken = it.beta_broken = true;
  EXPECT_NE(it.hub.ask(conversation("cats", 1)).status(), 200);
  EXPECT_EQ(it.hub.prefixes.size(), 0U);
}

dialects::ScannedRequest scan(std::string_view body) {
  return dialects::find_dialect("openai")
      ->downstream->scan(tasks::Kind::chat, http::Slice::copy_of(body))
      .value();
}

TEST(hub_gateway_learning, a_prompt_is_reckoned_at_the_bytes_a_token_of_its_model_has) {
  const std::string body = conversation("cats", 1);
  EXPECT_EQ(ask_of(scan(body)).input_expected.count, body.size() / 4 + 1);
  EXPECT_EQ(ask_of(scan(body), 2).input_expected.count, body.size() / 2 + 1);
  EXPECT_EQ(ask_of(scan(body), 2).input_most.count, body.size()) << "the most stays the most";
  EXPECT_TRUE(prompt_of(scan(body)).starts_with(R"([{"role":"system")"));

  FakeProvider alpha([](Wire& wire) {
    while (auto request = wire.read_message()) {
      std::string reply(kChatReply);
      reply.replace(reply.find(R"("prompt_tokens":5)"), 17,
                    fmt::format(R"("prompt_tokens":{})", request->body.size() / 2));
      wire.send(json_answer(reply));
    }
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .offers = offers_of("m", {"alpha"})});
  for (int i = 0; i < 30; ++i) ASSERT_EQ(hub.ask(body).status(), 200);
  ASSERT_TRUE(hub.settles());
  const auto rows = hub.health.rows(net::Clock::now());
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].figures.bytes_per_token.value_or(0), 2, 0.1);
  const auto expected = [&] {
    static_cast<void>(hub.ask(body));
    EXPECT_TRUE(hub.settles());
    return hub.records.take().back().cost_expected.value_or(base::NanoUsd{}).nanos;
  };
  EXPECT_GT(expected(), static_cast<std::int64_t>(body.size()) * 1'000 / 2 * 9 / 10) << "a dollar a million";
  // A picture's bytes are no text: nothing is learnt from them.
  const std::string seen =
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
      std::string(8'000, 'A') + R"("}}]}]})";
  for (int i = 0; i < 10; ++i) static_cast<void>(hub.ask(seen));
  ASSERT_TRUE(hub.settles());
  EXPECT_NEAR(hub.health.rows(net::Clock::now())[0].figures.bytes_per_token.value_or(0), 2, 0.1);
}

}  // namespace
}  // namespace sluice::hub::gateway
