// Takes attempts from the event loops and keeps them in a store: a bounded queue, and one thread that writes
// batches, tries again after a failure, and prunes in small steps what retention says. A store that is slow,
// locked, full or gone costs nobody anything: when the queue is full, rows are dropped and counted. Stopping
// writes what is left, for a limited time. Logs the store's state when it changes, not each failure.
//
// add() is for any thread and never waits for the store; the readers below do and belong off the loops.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "hub/telemetry/attempt_record.h"
#include "hub/telemetry/limits.h"
#include "hub/telemetry/record_store.h"

namespace sluice::hub::telemetry {

struct RecordOptions {
  std::chrono::milliseconds flush_interval{500};  // how long a row waits for company
  std::chrono::milliseconds retry_interval{1'000};
  std::chrono::milliseconds prune_interval{60'000};
  std::chrono::milliseconds drain_limit{2'000};
  std::size_t queue_rows_max = kRecordQueueRowsMax;
  std::size_t queue_bytes_max = kRecordQueueBytesMax;
  std::chrono::milliseconds keep_rows{std::chrono::hours(24 * 30)};
  std::chrono::milliseconds keep_roll_ups{std::chrono::hours(24 * 400)};
  std::uint64_t rows_max = std::numeric_limits<std::uint64_t>::max();
  std::function<std::int64_t()> now_ms;  // since 1970; empty: the system's clock
};

class Records final : public RecordSink {
 public:
  // `open` is called on the writing thread, again while it fails.
  using Open = std::function<base::Result<std::unique_ptr<RecordStore>>()>;
  Records(Open open, RecordOptions options);
  ~Records() override;  // stop()
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  void add(AttemptRecord record) override;

  // Blocking readers. unavailable while there is no store. What was added before is seen, unless the store
  // fails or is slower than kRecordSettleLimit; find() sees it even then.
  base::Result<std::vector<StoredAttempt>> list(const RecordQuery& query);
  base::Result<std::vector<StoredAttempt>> find(std::string_view id,
                                                const std::optional<std::string>& key_id);
  // The store itself, once it is open; null when it is not within `limit`.
  std::shared_ptr<RecordStore> store(std::chrono::milliseconds limit = {});

  void stop();  // writes what is left, for drain_limit; later rows are dropped

  struct State {
    std::uint64_t written = 0;
    std::uint64_t dropped = 0;  // no room, refused by the store, or left at the end
    std::size_t queued = 0;
    bool failing = false;
  };
  State state() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void wait_for_work(Lock& lock);
  bool may_go_on() const;
  std::size_t queued() const { return queue_.size() + writing_.size() - begun_; }
  void open_store(Lock& lock);
  void write_batch(Lock& lock);
  void prune(Lock& lock);
  void note_outcome(const base::Status& status);
  void settle();
  std::vector<StoredAttempt> pending(std::string_view id, const std::optional<std::string>& key_id) const;
  std::int64_t now_ms() const;

  // Set once.
  const Open open_;
  const RecordOptions options_;
  // Guarded by mutex_; writing_ is changed with it held, and read by the writing thread without.
  mutable std::mutex mutex_;
  std::condition_variable wake_;     // the writing thread
  std::condition_variable settled_;  // whoever waits for it
  std::shared_ptr<RecordStore> store_;
  std::vector<AttemptRecord> queue_;
  std::vector<AttemptRecord> writing_;
  std::vector<AttemptRecord> spare_;  // of the writing thread alone: empty, for its room
  std::size_t begun_ = 0;             // so many of writing_ are done
  std::size_t bytes_ = 0;             // of both, about
  std::uint64_t added_ = 0;           // taken into the queue
  std::uint64_t written_ = 0, dropped_ = 0;
  bool failing_ = false;
  bool hurry_ = false;
  bool stop_ = false;
  std::chrono::steady_clock::time_point drain_until_ = {};
  // Touched only on the writing thread.
  std::chrono::steady_clock::time_point prune_at_ = {};
  std::thread thread_;
};

}  // namespace sluice::hub::telemetry
