// Logging: JSON lines on standard error, collected for a moment and written by one background thread through
// a bounded queue; what does not fit is dropped and counted. Never log request content, keys or credentials.
#pragma once

#include <string>
#include <string_view>

namespace sluice::base {

enum class LogLevel { debug, info, warning, error };

// Fields of one line, in order. Values are escaped.
class LogLine {
 public:
  LogLine(LogLevel level, std::string_view event);
  LogLine& text(std::string_view name, std::string_view value);
  LogLine& number(std::string_view name, std::int64_t value);
  LogLine& decimal(std::string_view name, double value);
  void write();  // hands it to the queue; the line is spent

 private:
  LogLevel level_;
  std::string json_;
};

void set_log_level(LogLevel level);
bool is_logged(LogLevel level);
void flush_log();

}  // namespace sluice::base
