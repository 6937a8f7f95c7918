// The contract of a store of records, for every row of the table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "hub/storage/backend.h"
#include "hub/storage/limits.h"

namespace sluice::hub::storage {
namespace {

using telemetry::AttemptRecord;
using telemetry::kHourMs;
using telemetry::RecordQuery;
using telemetry::RecordStore;
using telemetry::StoredAttempt;
using testing::ElementsAre;

constexpr std::int64_t kNoonMs = 500'000 * kHourMs;

AttemptRecord record(std::string request_id, std::int64_t after_ms, std::uint32_t attempt = 1) {
  AttemptRecord made;
  made.time_ms = kNoonMs + after_ms;
  made.request_id = std::move(request_id);
  made.generation_id = made.request_id;
  made.key_id = "key-1";
  made.route_id = "groq/m";
  made.model = "m";
  made.outcome = "whole";
  made.attempt = attempt;
  return made;
}

AttemptRecord full_record() {
  AttemptRecord made = record("req_1", 17);
  made.generation_id = "gen-1";
  made.endpoint = "/v1/chat/completions";
  made.model_asked = "n\xc3\xa4me '\"; DROP TABLE attempts;--:cheapest";
  made.provider = "groq";
  made.reason = "hedge";
  made.outcome = "cut";
  made.error = "timeout";
  made.verdict = "silent";
  made.status = 200;
  made.streamed = true;
  std::uint64_t count = 0;
  for (const auto& [name, member] : telemetry::kTokenKinds) (made.usage.*member).count = ++count;
  made.usage.reported_cost = base::NanoUsd{7};
  made.has_usage = true;
  made.first_token_s = 0.25;
  made.total_s = 1.5;
  made.cost_expected = base::NanoUsd{0};
  made.cost = base::NanoUsd{123'456'789'012};
  made.cost_reported = true;
  made.charged = base::NanoUsd{55};
  made.explanation_json = R"({"policy":"cheapest"})";
  return made;
}

std::vector<std::string> requests_in(const base::Result<std::vector<StoredAttempt>>& rows) {
  std::vector<std::string> ids;
  for (const StoredAttempt& row : rows.value()) ids.push_back(row.record.request_id);
  return ids;
}

class EveryRecordStore : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-records-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<RecordStore> open() const {
    auto store = GetParam().open_records(folder_ / "records.db");
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }

  std::filesystem::path folder_;
};

TEST_P(EveryRecordStore, gives_back_what_was_put_in) {
  const auto store = open();
  const AttemptRecord in = full_record();
  ASSERT_TRUE(store->append({&in, 1}));
  const auto found = store->find("gen-1", "key-1").value();
  ASSERT_EQ(found.size(), 1u);
  const AttemptRecord& out = found[0].record;
  EXPECT_EQ(out.time_ms, in.time_ms);
  EXPECT_EQ(out.generation_id, in.generation_id);
  EXPECT_EQ(out.request_id, in.request_id);
  EXPECT_EQ(out.key_id, in.key_id);
  EXPECT_EQ(out.endpoint, in.endpoint);
  EXPECT_EQ(out.model_asked, in.model_asked);
  EXPECT_EQ(out.model, in.model);
  EXPECT_EQ(out.route_id, in.route_id);
  EXPECT_EQ(out.provider, in.provider);
  EXPECT_EQ(out.attempt, in.attempt);
  EXPECT_EQ(out.reason, in.reason);
  EXPECT_EQ(out.outcome, in.outcome);
  EXPECT_EQ(out.error, in.error);
  EXPECT_EQ(out.verdict, in.verdict);
  EXPECT_EQ(out.status, in.status);
  EXPECT_TRUE(out.streamed);
  EXPECT_EQ(out.usage, in.usage);
  EXPECT_TRUE(out.has_usage);
  EXPECT_DOUBLE_EQ(out.first_token_s.value(), 0.25);
  EXPECT_DOUBLE_EQ(out.total_s, 1.5);
  EXPECT_EQ(out.cost_expected, base::NanoUsd{0}) << "known to be free";
  EXPECT_EQ(out.cost, in.cost);
  EXPECT_TRUE(out.cost_reported);
  EXPECT_EQ(out.charged, in.charged);
  EXPECT_EQ(store->roll_ups(0, 1'000'000).value().at(0).charged, in.charged);
  EXPECT_EQ(out.explanation_json, in.explanation_json);
}

TEST_P(EveryRecordStore, what_is_unknown_stays_unknown) {
  const auto store = open();
  const AttemptRecord in = record("req_1", 0);
  ASSERT_TRUE(store->append({&in, 1}));
  const AttemptRecord out = store->find("req_1", std::nullopt).value().at(0).record;
  EXPECT_FALSE(out.cost_expected);
  EXPECT_FALSE(out.cost);
  EXPECT_FALSE(out.first_token_s);
  EXPECT_FALSE(out.usage.reported_cost);
  EXPECT_FALSE(out.has_usage);
  EXPECT_EQ(store->roll_ups(0, 1'000'000).value().at(0).cost_unknown, 1u);
}

TEST_P(EveryRecordStore, lists_newest_first_by_key_and_route_in_pages) {
  const auto store = open();
  std::vector<AttemptRecord> rows;
  for (int i = 0; i < 12; ++i) {
    rows.push_back(record("req_" + std::to_string(i), i));
    rows.back().key_id = i % 2 == 0 ? "even" : "odd";
    rows.back().route_id = i % 3 == 0 ? "a" : "b";
    rows.back().explanation_json = "{}";
  }
  ASSERT_TRUE(store->append(rows));
  EXPECT_THAT(requests_in(store->list({.limit = 3})), ElementsAre("req_11", "req_10", "req_9"));
  const auto page = store->list({.limit = 3}).value();
  EXPECT_EQ(page[0].record.explanation_json, "") << "listing stays light";
  EXPECT_THAT(requests_in(store->list({.before_id = page.back().id, .limit = 2})),
              ElementsAre("req_8", "req_7"));
  EXPECT_THAT(requests_in(store->list({.key_id = "odd", .limit = 2})), ElementsAre("req_11", "req_9"));
  EXPECT_THAT(requests_in(store->list({.route_id = "a"})), ElementsAre("req_9", "req_6", "req_3", "req_0"));
  EXPECT_THAT(requests_in(store->list({.key_id = "odd", .route_id = "a"})), ElementsAre("req_9", "req_3"));
  EXPECT_THAT(requests_in(store->list({.key_id = "odd", .since_ms = kNoonMs + 9})),
              ElementsAre("req_11", "req_9"));
  EXPECT_TRUE(store->list({.key_id = "nobody"}).value().empty());
}

TEST_P(EveryRecordStore, finds_a_request_with_all_its_attempts) {
  const auto store = open();
  std::vector<AttemptRecord> rows{record("req_1", 1), record("req_2", 2), record("req_1", 3, 2),
                                  record("req_1", 4, 3)};
  rows[3].generation_id = "gen-1";
  rows[3].explanation_json = R"({"policy":"x"})";
  ASSERT_TRUE(store->append(rows));
  for (const char* id : {"req_1", "gen-1"}) {
    const auto found = store->find(id, "key-1").value();
    ASSERT_EQ(found.size(), 3u) << id;
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(found[i].record.attempt, i + 1);
    EXPECT_EQ(found[2].record.explanation_json, R"({"policy":"x"})");
  }
  EXPECT_TRUE(store->find("req_1", "key-2").value().empty()) << "another key's";
  EXPECT_TRUE(store->find("", std::nullopt).value().empty());
  EXPECT_TRUE(store->find("gen-2", std::nullopt).value().empty());
}

// Clients choose request ids, and may choose one twice.
TEST_P(EveryRecordStore, of_equal_ids_the_latest_request_counts_and_keys_do_not_mix) {
  const auto store = open();
  std::vector<AttemptRecord> rows{record("same", 1), record("same", 2, 2), record("same", 10),
                                  record("same", 20)};
  rows[3].key_id = "key-2";
  ASSERT_TRUE(store->append(rows));
  const auto own = store->find("same", "key-1").value();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].record.time_ms, kNoonMs + 10);
  EXPECT_EQ(store->find("same", std::nullopt).value().at(0).record.key_id, "key-2");
}

