#include "hub/health/limit_book.h"

#include <algorithm>

namespace sluice::hub::health {
namespace {

// How long a figure without reset and window is believed: most providers count by the minute.
constexpr double kBelievedS = 60;
// How long a bucket is kept without hearing of it.
constexpr double kBucketBelievedS = 600;
constexpr double kMissingForRate = 0.2;  // of the limit
// A reset is told rounded, and counts from when the provider saw the request, half a round trip after it
// left. Whoever waits for it must not come too soon: often many do, and all of them would be refused.
constexpr double kResetSlackS = 0.1;

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

TimePoint after(TimePoint from, double seconds) {
  return from + std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

LimitMark LimitBook::note_begin(double tokens, TimePoint now) {
  use(1, tokens, now);
  ++left_so_far_.requests;
  left_so_far_.tokens += tokens;
  left_so_far_.at = now;
  learned_.note_sent(now);
  return left_so_far_;
}

void LimitBook::take_back(double tokens, TimePoint now) {
  use(-1, -tokens, now);
  --left_so_far_.requests;
  left_so_far_.tokens -= tokens;
}

void LimitBook::use(double requests, double tokens, TimePoint now) {
  for (std::size_t i = 0; i < count_; ++i) {
    Slot& slot = slots_[i];
    slot.left = left_of(slot, now) - (slot.news.resource == Resource::requests ? requests : tokens);
    slot.at = std::max(slot.at, now);
  }
}

bool LimitBook::has_expired(const Slot& slot, TimePoint now) {
  if (slot.per_s > 0) return now >= after(slot.mark.at, kBucketBelievedS);
  return now >= slot.reset_at.value_or(after(slot.mark.at, kBelievedS));
}

double LimitBook::left_of(const Slot& slot, TimePoint now) {
  if (!(slot.per_s > 0)) return slot.left;
  return std::min(*slot.news.limit, slot.left + std::max(0.0, seconds_between(slot.at, now)) * slot.per_s);
}

TimePoint LimitBook::enough_at(const Slot& slot, double wanted, TimePoint now) {
  if (slot.per_s > 0) return after(now, (wanted - left_of(slot, now)) / slot.per_s);
  return slot.reset_at.value_or(after(slot.mark.at, kBelievedS));
}

// Absent: there is no room, or a later request's head came first and knows more.
LimitBook::Slot* LimitBook::slot_for(const LimitNews& news, const LimitMark& mark, TimePoint now) {
  for (std::size_t i = 0; i < count_; ++i) {
    Slot& known = slots_[i];
    if (known.news.resource != news.resource || known.news.tag != news.tag) continue;
    if (news.tag == 0 && known.news.window_s != news.window_s) continue;
    return known.mark.requests > mark.requests && !has_expired(known, now) ? nullptr : &known;
  }
  return count_ == slots_.size() ? nullptr : &slots_[count_++];
}

void LimitBook::note_head(const HeadNews& news, bool of_account, const LimitMark& mark, TimePoint now) {
  for (const LimitNews& limit : news.all()) {
    if (limit.of_account != of_account || !limit.remaining) continue;
    Slot* const slot = slot_for(limit, mark, now);
    if (slot == nullptr) continue;
    const double per_s_before = slot->per_s;
    // Limits are checked before an answer is begun: what the head says was true when the request arrived.
    *slot = {.news = limit, .mark = mark, .at = now, .reset_at = {}};
    const double used = limit.resource == Resource::requests
                            ? static_cast<double>(left_so_far_.requests) - static_cast<double>(mark.requests)
                            : left_so_far_.tokens - mark.tokens;
    slot->left = *limit.remaining - used;
    if (limit.refills && limit.limit && limit.reset_s) {
      // How fast it refills is seen best when much is missing; the figures are rounded.
      const double missing = *limit.limit - *limit.remaining;
      slot->per_s = per_s_before;
      if (*limit.reset_s > 0 && missing >= 1 &&
          (missing >= kMissingForRate * *limit.limit || per_s_before == 0))
        slot->per_s = missing / *limit.reset_s;
      if (slot->per_s > 0)
        slot->left = std::min(*limit.limit, slot->left + seconds_between(mark.at, now) * slot->per_s);
    }
    if (limit.reset_s)
      slot->reset_at = after(mark.at, *limit.reset_s + kResetSlackS);
    else if (limit.window_s > 0)
      slot->reset_at = after(mark.at, limit.window_s);
  }
}

void LimitBook::note_refused(std::optional<double> retry_after_s, TimePoint now) {
  const auto explains = [&](const Slot& slot) { return !has_expired(slot, now) && left_of(slot, now) < 1; };
  const bool explained =
      std::any_of(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(count_), explains);
  if (retry_after_s) pause(*retry_after_s, now);
  if (!explained) learned_.note_refused(retry_after_s, now);
}

void LimitBook::pause(double retry_after_s, TimePoint now) {
  paused_until_ = std::max(paused_until_.value_or(now), after(now, retry_after_s));
}

LimitBook::Left LimitBook::left(double tokens, TimePoint now) const {
  Left left;
  const auto wait = [&](TimePoint until) { left.retry_at = std::max(left.retry_at.value_or(until), until); };
  for (std::size_t i = 0; i < count_; ++i) {
    const Slot& slot = slots_[i];
    if (has_expired(slot, now)) continue;
    const double here = std::max(0.0, left_of(slot, now));
    const bool of_requests = slot.news.resource == Resource::requests;
    auto& least = of_requests ? left.requests : left.tokens;
    if (!least || here < *least) {
      least = here;
      if (slot.reset_at && *slot.reset_at > now) left.reset_at = slot.reset_at;
    }
    // A request larger than the whole limit would wait for ever: the provider shall say so itself.
    const double wanted =
        of_requests ? 1 : std::min(std::max(tokens, 1.0), slot.news.limit.value_or(std::max(tokens, 1.0)));
    if (here < wanted) wait(enough_at(slot, wanted, now));
  }
  if (const auto learned = learned_.left(now)) {
    left.requests = std::min(left.requests.value_or(*learned), *learned);
    if (const auto at = learned_.retry_at(now)) wait(*at);
  }
  if (paused_until_ && now < *paused_until_) wait(*paused_until_);
  return left;
}

void LimitBook::append_rows(std::vector<LimitRow>& rows, bool of_account, TimePoint now) const {
  for (std::size_t i = 0; i < count_; ++i) {
    const Slot& slot = slots_[i];
    if (has_expired(slot, now)) continue;
    LimitRow row{.resource = slot.news.resource,
                 .of_account = of_account,
                 .window_s = slot.news.window_s,
                 .limit = slot.news.limit,
                 .remaining = std::max(0.0, left_of(slot, now)),
                 .reset_in_s = {}};
    if (slot.reset_at && *slot.reset_at > now) row.reset_in_s = seconds_between(now, *slot.reset_at);
    rows.push_back(row);
  }
  if (const auto per_second = learned_.per_second())
    rows.push_back({.of_account = of_account,
                    .learned = true,
                    .window_s = 1,
                    .limit = per_second,
                    .remaining = learned_.left(now),
                    .reset_in_s = {}});
}

}  // namespace sluice::hub::health
