// A distribution over a stream of positive numbers that forgets: a histogram with logarithmic buckets, where
// an observation weighs half as much one half-life later. A quantile is off by at most kErrorMost of its
// value, at any scale; mean and logarithmic moments are exact sums. The idea of buckets with a relative error
// is that of DDSketch (Masson, Rim, Lee 2019); the decay by growing weights that of forward decay (Cormode,
// Shkapenyuk, Srivastava, Xu 2009): old buckets are never touched, new observations weigh more.
//
// With `notices_changes` it also drops what it knew when the latest observations can hardly come from it: two
// exponentially weighted means of the logarithm, over about 8 and 64 observations, are compared with the long
// one. A route that has become slow is believed after a handful of answers, not after a minute.
//
// Not thread-safe; the owner's mutex.
#pragma once

#include <array>
#include <vector>

#include "hub/health/figures.h"

namespace sluice::hub::health {

struct SketchRange {
  double low = 1e-3, high = 3600;  // beyond them a value counts as the edge
};

class Sketch {
 public:
  static constexpr double kGrowth = 1.04;      // from one bucket's edge to the next
  static constexpr double kErrorMost = 0.021;  // of a quantile, relative: half a bucket, and rounding

  Sketch(SketchRange range, double half_life_s, bool notices_changes);

  void add(double value, TimePoint now, double weight = 1);
  // Cheap when nothing was added lately; computed anew when enough was.
  Spread spread(TimePoint now) const;

 private:
  static constexpr std::size_t kKept = 64;

  // How much an observation of `now` weighs more than one of the origin.
  double grown(TimePoint now) const;
  void rescale(TimePoint now);
  void put(double value, double weight);
  bool notices_change(double log_value);
  void begin_anew(std::size_t keep, TimePoint now);
  Spread computed() const;
  double quantile(double share, double& below, std::size_t& bucket) const;

  // Set once.
  const SketchRange range_;
  const double half_life_s_;
  const bool notices_changes_;
  // All in units of a weight at the origin.
  TimePoint origin_{};
  std::vector<float> buckets_;  // empty until something was seen
  double weight_ = 0, sum_ = 0, log_sum_ = 0, log_square_sum_ = 0;
  // The latest values, and their running means for noticing changes.
  std::array<float, kKept> latest_{};
  std::size_t seen_ = 0;  // since it began anew
  double short_mean_ = 0, long_mean_ = 0;
  // What was last told, and how much came since.
  mutable Spread told_;
  mutable TimePoint told_at_{};
  mutable double untold_ = 0;
};

}  // namespace sluice::hub::health
