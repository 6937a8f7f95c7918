// Finds where a request or response head ends while its bytes arrive, looking at each byte once, and refuses
// at once what can never become a head: bare LF, too many bytes, a first byte that no method begins with.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/limits.h"

namespace sluice::http {

// Why a head is not taken, and the status that says so to a client.
struct HeadRefusal {
  int status = 400;
  std::string_view message;  // a literal
};

class HeadScanner {
 public:
  // `bytes` is everything that came since the head began; it only grows between calls. Gives the size of the
  // head with its empty line, nullopt while it is not whole.
  std::expected<std::optional<std::size_t>, HeadRefusal> scan(std::string_view bytes);
  void reset() { *this = {}; }

 private:
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;
  bool first_line_ = true;
};

}  // namespace sluice::http
