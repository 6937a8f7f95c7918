#include "app/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/strings.h"

namespace sluice::app::cli {
namespace {

constexpr std::size_t kLineBytesMax = 64 << 10;
constexpr std::size_t kBarCells = 24;
constexpr double kSecondsBeforeGuess = 1;  // a pace of less says little
constexpr std::chrono::milliseconds kRedraw{100};

}  // namespace

std::optional<std::string> ask_line(std::string_view prompt) {
  if (::isatty(STDIN_FILENO) != 0) fmt::print(stderr, "{}", prompt);
  std::string line;
  int c = 0;
  while ((c = std::getchar()) != EOF && c != '\n')
    if (line.size() < kLineBytesMax) line += static_cast<char>(c);
  if (c == EOF && line.empty()) return std::nullopt;
  return std::string(base::trim(line));
}

bool agrees(std::string_view prompt, bool without_answer) {
  const auto answer = ask_line(prompt);
  if (!answer || answer->empty()) return without_answer;
  return base::equals_ignoring_case(*answer, "y") || base::equals_ignoring_case(*answer, "yes");
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

ProgressBar::ProgressBar(std::uint64_t whole) : whole_(whole), drawn_(::isatty(STDERR_FILENO) != 0) {}

void ProgressBar::show(std::uint64_t done, std::string_view words) {
  const Clock::time_point now = Clock::now();
  if (!drawn_ || now < next_) return;
  next_ = now + kRedraw;
  visible_ = true;
  const double share =
      whole_ == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(whole_));
  const auto cells = static_cast<std::size_t>(share * kBarCells);
  std::string left;
  if (const double seconds = elapsed().count(); seconds > kSecondsBeforeGuess && share > 0 && share < 1)
    left = fmt::format(", {} left", format_seconds(seconds / share * (1 - share)));
  fmt::print(stderr, "\r\033[K[{:#>{}}{:.>{}}] {:3.0f} % {}{}", "", cells, "", kBarCells - cells, share * 100,
             words, left);
  std::fflush(stderr);
}

void ProgressBar::wipe() {
  if (!std::exchange(visible_, false)) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  next_ = {};
}

}  // namespace sluice::app::cli
