// The elements of one JSON array from bytes in any chunking, as servers stream them that frame their answers
// with brackets and commas ("[{...}\r\n,\r\n{...}]"). Finds where an element ends by strings and brackets
// alone; whether it is valid JSON is for whoever reads it. A lone object instead of an array is given as the
// only element: errors come that way.
// Pure; one per stream; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/limits.h"
#include "http/slice.h"

namespace sluice::http {

class JsonArrayReader {
 public:
  explicit JsonArrayReader(std::size_t element_bytes_max = kMaxJsonElementBytes)
      : element_bytes_max_(element_bytes_max) {}

  // Adds bytes. Take every element with next() before feeding again.
  void feed(Slice bytes);

  // The next complete element, nullopt when more bytes are needed. upstream_failed when an element outgrows
  // the limit or the bytes are no array of objects; for good: every later call fails as well.
  base::Result<std::optional<Slice>> next();

  // The array, or the lone object, is closed. Ask when the stream has ended.
  bool is_closed() const { return !failure_ && place_ == Place::after; }

 private:
  enum class Place : std::uint8_t { before, first, element, after_element, next_element, after };

  base::Status step_between(char c);
  std::optional<Slice> take_element();

  const std::size_t element_bytes_max_;
  // Bytes of an element that began in an earlier chunk, and the chunk being read.
  std::string carry_;
  Slice chunk_;
  std::size_t at_ = 0;     // bytes of chunk_ looked at; none is looked at twice
  std::size_t begin_ = 0;  // where the element under way begins in chunk_
  // Inside an element.
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool after_backslash_ = false;
  Place place_ = Place::before;
  bool in_array_ = false;
  std::optional<base::Error> failure_;
};

}  // namespace sluice::http
