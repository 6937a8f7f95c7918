#include "hub/health/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "hub/health/limits.h"

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(1e12 + seconds * 1e9)));
}

constexpr Key kRoute{.route_id = "groq/llama", .provider = "groq", .model = "llama"};
constexpr Key kSister{.route_id = "groq/qwen", .provider = "groq", .model = "qwen"};
constexpr std::int64_t kWall = 1'795'378'530;

Ended whole(double first_token_s, double total_s, std::uint64_t output) {
  tasks::Usage usage;
  usage.input = {.count = 100};
  usage.cached = {.count = 25};
  usage.output = {.count = output};
  return {.first_token_s = first_token_s, .total_s = total_s, .usage = usage, .retry_after_s = {}};
}
Ended failed(Verdict verdict, std::optional<double> retry_after_s = {}) {
  return {
      .verdict = verdict, .first_token_s = {}, .total_s = 0.1, .usage = {}, .retry_after_s = retry_after_s};
}

// One attempt, told of as the conductor does.
void attempt(Health& health, const Key& key, const Ended& ended, double now) {
  const auto ticket = health.begin(key, at(now), 0, true);
  ASSERT_TRUE(ticket);
  health.end(key, *ticket, ended, at(now));
}

TEST(hub_health_health, learns_what_a_stream_shows) {
  Health health;
  for (int i = 0; i < 50; ++i) attempt(health, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  const Figures figures = health.figures(kRoute, at(1));
  EXPECT_NEAR(figures.first_token_s.p50, 0.2, 0.005);
  EXPECT_NEAR(figures.tokens_per_s.p50, 80, 2);
  EXPECT_NEAR(figures.output_tokens.p90, 80, 2);
  EXPECT_NEAR(figures.cache_hit_chance, 0.25, 1e-6);
  EXPECT_LT(figures.failure_chance, 0.01);
  EXPECT_EQ(figures.answer_s.weight, 0);
  // Another route of the model knows how long its answers are, and nothing else.
  const Figures other =
      health.figures({.route_id = "novita/llama", .provider = "novita", .model = "llama"}, at(1));
  EXPECT_GT(other.output_tokens.weight, 40);
  EXPECT_EQ(other.first_token_s.weight, 0);
  EXPECT_NEAR(other.failure_chance, 0.02, 1e-9);
}

TEST(hub_health_health, keeps_whole_answers_apart_from_streams) {
  Health health;
  Ended ended = whole(2, 2, 80);
  ended.streamed = false;
  attempt(health, kRoute, ended, 0);
  EXPECT_NEAR(health.figures(kRoute, at(0)).answer_s.p50, 2, 0.05);
  EXPECT_EQ(health.figures(kRoute, at(0)).first_token_s.weight, 0);
  EXPECT_EQ(health.figures(kRoute, at(0)).tokens_per_s.weight, 0);
}

TEST(hub_health_health, counts_those_in_flight_and_how_long_the_oldest_waits) {
  Health health;
  const auto first = health.begin(kRoute, at(0)), second = health.begin(kRoute, at(1));
  EXPECT_EQ(health.figures(kRoute, at(3)).in_flight, 2);
  EXPECT_EQ(health.figures(kRoute, at(3)).oldest_waiting_s, 3);
  health.note_headers(kRoute, *first, {}, kWall, at(3));
  EXPECT_EQ(health.figures(kRoute, at(3)).oldest_waiting_s, 2);
  const auto third = health.begin(kRoute, at(4));  // takes the first one's place
  health.end(kRoute, *first, whole(1, 2, 3), at(5));
  health.end(kRoute, *second, whole(1, 2, 3), at(5));
  EXPECT_EQ(health.figures(kRoute, at(6)).oldest_waiting_s, 2);
  health.end(kRoute, *third, whole(1, 2, 3), at(6));
  EXPECT_EQ(health.figures(kRoute, at(6)).in_flight, 0);
  EXPECT_FALSE(health.figures(kRoute, at(6)).oldest_waiting_s);
}

TEST(hub_health_health, opens_the_circuit_and_says_until_when) {
  Health health;
  for (int i = 0; i < 5; ++i) attempt(health, kRoute, failed(Verdict::overloaded), 0);
  EXPECT_EQ(health.figures(kRoute, at(0)).circuit, Circuit::open);
  EXPECT_EQ(health.figures(kRoute, at(0)).retry_at, at(2));
  EXPECT_GT(health.figures(kRoute, at(0)).failure_chance, 0.4);
  EXPECT_FALSE(health.begin(kRoute, at(1)));
  EXPECT_TRUE(health.begin(kSister, at(1)));  // the other models of the account go on
  const auto trial = health.begin(kRoute, at(5));
  ASSERT_TRUE(trial);
  EXPECT_FALSE(health.begin(kRoute, at(5)));
  health.end(kRoute, *trial, failed(Verdict::not_its_fault), at(5));  // a trial without a lesson
  EXPECT_TRUE(health.begin(kRoute, at(5)));
}

TEST(hub_health_health, does_not_hold_an_outage_against_a_route_that_works_again) {
  Health health;
  for (int i = 0; i < 50; ++i) attempt(health, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  std::vector<Ticket> silent;
  for (int i = 0; i < 500; ++i) silent.push_back(*health.begin(kRoute, at(1)));
  for (const Ticket& ticket : silent) health.end(kRoute, ticket, failed(Verdict::silent), at(11));
  EXPECT_EQ(health.figures(kRoute, at(11)).circuit, Circuit::open);
  attempt(health, kRoute, whole(0.2, 1.2, 80), 16);
  EXPECT_EQ(health.figures(kRoute, at(16)).circuit, Circuit::closed);
  EXPECT_LT(health.figures(kRoute, at(16)).failure_chance, 0.05);
}

TEST(hub_health_health, hears_that_it_works_with_the_first_token) {
  Health health;
  for (int i = 0; i < 50; ++i) attempt(health, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  std::vector<Ticket> before;
  for (int i = 0; i < 20; ++i) before.push_back(*health.begin(kRoute, at(1)));
  for (int i = 0; i < 10; ++i) health.end(kRoute, before[i], failed(Verdict::overloaded), at(1));
  ASSERT_EQ(health.figures(kRoute, at(1)).circuit, Circuit::open);
  auto trial = health.begin(kRoute, at(3));
  ASSERT_TRUE(trial);
  health.note_first_token(kRoute, *trial, at(3.25));
  EXPECT_EQ(health.figures(kRoute, at(3.25)).circuit, Circuit::closed);
  const double seen = health.figures(kRoute, at(3.25)).first_token_s.weight;
  EXPECT_GT(seen, 45);
  // Those that left before it closed and fail only now are of the outage.
  for (int i = 10; i < 20; ++i) health.end(kRoute, before[i], failed(Verdict::silent), at(4));
  EXPECT_EQ(health.figures(kRoute, at(4)).circuit, Circuit::closed);
  EXPECT_LT(health.figures(kRoute, at(4)).failure_chance, 0.05);
  // Told once, it counts once.
  const double attempts = health.figures(kRoute, at(4)).attempts;
  health.end(kRoute, *trial, whole(0.25, 1.25, 80), at(4));
  EXPECT_NEAR(health.figures(kRoute, at(4)).attempts, attempts, 1e-9);
  EXPECT_LE(health.figures(kRoute, at(4)).first_token_s.weight, seen);
  // A cut after it is a failure all the same.
  auto cut = health.begin(kRoute, at(5));
  health.note_first_token(kRoute, *cut, at(5));
  health.end(kRoute, *cut, failed(Verdict::cut), at(5));
  EXPECT_GT(health.figures(kRoute, at(5)).failure_chance, 0.1);
}

TEST(hub_health_health, notices_silence_before_the_first_has_timed_out) {
  Health health;
  for (int i = 0; i < 50; ++i) attempt(health, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  std::vector<Ticket> waiting;
  for (int i = 0; i < 6; ++i) waiting.push_back(*health.begin(kRoute, at(1 + i * 0.01)));
  EXPECT_TRUE(health.begin(kRoute, at(1.9))) << "a second is always given";
  // Whoever left later and was heard of shows that they are only slow.
  Health slow;
  for (int i = 0; i < 50; ++i) attempt(slow, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  for (int i = 0; i < 6; ++i) slow.begin(kRoute, at(1 + i * 0.01));
  slow.note_headers(kRoute, *slow.begin(kRoute, at(1.5)), {}, kWall, at(1.6));
  EXPECT_TRUE(slow.begin(kRoute, at(5)));
  EXPECT_FALSE(health.begin(kRoute, at(2.1)));
  EXPECT_EQ(health.figures(kRoute, at(2.1)).circuit, Circuit::open);
  // Four may be chance, and of a route never heard of nothing is known.
  Health few, young;
  for (int i = 0; i < 50; ++i) attempt(few, kRoute, whole(0.2, 1.2, 80), i * 0.01);
  for (int i = 0; i < 4; ++i) few.begin(kRoute, at(1));
  for (int i = 0; i < 10; ++i) young.begin(kRoute, at(1));
  EXPECT_TRUE(few.begin(kRoute, at(5)));
  EXPECT_TRUE(young.begin(kRoute, at(5)));
}

TEST(hub_health_health, takes_a_limit_for_no_illness) {
  Health health;
  for (int i = 0; i < 20; ++i) attempt(health, kRoute, failed(Verdict::rate_limited, 3.0), 0);
  EXPECT_LE(health.figures(kRoute, at(0)).failure_chance, 0.02);
  EXPECT_EQ(health.figures(kRoute, at(0)).circuit, Circuit::closed);
  EXPECT_GE(health.figures(kRoute, at(0)).retry_at, at(3));
  EXPECT_FALSE(health.begin(kRoute, at(1)));
  EXPECT_TRUE(health.begin(kRoute, at(1), 0, true));
}

TEST(hub_health_health, waits_as_long_as_an_overloaded_provider_says) {
  Health health;
  attempt(health, kRoute, failed(Verdict::overloaded, 4.0), 0);
  EXPECT_EQ(health.figures(kRoute, at(0)).retry_at, at(4));
  EXPECT_FALSE(health.figures(kRoute, at(4)).retry_at);
}

TEST(hub_health_health, shares_the_limits_of_an_account) {
  Health health;
  const auto ticket = health.begin(kRoute, at(0));
  const Field fields[] = {{"ratelimit-remaining", "1"}, {"ratelimit-reset", "9"}};
  health.note_headers(kRoute, *ticket, fields, kWall, at(0));
  EXPECT_EQ(health.figures(kSister, at(0)).requests_left, 1);
  EXPECT_TRUE(health.begin(kSister, at(0)));
  EXPECT_FALSE(health.begin(kRoute, at(0)));
  EXPECT_EQ(health.figures(kRoute, at(0)).retry_at, at(9.1));
}

TEST(hub_health_health, keeps_the_limits_of_a_model_to_it) {
  Health health;
  const auto ticket = health.begin(kRoute, at(0));
  const Field fields[] = {{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "9"}};
  health.note_headers(kRoute, *ticket, fields, kWall, at(0));
  EXPECT_FALSE(health.begin(kRoute, at(0)));
  EXPECT_TRUE(health.begin(kSister, at(0)));
}

TEST(hub_health_health, is_not_charged_for_what_did_not_leave) {
  Health health;
  auto ticket = health.begin(kSister, at(0));
  const Field fields[] = {{"ratelimit-remaining", "5"}, {"ratelimit-reset", "99"}};
  health.note_headers(kSister, *ticket, fields, kWall, at(0));
  for (int i = 0; i < 5; ++i) attempt(health, kRoute, failed(Verdict::connection), 0);
  EXPECT_EQ(health.figures(kSister, at(0)).requests_left, 0);
  EXPECT_EQ(health.rows(at(0))[0].attempts_total, 5);
  health.note_headers(kSister, *ticket, fields, kWall, at(0));
  ticket = health.begin(kSister, at(0), 0, true);
  health.note_headers(kSister, *ticket, fields, kWall, at(0));
  EXPECT_FALSE(health.begin(kRoute, at(0)));
  EXPECT_EQ(health.figures(kSister, at(0)).requests_left, 5);
}

TEST(hub_health_health, counts_a_given_up_wait_as_at_least_so_long) {
  Health health;
  for (int i = 0; i < 97; ++i) attempt(health, kRoute, whole(0.5, 1, 10), i * 0.01);
  Ended lost = failed(Verdict::not_its_fault);
  lost.total_s = 2;
  for (int i = 0; i < 3; ++i) attempt(health, kRoute, lost, 1);
  Ended left = failed(Verdict::not_its_fault);
  left.total_s = 0.1;  // says nothing
  for (int i = 0; i < 50; ++i) attempt(health, kRoute, left, 1);
  const Figures figures = health.figures(kRoute, at(1.2));
  EXPECT_NEAR(figures.first_token_s.p50, 0.5, 0.02);
  EXPECT_NEAR(figures.first_token_s.p99, 2, 0.1);
}

TEST(hub_health_health, begins_warm_with_what_was_kept) {
  Health health;
  for (int i = 60; i > 0; --i) health.seed(kRoute, whole(0.3, 1.3, 50), i, at(0));
  for (int i = 10; i > 0; --i) health.seed(kRoute, failed(Verdict::overloaded), i, at(0));
  const Figures figures = health.figures(kRoute, at(0));
  EXPECT_NEAR(figures.first_token_s.p50, 0.3, 0.01);
  EXPECT_NEAR(figures.first_token_s.weight, 43, 3);
  EXPECT_GT(figures.failure_chance, 0.1);
  EXPECT_EQ(figures.circuit, Circuit::closed);
  EXPECT_EQ(figures.in_flight, 0);
}

TEST(hub_health_health, forgets_the_route_not_heard_of_for_longest) {
  Health health;
  for (std::size_t i = 0; i < kRoutesMax; ++i) {
    const std::string id = "r" + std::to_string(i);
    attempt(health, {.route_id = id, .provider = "p", .model = "m"}, whole(0.1, 1, 9),
            static_cast<double>(i));
  }
  attempt(health, {.route_id = "r0", .provider = "p", .model = "m"}, whole(0.1, 1, 9), 1e5);
  EXPECT_EQ(health.rows(at(1e5)).size(), kRoutesMax);
  attempt(health, {.route_id = "new", .provider = "p", .model = "m"}, whole(0.1, 1, 9), 1e5);
  EXPECT_EQ(health.rows(at(1e5)).size(), kRoutesMax);
  EXPECT_GT(health.figures({.route_id = "r0", .provider = "p", .model = "m"}, at(1e5)).attempts, 0);
  EXPECT_EQ(health.figures({.route_id = "r1", .provider = "p", .model = "m"}, at(1e5)).attempts, 0);
}

TEST(hub_health_health, cuts_a_name_at_its_limit) {
  Health health;
  const std::string id(kKeyBytesMax, 'x'), longer = id + "y";
  attempt(health, {.route_id = longer, .provider = longer, .model = longer}, whole(0.1, 1, 9), 0);
  EXPECT_EQ(health.rows(at(0))[0].route_id, id);
}

TEST(hub_health_health, may_be_used_by_many_threads) {
  Health health;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&health, t] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string id = "r" + std::to_string((i + t) % 7);
        const Key key{.route_id = id, .provider = "p", .model = "m"};
        const auto ticket = health.begin(key, at(i * 0.001), 10, true);
        health.note_gap(key, 0.01, at(i * 0.001));
        const Field field{"x-ratelimit-remaining", "100000"};
        health.note_headers(key, *ticket, std::span(&field, 1), kWall, at(i * 0.001));
        static_cast<void>(health.figures(key, at(i * 0.001)));
        if (i % 100 == 0) static_cast<void>(health.rows(at(i * 0.001)));
        health.end(key, *ticket, i % 50 == 0 ? failed(Verdict::silent) : whole(0.1, 0.5, 20), at(i * 0.001));
      }
    });
  for (auto& thread : threads) thread.join();
  std::uint64_t attempts = 0;
  for (const Row& row : health.rows(at(2))) {
    attempts += row.attempts_total;
    EXPECT_EQ(row.figures.in_flight, 0);
  }
  EXPECT_EQ(attempts, 8'000);
}

}  // namespace
}  // namespace sluice::hub::health
