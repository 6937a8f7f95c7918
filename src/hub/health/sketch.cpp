#include "hub/health/sketch.h"

#include <algorithm>
#include <cmath>

namespace sluice::hub::health {
namespace {

constexpr double kRescaleAt = 1e6;  // weights beyond it would cost the floats their precision
// What was told stays good until a fiftieth of the weight is new, or for a tenth of a second.
constexpr double kUntoldShare = 0.02;
constexpr double kUntoldS = 0.1;

// Noticing changes: over how many observations, and how many standard errors the running mean must be off.
constexpr std::size_t kShort = 8, kLong = 64;
constexpr double kAlarmErrors = 5;
constexpr double kResidualMost = 3;  // deviations: one outlier alone is no change
constexpr std::size_t kSeenLeast = 32;
constexpr double kDeviationLeast = 0.05;  // of the logarithm: below it everything looks like a change

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

// The standard error of an exponentially weighted mean over about `n` observations, in deviations.
double error_of_mean(double n) {
  return 1 / std::sqrt(2 * n - 1);
}

}  // namespace

Sketch::Sketch(SketchRange range, double half_life_s, bool notices_changes)
    : range_(range), half_life_s_(half_life_s), notices_changes_(notices_changes) {}

double Sketch::grown(TimePoint now) const {
  return std::exp2(std::max(0.0, seconds_between(origin_, now)) / half_life_s_);
}

void Sketch::rescale(TimePoint now) {
  const double factor = 1 / grown(now);
  for (float& bucket : buckets_) bucket = static_cast<float>(bucket * factor);
  for (double* sum : {&weight_, &sum_, &log_sum_, &log_square_sum_}) *sum *= factor;
  origin_ = now;
}

void Sketch::put(double value, double weight) {
  const double log_value = std::log(value);
  const double place = (log_value - std::log(range_.low)) / std::log(kGrowth);
  const auto bucket =
      static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(buckets_.size() - 1)));
  buckets_[bucket] += static_cast<float>(weight);
  weight_ += weight;
  sum_ += weight * value;
  log_sum_ += weight * log_value;
  log_square_sum_ += weight * log_value * log_value;
}

void Sketch::add(double value, TimePoint now, double weight) {
  if (!std::isfinite(value) || !(weight > 0)) return;
  value = std::clamp(value, range_.low, range_.high);
  if (buckets_.empty()) {
    buckets_.resize(
        static_cast<std::size_t>(std::ceil(std::log(range_.high / range_.low) / std::log(kGrowth))));
    origin_ = now;
  }
  if (grown(now) > kRescaleAt) rescale(now);
  const bool changed = notices_changes_ && notices_change(std::log(value));
  latest_[seen_ % kKept] = static_cast<float>(value);
  ++seen_;
  put(value, weight * grown(now));
  untold_ += weight;
  if (changed) begin_anew(kShort, now);
}

// Whether the latest can hardly come from what is known. Residuals are taken in deviations of the known, cut
// off, so that a heavy tail does not look like a change.
bool Sketch::notices_change(double log_value) {
  if (seen_ < kSeenLeast || weight_ <= 0) {
    short_mean_ = long_mean_ = 0;
    return false;
  }
  const double mean = log_sum_ / weight_;
  const double variance = std::max(0.0, log_square_sum_ / weight_ - mean * mean);
  const double deviation = std::max(kDeviationLeast, std::sqrt(variance));
  const double residual = std::clamp((log_value - mean) / deviation, -kResidualMost, kResidualMost);
  short_mean_ += (residual - short_mean_) / kShort;
  long_mean_ += (residual - long_mean_) / kLong;
  return std::abs(short_mean_) > kAlarmErrors * error_of_mean(kShort) ||
         std::abs(long_mean_) > kAlarmErrors * error_of_mean(kLong);
}

void Sketch::begin_anew(std::size_t keep, TimePoint now) {
  // A slow drift is noticed late: then all of the latest belong to what is new.
  if (std::abs(short_mean_) <= kAlarmErrors * error_of_mean(kShort)) keep = kKept / 2;
  std::ranges::fill(buckets_, 0.0F);
  weight_ = sum_ = log_sum_ = log_square_sum_ = 0;
  origin_ = now;
  keep = std::min(keep, seen_);
  for (std::size_t i = seen_ - keep; i < seen_; ++i) put(latest_[i % kKept], 1);
  short_mean_ = long_mean_ = 0;
  // The ring keeps its place; what came before it is not counted as seen.
  std::array<float, kKept> kept{};
  for (std::size_t i = 0; i < keep; ++i) kept[i] = latest_[(seen_ - keep + i) % kKept];
  latest_ = kept;
  seen_ = keep;
  told_at_ = {};
  untold_ = weight_;
}

// Continues from `bucket` with `below` of the weight under it: quantiles are asked in ascending order.
double Sketch::quantile(double share, double& below, std::size_t& bucket) const {
  const double wanted = share * weight_;
  while (bucket + 1 < buckets_.size() && below + buckets_[bucket] < wanted) below += buckets_[bucket++];
  const double here = buckets_[bucket];
  const double part = here > 0 ? std::clamp((wanted - below) / here, 0.0, 1.0) : 0.5;
  return range_.low * std::pow(kGrowth, static_cast<double>(bucket) + part);
}

Spread Sketch::computed() const {
  Spread spread;
  if (weight_ <= 0) return spread;
  spread.mean = sum_ / weight_;
  spread.log_mean = log_sum_ / weight_;
  spread.log_deviation =
      std::sqrt(std::max(0.0, log_square_sum_ / weight_ - spread.log_mean * spread.log_mean));
  double below = 0;
  std::size_t bucket = 0;
  const std::pair<double, double*> wanted[] = {{0.5, &spread.p50},  {0.75, &spread.p75}, {0.9, &spread.p90},
                                               {0.95, &spread.p95}, {0.97, &spread.p97}, {0.99, &spread.p99}};
  for (const auto& [share, out] : wanted) *out = quantile(share, below, bucket);
  return spread;
}

Spread Sketch::spread(TimePoint now) const {
  if (buckets_.empty()) return {};
  const double weight = weight_ / grown(now);
  if (untold_ > 0 && (untold_ > kUntoldShare * weight || seconds_between(told_at_, now) > kUntoldS)) {
    told_ = computed();
    told_at_ = now;
    untold_ = 0;
  }
  Spread spread = told_;
  spread.weight = weight;
  return spread;
}

}  // namespace sluice::hub::health
