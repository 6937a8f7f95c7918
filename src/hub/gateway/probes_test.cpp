#include "hub/gateway/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/limits.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using base::NanoUsd;
using ::testing::HasSubstr;

net::TimePoint at(double seconds) {
  return net::TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(1e12 + seconds * 1e9)));
}

TEST(hub_gateway_probes, are_due_after_silence_and_where_a_circuit_is_open) {
  const auto now = at(100);
  health::Row row;
  EXPECT_TRUE(is_probe_due(nullptr, 60s, now)) << "never heard of";
  row.idle_s = 59;
  EXPECT_FALSE(is_probe_due(&row, 60s, now)) << "traffic says enough";
  row.idle_s = 60;
  EXPECT_TRUE(is_probe_due(&row, 60s, now));
  row.figures.in_flight = 1;
  EXPECT_FALSE(is_probe_due(&row, 60s, now)) << "somebody is asking";
  row.idle_s = 1;
  row.figures.circuit = health::Circuit::half_open;
  EXPECT_TRUE(is_probe_due(&row, 60s, now)) << "whoever asks next would have to find out";
  row.figures.circuit = health::Circuit::open;
  row.figures.retry_at = at(101);
  EXPECT_FALSE(is_probe_due(&row, 60s, now)) << "not before its time";
  row.figures.retry_at = at(100);
  EXPECT_TRUE(is_probe_due(&row, 60s, now));
  row.figures.circuit = health::Circuit::closed;
  row.figures.retry_at = at(101);
  row.idle_s = 1000;
  EXPECT_FALSE(is_probe_due(&row, 60s, now)) << "a limit is used up";
}

// One token in, one out, as a stream; counts what came and keeps the last.
class Probed {
 public:
  Probed()
      : provider_([this](Wire& wire) {
          while (auto request = wire.read_message()) {
            {
              const std::lock_guard lock(mutex_);
              last_ = request->body;
            }
            ++asked;
            if (broken)
              wire.send(json_answer(R"({"error":{"message":"no"}})", "503 Unavailable"));
            else
              wire.send(std::string(kStreamHead) +
                        chunk(delta("OK") + std::string(kFinish) + std::string(kUsage) + std::string(kDone)) +
                        std::string(kStreamEnd));
          }
        }) {}
  std::string url() const { return provider_.url(); }
  std::string last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

  std::atomic<int> asked = 0;
  std::atomic<bool> broken = false;

 private:
  mutable std::mutex mutex_;
  std::string last_;
  FakeProvider provider_;
};

