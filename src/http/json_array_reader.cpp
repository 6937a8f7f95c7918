#include "http/json_array_reader.h"

#include <algorithm>
#include <utility>

namespace sluice::http {

using base::ErrorCode;
using base::fail;

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void JsonArrayReader::feed(Slice bytes) {
  if (at_ == chunk_.size()) {
    chunk_ = std::move(bytes);
  } else {
    // The caller did not take every element first: legal, only slower.
    std::string joined(chunk_.text().substr(at_));
    joined += bytes.text();
    chunk_ = Slice::of(std::move(joined));
  }
  at_ = 0;
  begin_ = 0;
}

// A byte outside of the elements.
base::Status JsonArrayReader::step_between(char c) {
  if (is_space(c)) return {};
  switch (place_) {
    case Place::before:
      if (c == '[') {
        in_array_ = true;
        place_ = Place::first;
        return {};
      }
      [[fallthrough]];
    case Place::first:
    case Place::next_element:
      if (c == '{') {
        begin_ = at_ - 1;
        depth_ = 1;
        place_ = Place::element;
        return {};
      }
      if (c != ']' || place_ != Place::first) break;
      place_ = Place::after;
      return {};
    case Place::after_element:
      if (c != ',' && c != ']') break;
      place_ = c == ',' ? Place::next_element : Place::after;
      return {};
    case Place::element:
    case Place::after:
      break;
  }
  return fail(ErrorCode::upstream_failed, "unexpected byte 0x{:02x} between the elements of a JSON array",
              static_cast<unsigned char>(c));
}

// Reads on inside an element; gives it when its last bracket closes.
std::optional<Slice> JsonArrayReader::take_element() {
  const std::string_view bytes = chunk_.text();
  while (at_ < bytes.size()) {
    const char c = bytes[at_++];
    if (in_string_) {
      if (after_backslash_) {
        after_backslash_ = false;
      } else if (c == '\\') {
        after_backslash_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      place_ = in_array_ ? Place::after_element : Place::after;
      if (carry_.empty()) return chunk_.sub(begin_, at_ - begin_);
      carry_ += bytes.substr(0, at_);
      return Slice::of(std::exchange(carry_, {}));
    }
  }
  return std::nullopt;
}

base::Result<std::optional<Slice>> JsonArrayReader::next() {
  std::optional<Slice> element;
  while (!failure_ && !element && at_ < chunk_.size()) {
    if (place_ == Place::element) {
      element = take_element();
    } else if (auto status = step_between(chunk_.text()[at_++]); !status) {
      failure_ = std::move(status).error();
    }
  }
  // Of an element that goes on in the next chunk, this one's part is kept.
  if (place_ == Place::element) carry_ += chunk_.text().substr(std::exchange(begin_, chunk_.size()));
  if (!failure_ && std::max(carry_.size(), element ? element->size() : 0) > element_bytes_max_) {
    failure_ =
        base::Error{.code = ErrorCode::upstream_failed,
                    .message = fmt::format("an element of a streamed JSON array is larger than {} bytes",
                                           element_bytes_max_)};
  }
  if (failure_) return std::unexpected(*failure_);
  return element;
}

}  // namespace sluice::http
