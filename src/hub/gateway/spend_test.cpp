#include "hub/gateway/spend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "hub/gateway/attempt.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using base::NanoUsd;
using ::testing::HasSubstr;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kMorning = 20'000 * kDay + 100;

// A provider at `url` and what is known of its offer.
catalog::Candidate candidate(std::string url, std::optional<catalog::Price> price = {}) {
  catalog::ProviderSettings settings;
  settings.id = "alpha";
  settings.enabled = true;
  settings.api_key = "k";
  settings.base_url = std::move(url);
  settings.dialect = "openai";
  const auto catalog = catalog::Catalog::with({&settings, 1}).value();
  catalog::Candidate made;
  made.provider = catalog->find("alpha");
  made.model = "m";
  auto offer = std::make_shared<catalog::Offer>();
  offer->price = std::move(price);
  made.offer = std::move(offer);
  return made;
}

catalog::Price priced(std::string source, std::int64_t input, std::int64_t output) {
  catalog::Price price;
  price.rates.input = NanoUsd{input};
  price.rates.output = NanoUsd{output};
  price.source = std::move(source);
  return price;
}

TEST(hub_gateway_spend, who_is_paid) {
  EXPECT_FALSE(is_paid({})) << "the device";
  EXPECT_TRUE(is_paid(candidate("https://alpha.test/v1"))) << "an unknown price is not free";
  EXPECT_TRUE(is_paid(candidate("https://alpha.test/v1", priced("a list", 0, 0)))) << "nor is a zero";
  catalog::Price gift;
  gift.free = true;
  EXPECT_FALSE(is_paid(candidate("https://alpha.test/v1", gift)));
  for (const char* here : {"http://127.0.0.1:8000/v1", "http://localhost:8000", "http://[::1]:8000/v1"}) {
    EXPECT_FALSE(is_paid(candidate(here))) << here;
    EXPECT_FALSE(is_paid(candidate(here, priced("a list", 1, 1)))) << here;
    EXPECT_TRUE(is_paid(candidate(here, priced("configuration", 1, 1)))) << here;
  }
  EXPECT_TRUE(is_paid(candidate("https://localhost.evil.test/v1"))) << "only the whole name";
}

TEST(hub_gateway_spend, the_worst_of_a_route_without_a_price_is_neither_zero_nor_endless) {
  routing::Ask ask;
  ask.input_most = {1'000'000};
  routing::Option option;
  option.candidate = candidate("https://alpha.test/v1");
  const auto answer = [](std::uint64_t tokens) {
    return static_cast<std::int64_t>(tokens) * (kAssumedOutputRate.nanos / 1'000'000);
  };
  const auto worst = [&] { return worst_for_cap(option, {}, ask).nanos; };
  EXPECT_EQ(worst(), kAssumedInputRate.nanos + answer(kAssumedAnswerTokens.count));
  auto offer = std::make_shared<catalog::Offer>();
  offer->output_max = 100;
  option.candidate.offer = offer;
  EXPECT_EQ(worst(), kAssumedInputRate.nanos + answer(100));
  ask.output_max = tasks::Tokens{10};
  ask.choices = 3;
  EXPECT_EQ(worst(), kAssumedInputRate.nanos + answer(30));
  ask.kind = tasks::Kind::embed;
  EXPECT_EQ(worst(), kAssumedInputRate.nanos) << "no answer in tokens";
  ask.input_most = {std::numeric_limits<std::uint64_t>::max()};
  EXPECT_GT(worst(), 1'000'000'000'000) << "does not wrap around";
  routing::Expected known;
  known.cost_worst = NanoUsd{7};
  EXPECT_EQ(worst_for_cap(option, known, ask).nanos, 7);
  EXPECT_EQ(worst_for_cap({}, known, ask).nanos, 0) << "the device";
}

