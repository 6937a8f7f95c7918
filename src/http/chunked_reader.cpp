#include "http/chunked_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "http/limits.h"

namespace sluice::http {

namespace {

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

constexpr std::size_t kMaxSizeDigits = 15;  // below 2^60: no sum of sizes can overflow

}  // namespace

// One byte outside the data. Returns what is wrong, or nothing.
std::string_view ChunkedReader::step_line(char c) {
  switch (state_) {
    case State::size:
      if (const auto digit = hex_value(c)) {
        if (++size_digits_ > kMaxSizeDigits) return "chunk size out of range";
        remaining_ = remaining_ * 16 + *digit;
        return {};
      }
      if (size_digits_ == 0) return "malformed chunk size";
      if (c == '\r')
        state_ = State::size_lf;
      else if (c == ';')
        state_ = State::extension;
      else
        return "malformed chunk size";
      return {};
    case State::extension:
      if (++line_bytes_ > kMaxChunkLineBytes) return "chunk extension too long";
      if (c == '\r')
        state_ = State::size_lf;
      else if (!is_text(c))
        return "control character in a chunk extension";
      return {};
    case State::size_lf:
      if (c != '\n') return "malformed end of the chunk size line";
      state_ = remaining_ == 0 ? State::trailer : State::data;
      line_bytes_ = 0;
      trailer_line_empty_ = true;
      return {};
    case State::data_cr:
      if (c != '\r') return "chunk longer than its size";
      state_ = State::data_lf;
      return {};
    case State::data_lf:
      if (c != '\n') return "chunk longer than its size";
      state_ = State::size;
      size_digits_ = 0;
      return {};
    case State::trailer:
      if (++line_bytes_ > kMaxTrailerBytes) return "trailers too long";
      if (c == '\r')
        state_ = State::trailer_lf;
      else if (!is_text(c))
        return "control character in a trailer";
      else
        trailer_line_empty_ = false;
      return {};
    case State::trailer_lf:
      if (c != '\n') return "malformed end of a trailer line";
      state_ = trailer_line_empty_ ? State::done : State::trailer;
      trailer_line_empty_ = true;
      return {};
    case State::data:
    case State::done:
      break;
  }
  return "bytes after the last chunk";
}

std::expected<ChunkedReader::Step, std::string_view> ChunkedReader::decode(std::span<char> bytes) {
  Step step;
  while (step.consumed < bytes.size() && state_ != State::done) {
    if (state_ == State::data) {
      const std::size_t count =
          static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size() - step.consumed));
      std::memmove(bytes.data() + step.payload, bytes.data() + step.consumed, count);
      step.payload += count;
      step.consumed += count;
      remaining_ -= count;
      if (remaining_ == 0) state_ = State::data_cr;
    } else if (const auto problem = step_line(bytes[step.consumed++]); !problem.empty()) {
      return std::unexpected(problem);
    }
  }
  step.done = state_ == State::done;
  return step;
}

}  // namespace sluice::http
