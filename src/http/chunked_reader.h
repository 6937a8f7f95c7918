// Decodes the chunked transfer coding (RFC 9112 7.1) in place: payload moves to the front of the buffer it
// came in, so that all payload of one read is one run of bytes. Strict: CRLF only, no white space around the
// size. Extensions and trailers are checked, bounded and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace sluice::http {

class ChunkedReader {
 public:
  struct Step {
    std::size_t payload = 0;   // bytes of payload, at the front of the buffer
    std::size_t consumed = 0;  // bytes of the buffer that were used; all of them unless done
    bool done = false;         // the last chunk and the trailers have passed
  };
  // The error is a literal ("malformed chunk size"); after one the reader is spent.
  std::expected<Step, std::string_view> decode(std::span<char> bytes);

 private:
  enum class State : std::uint8_t {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    trailer_lf,
    done
  };
  std::string_view step_line(char c);

  State state_ = State::size;
  std::uint64_t remaining_ = 0;  // of the chunk under way
  std::size_t size_digits_ = 0;
  std::size_t line_bytes_ = 0;  // of the size line, or of all trailers
  bool trailer_line_empty_ = true;
};

}  // namespace sluice::http
