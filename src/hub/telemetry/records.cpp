#include "hub/telemetry/records.h"

#include <sys/resource.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/log.h"

namespace sluice::hub::telemetry {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using std::chrono::steady_clock;

constexpr int kWriterNice = 5;  // where cores are scarce, requests go before their records
constexpr std::size_t kRowBytes =
    sizeof(AttemptRecord) + 250;  // about what a row takes, its explanation apart

std::size_t bytes_of(const AttemptRecord& record) {
  return kRowBytes + record.explanation_json.size();
}

std::size_t bytes_of(std::span<const AttemptRecord> rows) {
  std::size_t bytes = 0;
  for (const AttemptRecord& row : rows) bytes += bytes_of(row);
  return bytes;
}

// Never inside a character.
void cut(std::string& text) {
  if (text.size() <= kRecordTextBytesMax) return;
  std::size_t end = kRecordTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

void bound_texts(AttemptRecord& record) {
  for (std::string* text : {&record.generation_id, &record.request_id, &record.key_id, &record.endpoint,
                            &record.model_asked, &record.model, &record.route_id, &record.provider,
                            &record.reason, &record.outcome, &record.error, &record.verdict})
    cut(*text);
  if (record.explanation_json.size() > kExplanationBytesMax) record.explanation_json.clear();
}

// Worth another try; anything else would fail again for ever.
bool may_pass(const base::Error& error) {
  return error.code != ErrorCode::conflict && error.code != ErrorCode::invalid_argument;
}

}  // namespace

Records::Records(Open open, RecordOptions options)
    : open_(std::move(open)), options_(std::move(options)), thread_([this] { run(); }) {}

Records::~Records() {
  stop();
}

void Records::add(AttemptRecord record) {
  bound_texts(record);
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = bytes_of(record);
  if (stop_ || queued() >= options_.queue_rows_max || bytes_ + bytes > options_.queue_bytes_max) {
    ++dropped_;
    return;
  }
  ++added_;
  bytes_ += bytes;
  queue_.push_back(std::move(record));
  // The first one starts the writer's wait, a full batch ends it; the others wake nobody.
  if (queue_.size() == 1 || queue_.size() == kRecordBatchRows) wake_.notify_one();
}

void Records::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_) drain_until_ = steady_clock::now() + options_.drain_limit;
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Records::may_go_on() const {
  if (!stop_) return true;
  return queued() > 0 && steady_clock::now() < drain_until_;
}

void Records::run() {
  setpriority(PRIO_PROCESS, 0, kWriterNice);  // of this thread, on Linux
  Lock lock(mutex_);
  prune_at_ = steady_clock::now() + options_.flush_interval;
  for (;;) {
    if (store_ == nullptr) open_store(lock);
    if (store_ != nullptr) write_batch(lock);
    if (store_ != nullptr && !stop_ && steady_clock::now() >= prune_at_) prune(lock);
    if (!may_go_on()) break;
    if (writing_.empty() || failing_) wait_for_work(lock);
  }
  const std::size_t lost = queued();
  dropped_ += lost;
  queue_.clear();
  writing_.clear();
  begun_ = 0;
  settled_.notify_all();
  if (lost > 0)
    base::LogLine(base::LogLevel::error, "records lost at the end")
        .number("rows", static_cast<std::int64_t>(lost))
        .write();
}

void Records::open_store(Lock& lock) {
  lock.unlock();
  auto opened = open_();
  const Status status = opened ? Status{} : base::fail(opened.error());
  lock.lock();
  if (opened) store_ = *std::move(opened);
  note_outcome(status);
  settled_.notify_all();
}

void Records::wait_for_work(Lock& lock) {
  if (failing_) {
    const bool stopping = stop_;
    const auto until = steady_clock::now() + options_.retry_interval;
    wake_.wait_until(lock, stopping ? std::min(until, drain_until_) : until,
                     [&] { return hurry_ || stop_ != stopping; });
    hurry_ = false;
    return;
  }
  wake_.wait_until(lock, prune_at_, [this] { return stop_ || !queue_.empty(); });
  if (queue_.empty()) return;
  wake_.wait_for(lock, options_.flush_interval,
                 [this] { return stop_ || hurry_ || queue_.size() >= kRecordBatchRows; });
}

