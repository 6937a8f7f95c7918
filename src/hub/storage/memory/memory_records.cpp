#include "hub/storage/memory/memory_records.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <ranges>

#include "hub/storage/limits.h"

namespace sluice::hub::storage {
namespace {

using base::Result;
using base::Status;
using telemetry::AttemptRecord;
using telemetry::RollUp;
using telemetry::StoredAttempt;

class MemoryRecords final : public telemetry::RecordStore {
 public:
  Status append(std::span<const AttemptRecord> records) override {
    const std::lock_guard lock(mutex_);
    for (const AttemptRecord& record : records) rows_.emplace(++last_id_, record);
    for (const RollUp& sums : telemetry::roll_up(records)) {
      const auto known = std::ranges::find_if(hours_, [&](const auto& one) { return one.same_group(sums); });
      known == hours_.end() ? hours_.push_back(sums) : known->add(sums);
    }
    return {};
  }

  Result<std::vector<StoredAttempt>> list(const telemetry::RecordQuery& query) override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredAttempt> out;
    for (const auto& [id, record] : std::views::reverse(rows_)) {
      if (out.size() == query.limit) break;
      if (id >= query.before_id || record.time_ms < query.since_ms) continue;
      if (query.key_id && *query.key_id != record.key_id) continue;
      if (!query.route_id.empty() && query.route_id != record.route_id) continue;
      out.push_back({id, record});
      out.back().record.explanation_json.clear();
    }
    return out;
  }

  Result<std::vector<StoredAttempt>> find(std::string_view id,
                                          const std::optional<std::string>& key_id) override {
    const std::lock_guard lock(mutex_);
    const auto newest = [&](const std::string AttemptRecord::* name) -> const AttemptRecord* {
      for (const auto& [row, record] : std::views::reverse(rows_))
        if (record.*name == id && (!key_id || *key_id == record.key_id)) return &record;
      return nullptr;
    };
    const AttemptRecord* one = newest(&AttemptRecord::request_id);
    if (one == nullptr) one = newest(&AttemptRecord::generation_id);
    std::vector<StoredAttempt> out;
    if (one == nullptr) return out;
    for (const auto& [row, record] : std::views::reverse(rows_)) {
      if (record.request_id != one->request_id || record.key_id != one->key_id) continue;
      out.push_back({row, record});
      if (out.size() == kAttemptsOfRequestMax) break;
    }
    return telemetry::latest_request(std::move(out));
  }

  Result<std::vector<RollUp>> roll_ups(std::int64_t since_hour, std::int64_t until_hour) override {
    const std::lock_guard lock(mutex_);
    std::vector<RollUp> out;
    for (const RollUp& sums : hours_)
      if (sums.hour >= since_hour && sums.hour < until_hour) out.push_back(sums);
    std::ranges::stable_sort(out, {}, &RollUp::hour);
    return out;
  }

  Result<std::size_t> prune(const telemetry::Retention& keep, std::size_t most) override {
    const std::lock_guard lock(mutex_);
    std::size_t removed = 0;
    const auto outlived = [&](const AttemptRecord& record) {
      return record.time_ms < keep.rows_since_ms || rows_.size() > keep.rows_max;
    };
    for (; removed < most && !rows_.empty() && outlived(rows_.begin()->second); ++removed)
      rows_.erase(rows_.begin());
    std::size_t hours = 0;
    std::erase_if(hours_, [&](const RollUp& sums) {
      return sums.hour < keep.roll_ups_since_hour && hours < most && ++hours > 0;
    });
    return removed + hours;
  }

 private:
  // Guarded by mutex_.
  std::mutex mutex_;
  std::map<std::int64_t, AttemptRecord> rows_;
  std::vector<RollUp> hours_;
  std::int64_t last_id_ = 0;
};

}  // namespace

Result<std::unique_ptr<telemetry::RecordStore>> open_memory_records(const std::filesystem::path&) {
  return std::make_unique<MemoryRecords>();
}

}  // namespace sluice::hub::storage