TEST(hub_gateway_spend, what_is_set_aside_is_released_or_spent) {
  SpendCap cap(NanoUsd{100});
  const auto state = [&] { return cap.state(kMorning); };
  {
    auto one = cap.reserve({60}, kMorning);
    ASSERT_TRUE(one);
    EXPECT_EQ(state().reserved.nanos, 60);
    EXPECT_FALSE(cap.reserve({41}, kMorning)) << "both at their worst would be too much";
    EXPECT_TRUE(cap.reserve({40}, kMorning)) << "to the last of it; forgotten at once, so spent whole";
    EXPECT_EQ(state().spent.nanos, 40);
    one->settle({});
    EXPECT_EQ(state().reserved.nanos, 0) << "a failure costs nothing";
    EXPECT_EQ(state().spent.nanos, 40);
    one->settle({50});
    EXPECT_EQ(state().spent.nanos, 40) << "once";
  }
  EXPECT_EQ(state().spent.nanos, 40);
  auto dear = cap.reserve({60}, kMorning);
  dear->settle({500});
  EXPECT_EQ(state().spent.nanos, 540) << "what it really took, even above what was set aside";
  EXPECT_FALSE(cap.reserve({1}, kMorning));
  EXPECT_FALSE(cap.reserve({1}, kMorning - kDay)) << "a clock set back gives nothing back";
  EXPECT_TRUE(cap.reserve({0}, kMorning + kDay).has_value());
}

TEST(hub_gateway_spend, a_day_begins_at_midnight_utc_and_what_runs_over_it_still_binds) {
  SpendCap cap(NanoUsd{100});
  const std::int64_t midnight = kMorning / kDay * kDay + kDay;
  auto evening = cap.reserve({70}, midnight - 1);
  auto night = cap.reserve({30}, midnight - 1);
  night->settle({30});
  EXPECT_EQ(cap.state(midnight - 1).spent.nanos, 30);
  EXPECT_EQ(cap.state(midnight).spent.nanos, 0);
  EXPECT_FALSE(cap.reserve({31}, midnight)) << "70 are still set aside";
  evening->settle({70});
  EXPECT_EQ(cap.state(midnight).spent.nanos, 0) << "it belongs to its own day";
  EXPECT_TRUE(cap.reserve({100}, midnight));
}

TEST(hub_gateway_spend, earlier_runs_count_and_zero_forbids) {
  SpendCap cap(NanoUsd{100});
  cap.add_spent({80}, kMorning);
  EXPECT_FALSE(cap.reserve({21}, kMorning));
  EXPECT_TRUE(cap.reserve({21}, kMorning + kDay));
  cap.set_per_day({200});
  EXPECT_TRUE(cap.reserve({100}, kMorning + kDay));
  cap.set_per_day({});
  EXPECT_FALSE(cap.reserve({}, kMorning + 2 * kDay)) << "not even what costs nothing, of a paid provider";
}

TEST(hub_gateway_spend, many_at_once_never_pass_the_cap) {
  constexpr int kThreads = 8, kRounds = 2'000;
  SpendCap cap(NanoUsd{1'000});
  std::atomic<std::int64_t> held = 0;
  std::atomic<bool> passed = false;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const std::int64_t amount = 100 + (t * 37 + i * 11) % 300;
        auto taken = cap.reserve({amount}, kMorning);
        if (!taken) continue;
        if (held.fetch_add(amount) + amount > 1'000) passed = true;
        std::this_thread::yield();
        held.fetch_sub(amount);
        taken->settle({i % 500 == 0 ? 1 : 0});
      }
    });
  threads.clear();
  EXPECT_FALSE(passed);
  EXPECT_EQ(cap.state(kMorning).reserved.nanos, 0);
  EXPECT_LE(cap.state(kMorning).spent.nanos, kThreads * kRounds / 500);
}

