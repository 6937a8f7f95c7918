// The circuit of one route: closed while it works; open for a while when too many of its latest attempts
// failed; then half open, where one attempt at a time tries it; from the first success on closed again, with
// a share of the traffic that grows to the full one. A failed trial opens it for twice as long.
//
// Pure: no clock. Not thread-safe; the owner's mutex.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hub/health/figures.h"

namespace sluice::hub::health {

struct BreakerOptions {
  double window_s = 60;  // older attempts do not count
  double open_failures = 5, open_share = 0.5;
  double open_first_s = 5, open_most_s = 120;
  double return_s = 30;
};

enum class Lesson : std::uint8_t {
  good,
  bad,
  hopeless,  // will not pass by itself within seconds: our credential, an unknown model
};

class Breaker {
 public:
  static constexpr std::size_t kLatest = 20;  // attempts that are judged
  static constexpr double kShareLeast = 0.1;  // where the return begins

  explicit Breaker(BreakerOptions options) : options_(options) {}

  Circuit circuit(TimePoint now) const;
  double admitted_share(TimePoint now) const;
  std::optional<TimePoint> retry_at(TimePoint now) const;
  std::uint64_t opened_total() const { return opened_total_; }

  struct Admitted {
    bool yes = false;
    bool is_trial = false;  // goes with the attempt, to settle() or release_trial()
  };
  Admitted admit(bool insist, TimePoint now);
  void settle(Lesson lesson, bool was_trial, TimePoint now);
  void release_trial() { trial_under_way_ = false; }  // it ended without a lesson

 private:
  struct Outcome {
    TimePoint at;
    bool failed = false;
  };

  void open(TimePoint now);
  bool should_open(TimePoint now) const;

  const BreakerOptions options_;
  std::array<Outcome, kLatest> latest_{};
  std::size_t count_ = 0;  // since it was last opened
  bool open_ = false;      // open or half open
  bool trial_under_way_ = false;
  TimePoint open_until_{};
  double open_for_s_ = 0;
  std::optional<TimePoint> returning_since_;
  std::uint64_t opened_total_ = 0;
};

}  // namespace sluice::hub::health
