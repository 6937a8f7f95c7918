#include "vlm/generation/stop_filter.h"

#include <algorithm>
#include <utility>

#include "vlm/generation/limits.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Status;

Status check_stop_strings(const std::vector<std::string>& stops) {
  const auto refuse = [](std::string message) {
    return fail({.code = ErrorCode::invalid_argument, .message = std::move(message), .parameter = "stop"});
  };
  if (stops.size() > kStopStringsMax)
    return refuse(fmt::format("stop: expected at most {} strings, got {}", kStopStringsMax, stops.size()));
  for (const std::string& stop : stops)
    if (stop.empty() || stop.size() > kStopStringBytesMax)
      return refuse(fmt::format("stop: expected strings of 1 to {} bytes, got {} bytes", kStopStringBytesMax,
                                stop.size()));
  return {};
}

namespace {

// Bytes at the end of `text` that could still grow into `stop`.
std::size_t overlap(std::string_view text, std::string_view stop) {
  for (std::size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length)
    if (text.ends_with(stop.substr(0, length))) return length;
  return 0;
}

}  // namespace

std::string StopFilter::feed(std::string_view piece) {
  if (stopped_) return {};
  if (stops_.empty()) return std::string(piece);
  held_ += piece;
  std::size_t begin = std::string::npos;
  std::size_t end = std::string::npos;
  std::size_t hold = 0;
  for (const std::string& stop : stops_) {
    const std::size_t at = held_.find(stop);
    if (at != std::string::npos && (at + stop.size() < end || (at + stop.size() == end && at < begin))) {
      begin = at;
      end = at + stop.size();
      match_ = stop;
    }
    hold = std::max(hold, overlap(held_, stop));
  }
  if (begin != std::string::npos) {
    stopped_ = true;
    held_.resize(begin);
    return std::exchange(held_, {});
  }
  const std::size_t shown = held_.size() - hold;
  std::string out = held_.substr(0, shown);
  held_.erase(0, shown);
  return out;
}

std::string StopFilter::finish() {
  return stopped_ ? std::string() : std::exchange(held_, {});
}

}  // namespace sluice::vlm::generation