// Through the whole gateway: a request of 70 to 90 bytes and 50 tokens of answer: 160 to 190 micro-dollars at
// worst.
RawMessage ask_priced(const TestHub& hub, std::string_view more = "") {
  return hub.ask(chat_body("m", false, R"(,"max_tokens":50)" + std::string(more)));
}
constexpr NanoUsd kOneRequest{200'000};
constexpr std::int64_t kWhatItTook = 5 * 1'000 + 2 * 2'000;  // kChatReply's usage

// A day that ends in the middle of a test would be another day's spending.
void wait_for_a_day() {
  const auto now = std::chrono::system_clock::now();
  const auto midnight = std::chrono::ceil<std::chrono::days>(now);
  if (midnight - now < 10s) std::this_thread::sleep_until(midnight);
}

std::int64_t now_s() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

TEST(hub_gateway_spend, a_request_is_refused_on_its_worst_case_before_it_leaves) {
  wait_for_a_day();
  FakeProvider alpha(healthy());
  TestHub hub({.providers = {{"alpha", alpha.url()}},
               .routes_of_m = {"alpha"},
               .spend_per_day = kOneRequest,
               .offers = offers_of("m", {"alpha"})});
  const RawMessage refused = hub.ask(chat_body("m", false, R"(,"max_tokens":5000)"));
  EXPECT_EQ(refused.status(), 402);
  EXPECT_THAT(refused.body, HasSubstr("max_spend_usd_per_day"));
  EXPECT_EQ(alpha.connections(), 0);
  EXPECT_EQ(hub.spend->state(now_s()).spent.nanos, 0);
  EXPECT_EQ(ask_priced(hub).status(), 200);
  ASSERT_TRUE(hub.settles());
  EXPECT_EQ(hub.spend->state(now_s()).spent.nanos, kWhatItTook);
  EXPECT_EQ(hub.spend->state(now_s()).reserved.nanos, 0);
  hub.spend->add_spent(kOneRequest, now_s());
  EXPECT_EQ(ask_priced(hub).status(), 402);
  const auto rows = hub.records.take();
  ASSERT_EQ(rows.size(), 1U) << "what never left is no attempt";
  EXPECT_EQ(rows[0].charged.nanos, kWhatItTook);
}

TEST(hub_gateway_spend, zero_asks_no_paid_provider_and_the_free_ones_still_answer) {
  FakeProvider alpha(healthy());
  {
    const TestHub hub({.providers = {{"alpha", alpha.url()}},
                       .routes_of_m = {"alpha"},
                       .spend_per_day = NanoUsd{0},
                       .offers = offers_of("m", {"alpha"})});
    EXPECT_EQ(ask_priced(hub).status(), 402);
    EXPECT_EQ(alpha.connections(), 0);
  }
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .spend_per_day = NanoUsd{0}});
  EXPECT_EQ(ask_priced(hub).status(), 200) << "on this machine, without a price";
}

TEST(hub_gateway_spend, a_refusal_by_the_provider_costs_nothing_and_the_next_route_pays) {
  wait_for_a_day();
  FakeProvider alpha(FakeProvider::always(json_answer(R"({"error":{"message":"no"}})", "500 Oops")));
  FakeProvider beta(healthy());
  TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
               .routes_of_m = {"alpha", "beta"},
               .spend_per_day = kOneRequest,
               .offers = offers_of("m", {"alpha", "beta"})});
  const RawMessage answer = ask_priced(hub);
  EXPECT_EQ(answer.status(), 200) << answer.body;
  EXPECT_EQ(answer.header("x-sluice-attempts"), "2");
  ASSERT_TRUE(hub.settles());
  EXPECT_EQ(hub.spend->state(now_s()).spent.nanos, kWhatItTook);
  EXPECT_EQ(hub.spend->state(now_s()).reserved.nanos, 0);
}

// Answers when it is told to.
struct Gate {
  std::atomic<int> asked = 0;
  std::atomic<bool> open = false;
  FakeProvider::Script script() {
    return [this](Wire& wire) {
      while (wire.read_message()) {
        ++asked;
        while (!open) std::this_thread::sleep_for(1ms);
        if (!wire.send(json_answer(kChatReply))) return;
      }
    };
  }
};

