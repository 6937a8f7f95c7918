// The circuit of one route: closed while it works; open for a while when too many of its latest attempts
// failed; then half open, where one attempt at a time tries it; from the first success on closed again, with
// a share of the traffic that grows to the full one. A failed trial opens it for twice as long, but no longer
// than the traffic it had is worth: of many requests one is soon spared for a trial.
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
  double requests_a_trial = 200;  // of the traffic it had before it opened, one in so many may be a trial
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
  // `left_at`: when the attempt began. What left before the circuit closed says nothing of how it is since,
  // and a failure of what insisted nothing new.
  void settle(Lesson lesson, bool was_trial, TimePoint left_at, TimePoint now);
  void release_trial() { trial_at_.reset(); }  // it ended without a lesson
  // Whether what left then says something: the circuit is closed, and was.
  bool hears(TimePoint left_at) const { return !open_ && left_at >= closed_at_; }
  // It is known to be ill before its attempts have failed.
  void suspect(TimePoint now);

 private:
  struct Outcome {
    TimePoint at;
    bool failed = false;
  };

  void open(TimePoint now);
  bool should_open(TimePoint now) const;
  bool trial_under_way(TimePoint now) const;
  void note_traffic(TimePoint now);

  const BreakerOptions options_;
  std::array<Outcome, kLatest> latest_{};
  std::size_t count_ = 0;  // since it was last opened
  bool open_ = false;      // open or half open
  std::optional<TimePoint> trial_at_;
  TimePoint open_until_{};
  double patience_s_ = 0;  // doubles while trials fail
  double open_for_s_ = 0;
  std::optional<TimePoint> returning_since_;
  TimePoint closed_at_{};
  double traffic_ = 0;  // attempts per second, while it was closed
  TimePoint traffic_at_{};
  std::uint64_t opened_total_ = 0;
};

}  // namespace sluice::hub::health
