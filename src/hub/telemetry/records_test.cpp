#include "hub/telemetry/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>

namespace sluice::hub::telemetry {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

// A store whose trouble the test decides.
struct Shelf {
  mutable std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  std::vector<AttemptRecord> rows;
  std::vector<std::size_t> batches;
  std::vector<Retention> prunings;
  std::size_t old_rows = 0;  // for prune() to find
  bool held = false;         // append() waits while it is
  bool entered = false;      // append() was called
  ErrorCode trouble{};       // with failing
  bool failing = false;
  bool opens = true;

  void set(const std::function<void(Shelf&)>& change) {
    const std::lock_guard lock(mutex);
    change(*this);
    changed.notify_all();
  }
  bool wait(const std::function<bool(const Shelf&)>& until) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return until(*this); });
  }
};

class ShelfStore final : public RecordStore {
 public:
  explicit ShelfStore(Shelf& shelf) : shelf_(shelf) {}

  Status append(std::span<const AttemptRecord> records) override {
    std::unique_lock lock(shelf_.mutex);
    shelf_.entered = true;
    shelf_.changed.notify_all();
    shelf_.changed.wait(lock, [&] { return !shelf_.held; });
    if (shelf_.failing) return fail(shelf_.trouble, "trouble");
    shelf_.rows.insert(shelf_.rows.end(), records.begin(), records.end());
    shelf_.batches.push_back(records.size());
    shelf_.changed.notify_all();
    return {};
  }
  Result<std::vector<StoredAttempt>> list(const RecordQuery&) override { return all(); }
  Result<std::vector<StoredAttempt>> find(std::string_view, const std::optional<std::string>&) override {
    return all();
  }
  Result<std::vector<RollUp>> roll_ups(std::int64_t, std::int64_t) override { return std::vector<RollUp>(); }
  Result<std::size_t> prune(const Retention& keep, std::size_t most) override {
    const std::lock_guard lock(shelf_.mutex);
    shelf_.prunings.push_back(keep);
    const std::size_t removed = std::min(most, shelf_.old_rows);
    shelf_.old_rows -= removed;
    shelf_.changed.notify_all();
    return removed;
  }

 private:
  std::vector<StoredAttempt> all() const {
    const std::lock_guard lock(shelf_.mutex);
    std::vector<StoredAttempt> out;
    for (const AttemptRecord& row : shelf_.rows) out.push_back({.id = 1, .record = row});
    return out;
  }
  Shelf& shelf_;
};

AttemptRecord row(std::string request_id, std::string key_id = "key-1", std::uint32_t attempt = 1) {
  AttemptRecord made;
  made.request_id = std::move(request_id);
  made.key_id = std::move(key_id);
  made.attempt = attempt;
  return made;
}

class hub_telemetry_records : public testing::Test {
 protected:
  Records::Open opener() {
    return [this]() -> Result<std::unique_ptr<RecordStore>> {
      const std::lock_guard lock(shelf_.mutex);
      if (!shelf_.opens) return fail(ErrorCode::io_failed, "no such disk");
      return std::make_unique<ShelfStore>(shelf_);
    };
  }
  static RecordOptions quick() {
    RecordOptions options;
    options.flush_interval = 5ms;
    options.retry_interval = 5ms;
    options.drain_limit = 20s;
    options.now_ms = [] { return std::int64_t{1'000} * kHourMs; };
    return options;
  }

  Shelf shelf_;
};

TEST_F(hub_telemetry_records, are_written_in_order_and_in_batches) {
  Records records(opener(), quick());
  for (std::size_t i = 0; i < 2 * kRecordBatchRows + 5; ++i) records.add(row(std::to_string(i)));
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.rows.size() == 2 * kRecordBatchRows + 5; }));
  for (std::size_t i = 0; i < shelf_.rows.size(); ++i)
    ASSERT_EQ(shelf_.rows[i].request_id, std::to_string(i));
  for (const std::size_t batch : shelf_.batches) EXPECT_LE(batch, kRecordBatchRows);
  records.stop();
  EXPECT_EQ(records.state().written, 2 * kRecordBatchRows + 5);
  EXPECT_EQ(records.state().dropped, 0u);
}

TEST_F(hub_telemetry_records, a_store_that_hangs_delays_nobody_and_the_queue_has_an_end) {
  shelf_.held = true;
  RecordOptions options = quick();
  options.queue_rows_max = 10;
  Records records(opener(), options);
  records.add(row("0"));
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.entered; }));
  // The store holds on to the first; none of these waits for it, or the test would never end.
  for (int i = 1; i < 100; ++i) records.add(row(std::to_string(i)));
  EXPECT_EQ(records.state().queued, 10u);
  EXPECT_EQ(records.state().dropped, 90u);
  shelf_.set([](Shelf& s) { s.held = false; });
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.rows.size() == 10; }));
  EXPECT_EQ(shelf_.rows.back().request_id, "9") << "what was there first is kept";
}

TEST_F(hub_telemetry_records, the_queue_is_bounded_in_bytes_too) {
  shelf_.held = true;
  RecordOptions options = quick();
  options.queue_bytes_max = 100'000;
  Records records(opener(), options);
  AttemptRecord large = row("large");
  large.explanation_json.assign(kExplanationBytesMax, 'x');
  for (int i = 0; i < 20; ++i) records.add(large);
  EXPECT_EQ(records.state().queued, 5u);
  EXPECT_EQ(records.state().dropped, 15u);
  shelf_.set([](Shelf& s) { s.held = false; });
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.rows.size() == 5; }));
  // settled only after the count: stop() joins
  records.stop();
  EXPECT_EQ(records.state().queued, 0u);
}

