#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "base/json_writer.h"

namespace sluice::base {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "info";
}

constexpr std::size_t kQueueBytesMax = std::size_t{1} << 20;
// How long the writer collects lines before it writes them in one go. Waking it for every line costs more
// CPU than everything else that a proxied request does in the gateway.
constexpr std::chrono::milliseconds kCollect{20};
constexpr std::chrono::seconds kFlushMost{2};

// Collects lines and writes them from a thread of its own. Never destroyed: lines may come until the very
// end.
class LineWriter {
 public:
  LineWriter() {
    std::thread([this] { run(); }).detach();
  }

  void push(std::string_view line) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.size() + line.size() >= kQueueBytesMax) {
        ++dropped_;
        return;
      }
      first = pending_.empty();
      pending_ += line;
      pending_ += '\n';
    }
    if (first) wake_.notify_one();
  }

  void flush() {
    std::unique_lock lock(mutex_);
    flushing_ = true;
    wake_.notify_one();
    // Bounded: standard error may be a pipe that nobody reads, and a forked child has no writer.
    written_.wait_for(lock, kFlushMost, [this] { return pending_.empty() && !writing_; });
    flushing_ = false;
  }

 private:
  [[noreturn]] void run() {
    std::string batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return !pending_.empty(); });
      wake_.wait_for(lock, kCollect, [this] { return flushing_; });
      batch.swap(pending_);
      if (const std::uint64_t lost = std::exchange(dropped_, 0); lost > 0)
        batch += fmt::format(R"({{"level":"warning","event":"log lines dropped","lines":{}}})"
                             "\n",
                             lost);
      writing_ = true;
      lock.unlock();
      write_all(batch);
      batch.clear();
      lock.lock();
      writing_ = false;
      written_.notify_all();
    }
  }

  // There is nobody to tell when standard error itself fails.
  static void write_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool writing_ = false;
  bool flushing_ = false;
};

LineWriter& writer() {
  static LineWriter& instance = [] -> LineWriter& {
    auto* made = new LineWriter;
    std::atexit([] { flush_log(); });
    return *made;
  }();
  return instance;
}

std::atomic<LogLevel> lowest_level = LogLevel::info;

// "2026-11-22T13:40:05.123Z". Each thread keeps what it wrote for this second.
void append_timestamp(std::string& out) {
  using namespace std::chrono;
  thread_local sys_seconds second{};
  thread_local std::array<char, 20> text{};
  const auto now = floor<milliseconds>(system_clock::now());
  if (const auto current = floor<seconds>(now); current != second) {
    second = current;
    const auto day = floor<days>(now);
    const year_month_day date(day);
    const hh_mm_ss time(second - day);
    fmt::format_to_n(text.begin(), text.size(), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
  }
  const auto ms = static_cast<int>((now - second).count());
  out.append(text.data(), text.size());
  for (const int digit : {ms / 100, ms / 10 % 10, ms % 10}) out += static_cast<char>('0' + digit);
  out += 'Z';
}

}  // namespace

LogLine::LogLine(LogLevel level, std::string_view event) : level_(level) {
  json_.reserve(512);
  json_ = R"({"ts":")";
  append_timestamp(json_);
  json_ += R"(","level":")";
  json_ += level_name(level);
  json_ += R"(","event":)";
  append_json_string(json_, event);
}

LogLine& LogLine::text(std::string_view name, std::string_view value) {
  json_ += ',';
  append_json_string(json_, name);
  json_ += ':';
  append_json_string(json_, value);
  return *this;
}

LogLine& LogLine::number(std::string_view name, std::int64_t value) {
  json_ += ',';
  append_json_string(json_, name);
  (json_ += ':') += fmt::format_int(value).c_str();
  return *this;
}

LogLine& LogLine::decimal(std::string_view name, double value) {
  json_ += ',';
  append_json_string(json_, name);
  json_ += ':';
  JsonWriter(json_).number(value);
  return *this;
}

void LogLine::write() {
  if (!is_logged(level_)) return;
  json_ += '}';
  writer().push(json_);
}

void set_log_level(LogLevel level) {
  lowest_level.store(level, std::memory_order_relaxed);
}
bool is_logged(LogLevel level) {
  return level >= lowest_level.load(std::memory_order_relaxed);
}
void flush_log() {
  writer().flush();
}

}  // namespace sluice::base
