// Whether a JSON object that comes in pieces is complete: brackets counted, strings stepped over. It does not
// check the text, it only knows where it ends.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::hub::dialects::anthropic {

class JsonProgress {
 public:
  void add(std::string_view piece) {
    for (const char c : piece) add(c);
  }
  bool is_complete() const { return opened_ && depth_ == 0; }

 private:
  void add(char c) {
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
      opened_ = true;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      --depth_;
    }
  }

  std::size_t depth_ = 0;
  bool opened_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace sluice::hub::dialects::anthropic