TEST_F(hub_telemetry_records, texts_are_cut_at_their_limit) {
  Records records(opener(), quick());
  AttemptRecord edge = row(std::string(kRecordTextBytesMax, 'r'));
  edge.model_asked = std::string(kRecordTextBytesMax - 1, 'm') + "\xc3\xa4";
  edge.explanation_json.assign(kExplanationBytesMax, 'x');
  records.add(edge);
  edge.request_id += "r";
  edge.explanation_json += "x";
  records.add(edge);
  records.stop();
  ASSERT_EQ(shelf_.rows.size(), 2u);
  EXPECT_EQ(shelf_.rows[0].model_asked, std::string(kRecordTextBytesMax - 1, 'm'))
      << "not inside a character";
  EXPECT_EQ(shelf_.rows[1].request_id.size(), kRecordTextBytesMax);
  EXPECT_EQ(shelf_.rows[0].explanation_json.size(), kExplanationBytesMax);
  EXPECT_EQ(shelf_.rows[1].explanation_json, "");
}

TEST_F(hub_telemetry_records, a_failing_store_is_tried_again_and_nothing_is_lost) {
  shelf_.failing = true;
  shelf_.trouble = ErrorCode::unavailable;
  Records records(opener(), quick());
  records.add(row("1"));
  records.add(row("2"));
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.entered; }));
  EXPECT_EQ(records.find("2", "key-1").value().size(), 1u) << "seen though it is not stored";
  EXPECT_TRUE(records.find("2", "key-2").value().empty());
  shelf_.set([](Shelf& s) { s.failing = false; });
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.rows.size() == 2; }));
  records.stop();
  EXPECT_FALSE(records.state().failing);
}

TEST_F(hub_telemetry_records, rows_that_the_store_can_never_take_are_dropped) {
  shelf_.failing = true;
  shelf_.trouble = ErrorCode::conflict;
  Records records(opener(), quick());
  records.add(row("1"));
  records.stop();
  EXPECT_EQ(records.state().dropped, 1u);
}

TEST_F(hub_telemetry_records, a_store_that_does_not_open_is_opened_later) {
  shelf_.opens = false;
  Records records(opener(), quick());
  records.add(row("1"));
  EXPECT_EQ(records.store(20s), nullptr) << "and says so at once";
  const auto listed = records.list({});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, ErrorCode::unavailable);
  shelf_.set([](Shelf& s) { s.opens = true; });
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.rows.size() == 1; }));
  EXPECT_NE(records.store(20s), nullptr);
}

TEST_F(hub_telemetry_records, readers_see_what_was_added_before) {
  RecordOptions options = quick();
  options.flush_interval = 1h;
  Records records(opener(), options);
  for (int i = 0; i < 3; ++i) {
    records.add(row(std::to_string(i)));
    EXPECT_EQ(records.list({}).value().size(), static_cast<std::size_t>(i) + 1);
  }
}

TEST_F(hub_telemetry_records, of_those_that_wait_the_latest_request_counts) {
  shelf_.held = true;
  Records records(opener(), quick());
  for (auto& one : {row("a"), row("a", "key-1", 2), row("a"), row("a", "key-1", 2), row("a", "key-2")})
    records.add(one);
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.entered; }));
  EXPECT_EQ(records.find("a", "key-1").value().size(), 2u);
  EXPECT_EQ(records.find("a", std::nullopt).value().size(), 1u);
  shelf_.set([](Shelf& s) { s.held = false; });
}

TEST_F(hub_telemetry_records, stopping_writes_what_is_left) {
  RecordOptions options = quick();
  options.flush_interval = 1h;
  Records records(opener(), options);
  for (int i = 0; i < 50; ++i) records.add(row(std::to_string(i)));
  records.stop();
  EXPECT_EQ(shelf_.rows.size(), 50u);
  records.add(row("late"));
  EXPECT_EQ(records.state().dropped, 1u);
}

TEST_F(hub_telemetry_records, stopping_has_a_limit) {
  shelf_.failing = true;
  shelf_.trouble = ErrorCode::io_failed;
  RecordOptions options = quick();
  options.drain_limit = 30ms;
  Records records(opener(), options);
  records.add(row("1"));
  records.stop();  // would hang without it
  EXPECT_EQ(records.state().dropped, 1u);
  EXPECT_TRUE(shelf_.rows.empty());
}

TEST_F(hub_telemetry_records, prunes_by_its_clock_in_steps_until_nothing_is_left) {
  shelf_.old_rows = 2 * kRecordPruneRows + 1;
  RecordOptions options = quick();
  options.keep_rows = 10h;
  options.keep_roll_ups = 100h;
  options.rows_max = 77;
  const Records records(opener(), options);
  ASSERT_TRUE(shelf_.wait([](const Shelf& s) { return s.prunings.size() == 3; }));
  EXPECT_EQ(shelf_.old_rows, 0u);
  EXPECT_EQ(shelf_.prunings[0].rows_since_ms, 990 * kHourMs);
  EXPECT_EQ(shelf_.prunings[0].roll_ups_since_hour, 900);
  EXPECT_EQ(shelf_.prunings[0].rows_max, 77u);
}

TEST_F(hub_telemetry_records, takes_rows_from_several_threads) {
  Records records(opener(), quick());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) records.add(row(std::to_string(i)));
    });
  for (auto& thread : threads) thread.join();
  records.stop();
  EXPECT_EQ(shelf_.rows.size(), 2000u);
}

}  // namespace
}  // namespace sluice::hub::telemetry
