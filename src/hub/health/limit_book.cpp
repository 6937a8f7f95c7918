#include "hub/health/limit_book.h"

#include <algorithm>

namespace sluice::hub::health {
namespace {

// How long a figure without reset and window is believed: most providers count by the minute.
constexpr double kBelievedS = 60;

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

TimePoint after(TimePoint from, double seconds) {
  return from + std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

LimitMark LimitBook::note_begin(double tokens, TimePoint now) {
  ++left_so_far_.requests;
  left_so_far_.tokens += tokens;
  left_so_far_.at = now;
  learned_.note_sent(now);
  return left_so_far_;
}

void LimitBook::take_back(double tokens) {
  --left_so_far_.requests;
  left_so_far_.tokens -= tokens;
}

std::optional<TimePoint> LimitBook::reset_at(const Slot& slot) {
  if (slot.news.reset_s) return after(slot.noted_at, *slot.news.reset_s);
  if (slot.news.window_s > 0) return after(slot.noted_at, slot.news.window_s);
  return std::nullopt;
}

bool LimitBook::has_expired(const Slot& slot, TimePoint now) {
  return now >= reset_at(slot).value_or(after(slot.noted_at, kBelievedS));
}

double LimitBook::remaining(const Slot& slot, TimePoint now) const {
  const LimitNews& news = slot.news;
  const double used = news.resource == Resource::requests ? static_cast<double>(left_so_far_.requests) -
                                                                static_cast<double>(slot.mark.requests)
                                                          : left_so_far_.tokens - slot.mark.tokens;
  double left = *news.remaining - used;
  if (news.refills && news.limit && news.reset_s && *news.reset_s > 0) {
    const double missing = std::max(0.0, *news.limit - *news.remaining);
    left += missing * std::min(1.0, seconds_between(slot.noted_at, now) / *news.reset_s);
    left = std::min(left, *news.limit);
  }
  return std::max(0.0, left);
}

void LimitBook::note_head(const HeadNews& news, bool of_account, const LimitMark& mark, TimePoint now) {
  for (const LimitNews& limit : news.all()) {
    if (limit.of_account != of_account || !limit.remaining) continue;
    const auto end = slots_.begin() + static_cast<std::ptrdiff_t>(count_);
    auto slot = std::find_if(slots_.begin(), end, [&](const Slot& known) {
      return known.news.resource == limit.resource && known.news.tag == limit.tag &&
             (limit.tag != 0 || known.news.window_s == limit.window_s);
    });
    if (slot == end) {
      if (count_ == slots_.size()) continue;
      ++count_;
    } else if (slot->mark.requests > mark.requests && !has_expired(*slot, now)) {
      continue;  // a later request's head came first and knows more
    }
    *slot = {.news = limit, .mark = mark, .noted_at = now};
  }
}

void LimitBook::note_refused(std::optional<double> retry_after_s, TimePoint now) {
  const bool explained = std::any_of(
      slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(count_), [&](const Slot& slot) {
        return !has_expired(slot, now) && reset_at(slot) && remaining(slot, now) < 1;
      });
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
    const double here = remaining(slot, now);
    const bool of_requests = slot.news.resource == Resource::requests;
    auto& least = of_requests ? left.requests : left.tokens;
    const auto reset = reset_at(slot);
    if (!least || here < *least) {
      least = here;
      if (reset) left.reset_at = reset;
    }
    // A request larger than the whole limit would wait for ever: the provider shall say so itself.
    const double wanted =
        of_requests ? 1 : std::min(std::max(tokens, 1.0), slot.news.limit.value_or(std::max(tokens, 1.0)));
    if (here >= wanted) continue;
    if (slot.news.refills && slot.news.limit && *slot.news.limit > *slot.news.remaining &&
        slot.news.reset_s) {
      const double per_s = (*slot.news.limit - *slot.news.remaining) / std::max(*slot.news.reset_s, 1e-3);
      wait(std::min(after(now, (wanted - here) / per_s), *reset));
    } else {
      wait(reset.value_or(after(slot.noted_at, kBelievedS)));
    }
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
                 .remaining = remaining(slot, now),
                 .reset_in_s = {}};
    if (const auto at = reset_at(slot)) row.reset_in_s = seconds_between(now, *at);
    rows.push_back(row);
  }
  if (const auto per_second = learned_.per_second(now))
    rows.push_back({.of_account = of_account,
                    .learned = true,
                    .window_s = 1,
                    .limit = per_second,
                    .remaining = learned_.left(now),
                    .reset_in_s = {}});
}

}  // namespace sluice::hub::health
