#include "hub/gateway/spend.h"

#include <algorithm>

namespace sluice::hub::gateway {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

}  // namespace

Reservation::~Reservation() {
  if (cap_ != nullptr) settle(amount_);
}

void Reservation::settle(base::NanoUsd cost) {
  if (cap_ != nullptr) std::exchange(cap_, nullptr)->settle(amount_, cost, day_);
}

void SpendCap::set_per_day(base::NanoUsd per_day) {
  const std::lock_guard lock(mutex_);
  per_day_ = per_day;
}

base::NanoUsd SpendCap::per_day() const {
  const std::lock_guard lock(mutex_);
  return per_day_;
}

SpendCap::State SpendCap::state(std::int64_t now_s) const {
  const std::lock_guard lock(mutex_);
  turn_to(now_s / kDaySeconds);
  return {.spent = spent_, .reserved = reserved_};
}

void SpendCap::add_spent(base::NanoUsd cost, std::int64_t now_s) {
  const std::lock_guard lock(mutex_);
  turn_to(now_s / kDaySeconds);
  spent_ = spent_ + cost;
}

// A clock that is set back does not give a day's money back.
void SpendCap::turn_to(std::int64_t day) const {
  if (day <= day_) return;
  day_ = day;
  spent_ = {};
}

std::optional<Reservation> SpendCap::reserve(base::NanoUsd worst, std::int64_t now_s) {
  const std::lock_guard lock(mutex_);
  turn_to(now_s / kDaySeconds);
  worst.nanos = std::max<std::int64_t>(worst.nanos, 0);
  if (per_day_.nanos <= 0) return std::nullopt;
  // As a difference, because a worst case may be the largest amount there is.
  if (worst > per_day_ - spent_ - reserved_) return std::nullopt;
  reserved_ = reserved_ + worst;
  return Reservation(*this, worst, day_);
}

void SpendCap::settle(base::NanoUsd reserved, base::NanoUsd cost, std::int64_t day) {
  const std::lock_guard lock(mutex_);
  reserved_ = reserved_ - reserved;
  if (day == day_) spent_ = spent_ + std::max(cost, base::NanoUsd{});
}

}  // namespace sluice::hub::gateway
