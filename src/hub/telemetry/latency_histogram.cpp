#include "hub/telemetry/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace sluice::hub::telemetry {
namespace {

constexpr double kFirstBound_s = 1e-3;
constexpr double kStepsPerDoubling = 4;

std::size_t bucket_of(double seconds) {
  if (!(seconds > kFirstBound_s)) return 0;  // NaN too
  const double steps = std::ceil(std::log2(seconds / kFirstBound_s) * kStepsPerDoubling);
  return static_cast<std::size_t>(std::min(steps, static_cast<double>(LatencyHistogram::kBuckets - 1)));
}

double middle_of(std::size_t bucket) {
  return kFirstBound_s * std::exp2((static_cast<double>(bucket) - 0.5) / kStepsPerDoubling);
}

// Seven bits a byte, the lowest first.
void append_number(std::vector<std::byte>& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<std::byte>(number | 0x80));
  out.push_back(static_cast<std::byte>(number));
}

std::optional<std::uint64_t> take_number(std::span<const std::byte>& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto next = static_cast<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    number |= (next & 0x7f) << shift;
    if ((next & 0x80) == 0) return number;
  }
  return std::nullopt;
}

}  // namespace

void LatencyHistogram::add(double seconds) {
  ++counts_[bucket_of(seconds)];
  if (seconds > 0) sum_us_ += static_cast<std::uint64_t>(std::min(seconds, 1e9) * 1e6 + 0.5);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  sum_us_ += other.sum_us_;
}

std::uint64_t LatencyHistogram::count() const {
  std::uint64_t all = 0;
  for (const std::uint64_t one : counts_) all += one;
  return all;
}

std::optional<double> LatencyHistogram::quantile(double q) const {
  const std::uint64_t all = count();
  if (all == 0) return std::nullopt;
  const double wanted = std::clamp(q, 0.0, 1.0) * static_cast<double>(all);
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    passed += counts_[i];
    if (counts_[i] > 0 && static_cast<double>(passed) >= wanted) return middle_of(i);
  }
  return middle_of(kBuckets - 1);
}

std::vector<std::byte> LatencyHistogram::pack() const {
  std::vector<std::byte> out;
  append_number(out, sum_us_);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    append_number(out, i);
    append_number(out, counts_[i]);
  }
  return out;
}

std::optional<LatencyHistogram> LatencyHistogram::unpack(std::span<const std::byte> bytes) {
  LatencyHistogram made;
  const auto sum = take_number(bytes);
  if (!sum) return std::nullopt;
  made.sum_us_ = *sum;
  while (!bytes.empty()) {
    const auto bucket = take_number(bytes);
    const auto count = take_number(bytes);
    if (!bucket || !count || *bucket >= kBuckets) return std::nullopt;
    made.counts_[*bucket] = *count;
  }
  return made;
}

}  // namespace sluice::hub::telemetry
