// What commands say to and ask of the person at the terminal. Questions and progress go to standard error, so
// that standard output holds results only; where it is no terminal, nothing is drawn.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::app::cli {

// The next line of standard input, trimmed; nullopt at its end. The prompt is shown on a terminal only.
std::optional<std::string> ask_line(std::string_view prompt);
// Whether the answer is yes; an empty one, or none, means `without_answer`.
bool agrees(std::string_view prompt, bool without_answer);

// One line that redraws itself, at most ten times a second, and is wiped when the bar goes.
class ProgressBar {
 public:
  explicit ProgressBar(std::uint64_t whole);
  ~ProgressBar() { wipe(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `words` stand after the bar; the time left, from the pace so far, is added.
  void show(std::uint64_t done, std::string_view words);
  void wipe();  // before other output
  std::chrono::duration<double> elapsed() const { return Clock::now() - began_; }

 private:
  using Clock = std::chrono::steady_clock;

  const std::uint64_t whole_;
  const bool drawn_;  // standard error is a terminal
  const Clock::time_point began_ = Clock::now();
  Clock::time_point next_{};
  bool visible_ = false;
};

// "12 s", "3 min 5 s", "2 h 10 min".
std::string format_seconds(double seconds);

}  // namespace sluice::app::cli