// One transaction of what waits, in order.
void Records::write_batch(Lock& lock) {
  if (writing_.empty()) writing_.swap(queue_);
  if (writing_.empty()) return;
  const std::span left = std::span<const AttemptRecord>(writing_).subspan(begun_);
  const std::span rows = left.first(std::min(left.size(), kRecordBatchRows));
  lock.unlock();
  const Status status = store_->append(rows);
  const std::size_t bytes = bytes_of(rows);
  lock.lock();
  note_outcome(status);
  if (!status && may_pass(status.error())) return;
  (status ? written_ : dropped_) += rows.size();
  bytes_ -= bytes;
  begun_ += rows.size();
  if (queue_.empty()) hurry_ = false;
  settled_.notify_all();
  if (begun_ < writing_.size()) return;
  begun_ = 0;
  // Freeing thousands of texts takes a millisecond: the loops, which want the lock for every request, do not
  // wait for it.
  std::vector<AttemptRecord> done = std::exchange(writing_, std::move(spare_));
  spare_.clear();
  lock.unlock();
  const bool large = done.capacity() > 2 * kRecordBatchRows;  // a burst made it so: given back
  done.clear();
  if (!large) spare_ = std::move(done);
  lock.lock();
}

void Records::prune(Lock& lock) {
  const std::int64_t now = now_ms();
  const Retention keep{.rows_since_ms = now - options_.keep_rows.count(),
                       .roll_ups_since_hour = (now - options_.keep_roll_ups.count()) / kHourMs,
                       .rows_max = options_.rows_max};
  lock.unlock();
  const auto removed = store_->prune(keep, kRecordPruneRows);
  lock.lock();
  note_outcome(removed ? Status{} : base::fail(removed.error()));
  // While there is more, a step after each batch.
  const bool more = removed && *removed >= kRecordPruneRows;
  prune_at_ = steady_clock::now() + (more ? std::chrono::milliseconds(5) : options_.prune_interval);
}

void Records::note_outcome(const Status& status) {
  if (status.has_value() != failing_) return;
  failing_ = !status.has_value();
  settled_.notify_all();
  if (failing_)
    base::LogLine(base::LogLevel::error, "record store failing; requests go on, their records wait")
        .text("error", status.error().message)
        .write();
  else
    base::LogLine(base::LogLevel::info, "record store works again").write();
}

std::int64_t Records::now_ms() const {
  if (options_.now_ms) return options_.now_ms();
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Until what was added before is in the store, within kRecordSettleLimit.
void Records::settle() {
  Lock lock(mutex_);
  if (queued() == 0) return;
  const std::uint64_t wanted = added_;
  hurry_ = true;
  wake_.notify_one();
  settled_.wait_for(lock, kRecordSettleLimit,
                    [&] { return failing_ || stop_ || added_ - queued() >= wanted; });
}

std::shared_ptr<RecordStore> Records::store(std::chrono::milliseconds limit) {
  Lock lock(mutex_);
  settled_.wait_for(lock, limit, [&] { return store_ != nullptr || failing_; });
  return store_;
}

Result<std::vector<StoredAttempt>> Records::list(const RecordQuery& query) {
  settle();
  const auto from = store();
  if (from == nullptr) return base::fail(ErrorCode::unavailable, "the store of records does not open");
  return from->list(query);
}

std::vector<StoredAttempt> Records::pending(std::string_view id,
                                            const std::optional<std::string>& key_id) const {
  const std::lock_guard lock(mutex_);
  const auto matches = [&](const AttemptRecord& row) {
    return (row.request_id == id || row.generation_id == id) && (!key_id || row.key_id == *key_id);
  };
  const std::span<const AttemptRecord> all[] = {std::span<const AttemptRecord>(writing_).subspan(begun_),
                                                std::span<const AttemptRecord>(queue_)};
  const AttemptRecord* newest = nullptr;
  for (const auto& rows : all)
    for (const AttemptRecord& row : rows)
      if (matches(row)) newest = &row;
  std::vector<StoredAttempt> out;
  if (newest == nullptr) return out;
  for (const auto& rows : all)
    for (const AttemptRecord& row : rows) {
      if (row.request_id != newest->request_id || row.key_id != newest->key_id) continue;
      if (row.attempt == 1) out.clear();  // of an earlier request with the same id
      out.push_back({.id = 0, .record = row});
    }
  return out;
}

Result<std::vector<StoredAttempt>> Records::find(std::string_view id,
                                                 const std::optional<std::string>& key_id) {
  settle();
  auto waiting = pending(id, key_id);
  if (!waiting.empty()) return waiting;
  const auto from = store();
  if (from == nullptr) return base::fail(ErrorCode::unavailable, "the store of records does not open");
  return from->find(id, key_id);
}

Records::State Records::state() const {
  const std::lock_guard lock(mutex_);
  return {.written = written_, .dropped = dropped_, .queued = queued(), .failing = failing_};
}

}  // namespace sluice::hub::telemetry
