#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <iterator>

#include "base/json_writer.h"

namespace sluice::base {
namespace {

constexpr std::size_t kQueueLinesMax = 8192;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

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

spdlog::async_logger& logger() {
  static const auto pool = std::make_shared<spdlog::details::thread_pool>(kQueueLinesMax, 1);
  // Never destroyed: the worker may still hold its last line when the program ends. The pool is, and joins it
  // after that line.
  static const auto& instance = *new auto([] {
    auto made =
        std::make_shared<spdlog::async_logger>("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                               pool, spdlog::async_overflow_policy::overrun_oldest);
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }());
  return *instance;
}

// "2026-11-22T13:40:05.123Z"
void append_timestamp(std::string& out) {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss time(now - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()),
                 unsigned(date.month()), unsigned(date.day()), time.hours().count(), time.minutes().count(),
                 time.seconds().count(), time.subseconds().count());
}

}  // namespace

LogLine::LogLine(LogLevel level, std::string_view event) : level_(level) {
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
  fmt::format_to(std::back_inserter(json_), ":{}", value);
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
  json_ += '}';
  logger().log(spdlog_level(level_), spdlog::string_view_t(json_.data(), json_.size()));
}

void set_log_level(LogLevel level) {
  logger().set_level(spdlog_level(level));
}
bool is_logged(LogLevel level) {
  return logger().should_log(spdlog_level(level));
}
void flush_log() {
  logger().flush();
}

}  // namespace sluice::base
