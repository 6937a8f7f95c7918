#include "app/drill/judge.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::app::drill {
namespace {

using hub::simulator::SeenRequest;
using std::chrono::duration_cast;

constexpr std::size_t kShownBytesMax = 500;
constexpr milliseconds kEarly{20};  // clocks of two threads, and timers that round

milliseconds between(net::TimePoint from, net::TimePoint to) {
  return duration_cast<milliseconds>(to - from);
}

class Judge {
 public:
  Judge(Row& row, std::span<const SeenRequest> seen, Conditions conditions)
      : row_(row),
        play_(*row.play),
        expect_(play_.expect()),
        seen_(seen),
        loaded_(conditions.loaded),
        slack_(conditions.slack) {}

  void run() {
    count();
    measure_gap();
    check_caller();
    check_attempts();
    check_gap();
    check_closing();
  }

 private:
  template <typename... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    row_.problems.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  // What others say can be as long as they like.
  static std::string brief(std::string_view text) {
    return std::string(text.substr(0, kShownBytesMax)) + (text.size() > kShownBytesMax ? "..." : "");
  }

  void count() {
    for (std::size_t i = 0; i < play_.scenario->route_count; ++i) {
      row_.attempts[i] =
          static_cast<int>(std::ranges::count(seen_, play_.upstream(i), &SeenRequest::upstream));
      const std::string words = answer_of(settings_of(play_, i));
      if (row_.got.text == words) row_.served_by = static_cast<int>(i);
    }
    row_.got.text = brief(row_.got.text);
    row_.got.message = brief(row_.got.message);
    for (const SeenRequest& one : seen_) row_.cost = row_.cost + one.cost;
    row_.time = between(row_.got.began, row_.got.left.value_or(row_.got.ended));
  }

  // What never reached the first upstream began with the call.
  void measure_gap() {
    std::vector<net::TimePoint> begins;
    if (expect_.attempts[0] == kUnseen) begins.push_back(row_.got.began);
    for (const SeenRequest& one : seen_) begins.push_back(one.began);
    std::ranges::sort(begins);
    if (begins.size() >= 2) row_.gap = between(begins[0], begins[1]);
  }

  bool has_whole_answer() const { return row_.got.end == Got::End::whole && row_.served_by != kNobody; }

  void check_caller() {
    const Got& got = row_.got;
    if (got.end == Got::End::whole && row_.served_by == kNobody)
      complain("an answer that nobody gave was passed off as whole: \"{}\"", got.text);
    if (got.end == Got::End::silent_cut)
      complain("the answer broke off and the caller was not told: {}", got.message);
    if (got.end == Got::End::nothing) complain("no answer: {}", got.message);
    if (!row_.problems.empty() || (loaded_ && has_whole_answer())) return;
    switch (expect_.outcome) {
      case Outcome::whole:
        if (got.end != Got::End::whole) {
          complain("expected a whole answer, found {} {}: {}", name_of(got.end), got.status, got.message);
        } else if (row_.served_by != expect_.served_by) {
          complain("answered by route {}, expected {}", row_.served_by + 1, expect_.served_by + 1);
        }
        break;
      case Outcome::cut:
        if (got.end != Got::End::told_cut)
          complain("expected a cut with an explicit error, found {} {}: {}", name_of(got.end), got.status,
                   got.message);
        break;
      case Outcome::error:
        check_error();
        break;
      case Outcome::left:
        if (got.end != Got::End::left) complain("the answer came before the caller left: {}", got.message);
        break;
    }
  }

  void check_error() {
    const Got& got = row_.got;
    if (got.end != Got::End::error) {
      complain("expected {}, found {} {}", expect_.status, name_of(got.end), got.text);
      return;
    }
    if (loaded_) return;
    if (expect_.status != 0 && got.status != expect_.status)
      complain("expected {}, found {}: {}", expect_.status, got.status, got.message);
    if (expect_.says_no_retry && !got.says_no_retry) complain("no x-should-retry: false");
    for (std::size_t i = 0; expect_.names_all && i < play_.scenario->route_count; ++i)
      if (!got.message.contains(play_.upstream(i))) complain("the error does not name {}", play_.upstream(i));
  }

  void check_attempts() {
    for (std::size_t i = 0; i < play_.scenario->route_count; ++i) {
      const int expected = expect_.attempts[i], found = row_.attempts[i];
      if (static_cast<int>(i) == expect_.never && found > 0)
        complain("route {} must never be asked: {} attempts", i + 1, found);
      if (expected == kUnseen || expected == kAnyCount) continue;
      const bool good = loaded_ ? found <= std::max(expected, 1) : found == expected;
      if (!good) complain("route {}: {} attempts, expected {}", i + 1, found, expected);
    }
  }

  milliseconds stretched(milliseconds time) const {
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(time.count()) * slack_));
  }

  void check_gap() {
    if (row_.time > stretched(expect_.time_max))
      complain("took {} ms, expected at most {}", row_.time.count(), expect_.time_max.count());
    if (!row_.gap || loaded_) return;
    if (*row_.gap + kEarly < expect_.gap_min || *row_.gap > stretched(expect_.gap_max))
      complain("{} ms between attempts, expected {} to {}", row_.gap->count(), expect_.gap_min.count(),
               expect_.gap_max.count());
  }

  // Nothing runs on for a caller that is gone or has its answer.
  void check_closing() {
    const net::TimePoint over = row_.got.left.value_or(row_.got.ended);
    for (const SeenRequest& one : seen_) {
      if (one.ended == net::TimePoint{}) {
        complain("{} is still being asked", one.upstream);
        continue;
      }
      const milliseconds late = between(over, one.ended);
      if (row_.got.left && one.left)
        row_.closed_after = std::max(late, row_.closed_after.value_or(milliseconds(0)));
      if (late > kCloseWithin) complain("{} was closed only {} ms later", one.upstream, late.count());
    }
    if (row_.got.left && !loaded_ && !row_.closed_after) complain("no upstream saw the caller leave");
  }

  Row& row_;
  const Play& play_;
  const Expect& expect_;
  const std::span<const SeenRequest> seen_;
  const bool loaded_;
  const double slack_;
};

}  // namespace

Row judge(const Play& play, Got got, std::span<const SeenRequest> seen, Conditions conditions) {
  Row row;
  row.play = &play;
  row.got = std::move(got);
  Judge(row, seen, conditions).run();
  return row;
}

}  // namespace sluice::app::drill
