// What is known of the limits of one route or one account: what the heads of its answers said, less what has
// left since, and the rate learned from refusals where they say nothing.
//
// Pure: no clock. Not thread-safe; the owner's mutex.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "hub/health/figures.h"
#include "hub/health/learned_rate.h"
#include "hub/health/limit_headers.h"

namespace sluice::hub::health {

// One limit, as it is shown.
struct LimitRow {
  Resource resource = Resource::requests;
  bool of_account = false;
  bool learned = false;  // from refusals; `limit` is then per second
  double window_s = 0;
  std::optional<double> limit, remaining, reset_in_s;
};

// Where a request stands in the sequence of those that left.
struct LimitMark {
  std::uint64_t requests = 0;
  double tokens = 0;
  TimePoint at{};
};

class LimitBook {
 public:
  struct Left {
    std::optional<double> requests, tokens;
    std::optional<TimePoint> reset_at;  // of the limit nearest to being used up
    std::optional<TimePoint> retry_at;  // not before: something is used up
  };

  LimitMark note_begin(double tokens, TimePoint now);
  // It did not leave after all.
  void take_back(double tokens, TimePoint now);
  // The head of the answer to the request of `mark`; takes of `news` what is of the account or is not.
  void note_head(const HeadNews& news, bool of_account, const LimitMark& mark, TimePoint now);
  // A 429. A limit that the head named explains it; else it teaches the rate.
  void note_refused(std::optional<double> retry_after_s, TimePoint now);
  void note_accepted(const LimitMark& mark) { learned_.note_accepted(mark.at); }
  // The provider's own word, with any failure.
  void pause(double retry_after_s, TimePoint now);

  // For a request that is expected to take so many tokens.
  Left left(double tokens, TimePoint now) const;
  void append_rows(std::vector<LimitRow>& rows, bool of_account, TimePoint now) const;

 private:
  // A limit and what is left of it. One that refills is a bucket that we keep ourselves between two heads:
  // `left` at `at`, growing by `per_s`. One that starts anew at a moment has `left` until `reset_at`.
  struct Slot {
    LimitNews news;
    LimitMark mark;  // the request that it was told to
    double left = 0;
    TimePoint at{};
    double per_s = 0;  // 0: does not refill
    std::optional<TimePoint> reset_at;
  };

  Slot* slot_for(const LimitNews& news, const LimitMark& mark, TimePoint now);
  static double left_of(const Slot& slot, TimePoint now);
  static bool has_expired(const Slot& slot, TimePoint now);
  static TimePoint enough_at(const Slot& slot, double wanted, TimePoint now);
  void use(double requests, double tokens, TimePoint now);

  std::array<Slot, kLimitsOfRouteMax> slots_;
  std::size_t count_ = 0;
  LimitMark left_so_far_;
  LearnedRate learned_;
  std::optional<TimePoint> paused_until_;  // the provider's own word
};

}  // namespace sluice::hub::health
