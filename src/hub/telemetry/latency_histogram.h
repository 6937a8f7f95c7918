// How long things took, as counts in buckets whose bounds grow by the fourth root of two from a millisecond
// to half an hour and more: a quantile read from it is within a tenth of the true one, whatever was added,
// and two of them add up without loss. Plain value; packed into a few dozen bytes for a store.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::hub::telemetry {

class LatencyHistogram {
 public:
  // Bucket 0 ends at a millisecond; the last one has no end.
  static constexpr std::size_t kBuckets = 88;

  void add(double seconds);
  void add(const LatencyHistogram& other);

  std::uint64_t count() const;
  double sum_s() const { return static_cast<double>(sum_us_) * 1e-6; }
  // The value below which the share `q` of the observations lies: the middle of its bucket. Absent when
  // empty.
  std::optional<double> quantile(double q) const;

  std::vector<std::byte> pack() const;
  // Absent when the bytes are not what pack() gives.
  static std::optional<LatencyHistogram> unpack(std::span<const std::byte> bytes);

  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t sum_us_ = 0;
};

}  // namespace sluice::hub::telemetry