TEST(hub_gateway_spend, requests_at_once_cannot_pass_the_cap_together) {
  wait_for_a_day();
  Gate gate;
  FakeProvider alpha(gate.script());
  TestHub hub({.providers = {{"alpha", alpha.url()}},
               .routes_of_m = {"alpha"},
               .spend_per_day = NanoUsd{3 * kOneRequest.nanos},
               .offers = offers_of("m", {"alpha"})});
  std::vector<std::thread> callers;
  std::atomic<int> answered = 0, refused = 0;
  for (int i = 0; i < 12; ++i)
    callers.emplace_back([&] {
      const int status = ask_priced(hub).status();
      if (status == 200) ++answered;
      if (status == 402) ++refused;
    });
  while (gate.asked + refused < 12) std::this_thread::sleep_for(1ms);
  EXPECT_GE(gate.asked, 3);
  EXPECT_LE(gate.asked, 4) << "the worst cases of all that left fit under the cap";
  gate.open = true;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(answered, gate.asked);
  EXPECT_EQ(answered + refused, 12);
  ASSERT_TRUE(hub.settles());
  EXPECT_EQ(hub.spend->state(now_s()).spent.nanos, answered * kWhatItTook);
}

TEST(hub_gateway_spend, a_hedge_needs_money_of_its_own) {
  wait_for_a_day();
  for (const bool enough : {false, true}) {
    Gate slow;
    FakeProvider alpha(slow.script());
    FakeProvider beta(healthy());
    TestHub hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
                 .routes_of_m = {"alpha", "beta"},
                 .spend_per_day = NanoUsd{(enough ? 2 : 1) * kOneRequest.nanos},
                 .offers = offers_of("m", {"alpha", "beta"})});
    std::thread opener([&] {
      while (slow.asked == 0) std::this_thread::sleep_for(1ms);
      std::this_thread::sleep_for(enough ? 0ms : 100ms);
      if (!enough) slow.open = true;
    });
    const RawMessage answer = ask_priced(hub, R"(,"hedge":{"after_ms":20})");
    opener.join();
    slow.open = true;
    EXPECT_EQ(answer.status(), 200) << answer.body;
    EXPECT_EQ(answer.header("x-inference-provider"), enough ? "beta" : "alpha");
    EXPECT_EQ(beta.connections(), enough ? 1 : 0);
    ASSERT_TRUE(hub.settles());
    const auto state = hub.spend->state(now_s());
    EXPECT_EQ(state.reserved.nanos, 0);
    if (enough)
      EXPECT_GT(state.spent.nanos, kWhatItTook) << "the loser may be billed";
    else
      EXPECT_EQ(state.spent.nanos, kWhatItTook);
  }
}

TEST(hub_gateway_spend, an_attempt_that_may_not_leave_gives_its_money_back) {
  health::Health health;
  SpendCap cap(NanoUsd{1'000});
  telemetry::Metrics metrics;
  const Hub hub{
      .metrics = &metrics, .health = &health, .spend = &cap, .device_models = {}, .instance_id = "i"};
  const auto route = candidate("http://127.0.0.1:1");
  const std::string route_id = route.route_id();
  const health::Key key{.route_id = route_id, .provider = "alpha", .model = "m"};
  const auto now = net::Clock::now();
  health::Ended ended;
  ended.verdict = health::Verdict::connection;
  for (int i = 0; i < 20; ++i)
    if (const auto ticket = health.begin(key, now)) health.end(key, *ticket, ended, now);
  ASSERT_EQ(health.figures(key, now).circuit, health::Circuit::open);
  net::Loops loops(1);
  loops.run_on_all([&](net::Loop& loop) {
    const auto client = std::make_shared<net::Client>(loop, net::ClientOptions{});
    credentials::Memory memory;
    const Ground ground{
        .hub = hub, .client = client, .memory = memory, .settings = std::make_shared<Settings>()};
    net::Cancel cancel;
    Attempt attempt(ground, Start{}, "m", cancel);
    attempt.reserved.emplace(*cap.reserve({700}, kMorning));
    EXPECT_FALSE(attempt.leave(route, 1));
  });
  EXPECT_EQ(cap.state(kMorning).spent.nanos, 0);
  EXPECT_EQ(cap.state(kMorning).reserved.nanos, 0);
}

}  // namespace
}  // namespace sluice::hub::gateway
