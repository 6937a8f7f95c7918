#include "hub/gateway/spend.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "hub/gateway/limits.h"
#include "hub/routing/expected_cost.h"

namespace sluice::hub::gateway {
namespace {

using base::NanoUsd;

constexpr std::int64_t kDaySeconds = 86'400;

// Set up by the user on this machine: what it costs is the user's electricity.
bool is_on_this_machine(const catalog::Provider& provider) {
  if (provider.local) return true;
  std::string_view host = provider.primary().base_url;
  host.remove_prefix(std::min(host.find("://") + 3, host.size()));
  host = host.substr(0, host.find_first_of(host.starts_with('[') ? "]/" : ":/"));
  return host == "localhost" || host == "[::1" || host.starts_with("127.");
}

NanoUsd saturating_sum(NanoUsd a, NanoUsd b) {
  NanoUsd sum;
  if (__builtin_add_overflow(a.nanos, b.nanos, &sum.nanos))
    sum.nanos = std::numeric_limits<std::int64_t>::max();
  return sum;
}

NanoUsd assume(tasks::Tokens input, tasks::Tokens output) {
  return saturating_sum(routing::cost_of(input, kAssumedInputRate),
                        routing::cost_of(output, kAssumedOutputRate));
}

}  // namespace

bool is_paid(const catalog::Candidate& candidate) {
  if (candidate.is_device()) return false;
  const catalog::Price* price =
      candidate.offer && candidate.offer->price ? &*candidate.offer->price : nullptr;
  // A list's price is for the provider's own address, not for what stands in for it here.
  if (is_on_this_machine(*candidate.provider)) return price != nullptr && price->source == "configuration";
  return price == nullptr || !price->free;
}

NanoUsd worst_for_cap(const routing::Option& option, const routing::Expected& expected,
                      const routing::Ask& ask) {
  if (!is_paid(option.candidate)) return {};
  if (expected.cost_worst) return *expected.cost_worst;
  auto output = ask.output_max.value_or(kAssumedAnswerTokens);
  if (const auto& offer = option.candidate.offer; offer && offer->output_max && !ask.output_max)
    output = {*offer->output_max};
  if (ask.kind != tasks::Kind::chat && ask.kind != tasks::Kind::completion) output = {};
  return assume(ask.input_most, {output.count * ask.choices});
}

NanoUsd assumed_cost(const tasks::Usage& usage) {
  return assume(usage.input, usage.output);
}

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