struct ProbeOptions {
  NanoUsd per_day{1'000'000'000};
  std::optional<NanoUsd> spend = NanoUsd{1'000'000'000};
  std::vector<std::string> models = {"m"};
  bool local_only = false;
  routing::Wishes wishes = {};
  health::Options health = {};
};

// "m" is served by alpha and beta; the test says what time it is.
class ProbedHub {
 public:
  explicit ProbedHub(ProbeOptions options = {}, catalog::OffersPtr offers = offers_of("m", {"alpha", "beta"}))
      : hub({.providers = {{"alpha", alpha.url()}, {"beta", beta.url()}},
             .routes_of_m = {"alpha", "beta"},
             .local_only = options.local_only,
             .spend_per_day = options.spend,
             .offers = std::move(offers),
             .probes = {.models = options.models, .every = 60s},
             .probe_per_day = options.per_day,
             .wishes = options.wishes,
             .health = options.health}) {}

  // Everything that is due is sent and answered.
  void poll(double after_s) {
    hub.probe(net::Clock::now() + std::chrono::milliseconds(static_cast<int>(after_s * 1000)));
    const auto until = std::chrono::steady_clock::now() + kPatience;
    const auto under_way = [&] {
      return std::ranges::any_of(hub.health.rows(net::Clock::now()),
                                 [](const auto& row) { return row.figures.in_flight > 0; });
    };
    while (under_way() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    hub.pass();
  }

  Probed alpha, beta;
  TestHub hub;
};

std::int64_t now_s() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

TEST(hub_gateway_probes, ask_each_route_at_most_so_often_and_tell_nothing_of_a_client) {
  ProbedHub it;
  it.poll(0);
  EXPECT_EQ(it.alpha.asked, 1);
  EXPECT_EQ(it.beta.asked, 1);
  EXPECT_THAT(it.alpha.last(), HasSubstr(R"("model":"model-of-alpha")"));
  EXPECT_THAT(it.alpha.last(), HasSubstr("Reply with the word OK."));
  EXPECT_THAT(it.alpha.last(), HasSubstr(R"("max_tokens":16)"));
  for (const double later : {1.0, 30.0, 59.0}) it.poll(later);
  EXPECT_EQ(it.alpha.asked, 1);
  it.poll(61);
  EXPECT_EQ(it.alpha.asked, 2);
  EXPECT_EQ(it.beta.asked, 2);
  const auto rows = it.hub.records.take();
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& row : rows) {
    EXPECT_EQ(row.reason, "probe");
    EXPECT_EQ(row.key_id, telemetry::kProbeKeyId);
    EXPECT_EQ(row.outcome, "whole");
    EXPECT_EQ(row.charged.nanos, 5 * 1'000 + 2 * 2'000);
    EXPECT_EQ(row.cost, row.charged);
    EXPECT_TRUE(row.first_token_s);
  }
  for (const auto& row : it.hub.health.rows(net::Clock::now())) EXPECT_EQ(row.probes_total, 2U);
  EXPECT_EQ(it.hub.spend->state(now_s()).spent.nanos, 4 * 9'000) << "within the day's cap";
  EXPECT_EQ(it.hub.probe_spend.state(now_s()).spent.nanos, 4 * 9'000);
  EXPECT_THAT(it.hub.metrics.text(), HasSubstr(R"(sluice_probes_total{provider="alpha",outcome="whole"} 2)"));
}

TEST(hub_gateway_probes, send_nothing_where_nobody_named_a_model_or_only_this_machine_may_answer) {
  routing::Wishes stays_here;
  stays_here.local_only = true;
  for (const ProbeOptions& options :
       {ProbeOptions{.models = {}}, ProbeOptions{.local_only = true},
        ProbeOptions{.models = {"nobody-knows-it"}}, ProbeOptions{.wishes = stays_here}}) {
    ProbedHub it(options);
    for (const double later : {0.0, 61.0, 122.0}) it.poll(later);
    EXPECT_EQ(it.alpha.asked + it.beta.asked, 0);
    EXPECT_TRUE(it.hub.records.take().empty());
  }
}

TEST(hub_gateway_probes, keep_to_the_process_promises) {
  routing::Wishes wishes;
  wishes.ignore = {"alpha"};
  {
    ProbedHub it({.wishes = wishes});
    it.poll(0);
    EXPECT_EQ(it.alpha.asked, 0);
    EXPECT_EQ(it.beta.asked, 1);
  }
  wishes = {};
  wishes.zdr = true;
  ProbedHub it({.wishes = wishes});
  it.poll(0);
  EXPECT_EQ(it.alpha.asked + it.beta.asked, 0) << "nobody is known to keep nothing";
}

TEST(hub_gateway_probes, stop_at_their_own_cap_and_at_the_days) {
  {
    // A probe's worst case is some 170 bytes in and 16 tokens out, some 200 micro-dollars; it takes 9.
    ProbedHub it({.per_day = NanoUsd{410'000}});
    int polls = 0;
    for (; polls < 100; ++polls) {
      const int before = it.alpha.asked + it.beta.asked;
      it.poll(61.0 * polls);
      if (it.alpha.asked + it.beta.asked == before) break;
    }
    EXPECT_GT(polls, 5);
    EXPECT_LT(polls, 50);
    EXPECT_LE(it.hub.probe_spend.state(now_s()).spent.nanos, 410'000);
    EXPECT_EQ(it.hub.probe_spend.state(now_s()).reserved.nanos, 0);
    EXPECT_EQ(it.hub.spend->state(now_s()).reserved.nanos, 0);
  }
  for (const bool own : {true, false}) {
    ProbedHub it({.per_day = NanoUsd{own ? 0 : 1'000'000'000}, .spend = NanoUsd{own ? 1'000'000'000 : 0}});
    it.poll(0);
    EXPECT_EQ(it.alpha.asked + it.beta.asked, 0) << own;
    EXPECT_EQ(it.hub.probe_spend.state(now_s()).spent.nanos, 0) << "what was not sent is given back";
    EXPECT_EQ(it.hub.probe_spend.state(now_s()).reserved.nanos, 0);
  }
  ProbedHub free({.per_day = NanoUsd{0}, .spend = NanoUsd{0}}, nullptr);
  free.poll(0);
  EXPECT_EQ(free.alpha.asked, 1) << "on this machine, without a price";
}

TEST(hub_gateway_probes, close_a_circuit_before_a_client_has_to_find_out) {
  ProbedHub it({.health = {.open_first_s = 0.05}});
  it.alpha.broken = true;
  const auto circuit = [&] {
    for (const auto& row : it.hub.health.rows(net::Clock::now()))
      if (row.provider == "alpha") return row.figures.circuit;
    return health::Circuit::closed;
  };
  // Traffic opens it; every answer still came, from beta.
  for (int i = 0; i < 20; ++i) ASSERT_EQ(it.hub.ask(chat_body("m", true)).status(), 200);
  ASSERT_NE(circuit(), health::Circuit::closed);
  it.alpha.broken = false;
  const int before = it.alpha.asked;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (circuit() == health::Circuit::open && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  ASSERT_EQ(circuit(), health::Circuit::half_open);
  it.poll(0);
  EXPECT_EQ(it.alpha.asked, before + 1) << "though traffic is not silent";
  EXPECT_EQ(circuit(), health::Circuit::closed);
  EXPECT_EQ(it.hub.ask(chat_body("m", true)).status(), 200);
}

}  // namespace
}  // namespace sluice::hub::gateway