TEST_P(EveryRecordStore, shows_so_many_attempts_of_one_request) {
  const auto store = open();
  std::vector<AttemptRecord> rows;
  for (std::uint32_t i = 1; i <= kAttemptsOfRequestMax + 1; ++i) rows.push_back(record("req_1", i, i));
  ASSERT_TRUE(store->append(std::span(rows).first(kAttemptsOfRequestMax)));
  EXPECT_EQ(store->find("req_1", "key-1").value().size(), kAttemptsOfRequestMax);
  ASSERT_TRUE(store->append(std::span(rows).last(1)));
  EXPECT_EQ(store->find("req_1", "key-1").value().size(), kAttemptsOfRequestMax);
}

// More rows than any index keeps together; a loser of a race ends, and is appended, long after the winner.
TEST_P(EveryRecordStore, finds_and_lists_across_twenty_thousand_rows) {
  const auto store = open();
  std::vector<AttemptRecord> rows;
  for (int i = 0; i < 20'000; ++i) {
    rows.push_back(record("req_" + std::to_string(i), i));
    rows.back().key_id = i % 2'000 == 0 ? "rare" : "common";
  }
  rows[5'000] = record("raced", 5'000, 2);
  rows[5'000].generation_id = "gen-raced";
  rows[19'000] = record("raced", 4'990, 1);
  ASSERT_TRUE(store->append(rows));
  const auto raced = store->find("gen-raced", "key-1").value();
  ASSERT_EQ(raced.size(), 2u);
  EXPECT_EQ(raced[0].record.attempt, 1u);
  EXPECT_EQ(raced[1].record.attempt, 2u);
  EXPECT_EQ(store->find("req_3", "common").value().size(), 1u);
  auto page = store->list({.key_id = "rare", .limit = 6}).value();
  ASSERT_EQ(page.size(), 6u);
  EXPECT_EQ(page.front().record.request_id, "req_18000");
  page =
      store->list({.key_id = "rare", .route_id = "groq/m", .before_id = page.back().id, .limit = 6}).value();
  ASSERT_EQ(page.size(), 4u);
  EXPECT_EQ(page.back().record.request_id, "req_0");
  EXPECT_EQ(store->list({.key_id = "rare", .since_ms = kNoonMs + 13'000}).value().size(), 3u);
  // The one that lost began before, whenever it ended.
  EXPECT_EQ(store->list({.since_ms = kNoonMs + 13'000, .limit = 100'000}).value().size(), 6'999u);
  EXPECT_EQ(store->list({.route_id = "groq/m", .limit = 100'000}).value().size(), 20'000u);
}

TEST_P(EveryRecordStore, adds_attempts_up_by_the_hour) {
  const auto store = open();
  std::vector<AttemptRecord> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(record("r", i % 2 == 0 ? 0 : kHourMs));
    rows.back().usage.output.count = 10;
    rows.back().total_s = 0.010 * (i + 1);
    if (i < 50) rows.back().cost = base::NanoUsd{5};
    if (i >= 90) rows.back().outcome = "failed";
  }
  ASSERT_TRUE(store->append(std::span(rows).first(60)));
  ASSERT_TRUE(store->append(std::span(rows).last(40)));
  const auto hours = store->roll_ups(500'000, 500'002).value();
  ASSERT_EQ(hours.size(), 4u) << "two hours by two outcomes";
  std::uint64_t attempts = 0, tokens = 0, unknown = 0;
  std::int64_t cost = 0;
  telemetry::LatencyHistogram total;
  for (const auto& sums : hours) {
    attempts += sums.attempts;
    tokens += sums.tokens[6];
    unknown += sums.cost_unknown;
    cost += sums.cost.nanos;
    total.add(sums.total);
    EXPECT_EQ(sums.attempts, sums.outcome == "whole" ? 45u : 5u);
  }
  EXPECT_EQ(attempts, 100u);
  EXPECT_EQ(tokens, 1000u);
  EXPECT_EQ(unknown, 50u);
  EXPECT_EQ(cost, 250);
  EXPECT_NEAR(total.quantile(0.5).value(), 0.5, 0.06);
  EXPECT_EQ(store->roll_ups(500'001, 500'002).value().size(), 2u);
}

TEST_P(EveryRecordStore, prunes_in_small_steps_the_oldest_first) {
  const auto store = open();
  std::vector<AttemptRecord> rows;
  for (int i = 0; i < 30; ++i) {
    rows.push_back(record("req_" + std::to_string(i), i));
    rows.back().explanation_json = "{}";
  }
  ASSERT_TRUE(store->append(rows));
  const telemetry::Retention by_age{.rows_since_ms = kNoonMs + 10};
  EXPECT_EQ(store->prune(by_age, 4).value(), 4u);
  EXPECT_EQ(store->list({.limit = 100}).value().size(), 26u);
  EXPECT_EQ(store->prune(by_age, 100).value(), 6u);
  EXPECT_EQ(store->prune(by_age, 100).value(), 0u);
  EXPECT_EQ(store->list({.limit = 100}).value().back().record.request_id, "req_10");
  EXPECT_EQ(store->prune({.rows_max = 5}, 100).value(), 15u) << "too many";
  EXPECT_EQ(store->list({.limit = 100}).value().back().record.request_id, "req_25");
  EXPECT_EQ(store->roll_ups(0, 1'000'000).value().size(), 1u) << "outlive their rows";
  EXPECT_EQ(store->prune({.roll_ups_since_hour = 500'001}, 100).value(), 1u);
  EXPECT_TRUE(store->roll_ups(0, 1'000'000).value().empty());
}

TEST_P(EveryRecordStore, serves_several_threads) {
  const auto store = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::vector rows{record(fmt::format("req_{}_{}", t, i), i), record("other", i)};
        EXPECT_TRUE(store->append(rows));
        EXPECT_EQ(store->find(rows[0].request_id, "key-1").value().size(), 1u);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store->list({.limit = 1000}).value().size(), 80u);
}

TEST_P(EveryRecordStore, a_durable_one_keeps_its_content) {
  if (!GetParam().durable) GTEST_SKIP() << "not durable";
  const AttemptRecord in = full_record();
  ASSERT_TRUE(open()->append({&in, 1}));
  EXPECT_EQ(open()->find("req_1", "key-1").value().size(), 1u);
  EXPECT_EQ(open()->roll_ups(0, 1'000'000).value().size(), 1u);
}

TEST_P(EveryRecordStore, two_openers_write_to_a_durable_one) {
  if (!GetParam().durable) GTEST_SKIP() << "not durable";
  const auto one = open(), two = open();
  for (int i = 0; i < 20; ++i) {
    const AttemptRecord row = record("r" + std::to_string(i), 0);  // ids would collide
    ASSERT_TRUE((i % 2 == 0 ? one : two)->append({&row, 1}));
  }
  EXPECT_EQ(one->list({}).value().size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(hub_storage_all_records, EveryRecordStore,
                         testing::ValuesIn(all_backends().begin(), all_backends().end()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace sluice::hub::storage
