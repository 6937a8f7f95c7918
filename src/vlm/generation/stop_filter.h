// Watches an answer's text for stop strings. Text that might be the beginning of one is held back until the
// next piece decides, so that not a byte of a stop string reaches the reader. The match that is
// complete first ends the answer, the longest of those that end together; so the result does not depend on
// how the text is cut into pieces.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::vlm::generation {

// At most kStopStringsMax, each of 1 to kStopStringBytesMax bytes.
base::Status check_stop_strings(const std::vector<std::string>& stops);

class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  StopFilter(const StopFilter&) = delete;  // match_ points into stops_
  StopFilter& operator=(const StopFilter&) = delete;

  // Takes the next piece and returns what may be shown. Once stopped() it returns nothing more.
  std::string feed(std::string_view piece);
  std::string finish();  // the answer ended otherwise: what was held back may be shown
  bool stopped() const { return stopped_; }
  std::string_view match() const { return match_; }  // the stop string that ended the answer, or empty

 private:
  const std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
  std::string_view match_;  // into stops_
};

}  // namespace sluice::vlm::generation
