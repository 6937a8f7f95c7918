#include "http/sse_reader.h"

#include <utility>

namespace sluice::http {

using base::ErrorCode;
using base::fail;

namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

// Offsets of a line in its block, without the line end.
struct Line {
  std::size_t at;
  std::size_t size;
};

Line take_line(std::string_view block, std::size_t& at) {
  const std::size_t end = std::min(block.find_first_of("\r\n", at), block.size());
  const Line line{at, end - at};
  at = end;
  if (at < block.size()) at += block.substr(at).starts_with("\r\n") ? 2 : 1;
  return line;
}

}  // namespace

void SseReader::feed(Slice bytes) {
  if (chunk_.empty()) {
    chunk_ = std::move(bytes);
    scanned_ = 0;
    return;
  }
  // The caller did not take every event first: legal, only slower.
  std::string joined(chunk_.text());
  joined += bytes.text();
  chunk_ = Slice::of(std::move(joined));
}

std::optional<std::size_t> SseReader::find_block_end(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    const char c = bytes[scanned_];
    if (bom_possible_) {
      if (c == kBom[bom_bytes_]) {
        ++scanned_;
        bom_possible_ = ++bom_bytes_ < kBom.size();
        continue;
      }
      bom_possible_ = false;
      if (bom_bytes_ > 0) line_empty_ = false;  // only looked like one
    }
    if (after_cr_) {
      after_cr_ = false;
      last_end_ = c == '\n' ? LineEnd::crlf : LineEnd::cr;
      if (c == '\n') ++scanned_;
      if (std::exchange(blank_seen_, false)) return scanned_;
      if (c == '\n') continue;
    }
    ++scanned_;
    if (c == '\n') {
      last_end_ = LineEnd::lf;
      if (std::exchange(line_empty_, true)) return scanned_;
    } else if (c == '\r') {
      const bool blank = std::exchange(line_empty_, true);
      if (blank && last_end_ == LineEnd::cr) return scanned_;
      after_cr_ = true;
      blank_seen_ = blank;
    } else {
      line_empty_ = false;
      while (scanned_ < bytes.size() && bytes[scanned_] != '\n' && bytes[scanned_] != '\r') ++scanned_;
    }
  }
  return std::nullopt;
}

base::Result<std::optional<SseEvent>> SseReader::next() {
  if (!too_large_ && chunk_.empty()) return std::nullopt;
  const auto end = too_large_ ? std::nullopt : find_block_end(chunk_.text());
  if (too_large_ || carry_.size() + end.value_or(chunk_.size()) > event_bytes_max_) {
    too_large_ = true;
    carry_ = {};
    chunk_ = {};
    return fail(ErrorCode::upstream_failed, "event stream: an event is larger than {} bytes",
                event_bytes_max_);
  }
  if (end) return take_block(*end);
  carry_ += chunk_.text();
  chunk_ = {};
  scanned_ = 0;
  return std::nullopt;
}

std::optional<SseEvent> SseReader::finish() {
  carry_ += chunk_.text();
  chunk_ = {};
  if (carry_.empty()) return std::nullopt;
  const bool terminated = blank_seen_;
  SseEvent event = take_block(0);
  event.terminated = terminated;
  return event;
}

// The block is carry_ and the first `end` bytes of chunk_.
SseEvent SseReader::take_block(std::size_t end) {
  SseEvent event;
  if (carry_.empty()) {
    event.raw = chunk_.sub(0, end);
  } else {
    carry_ += chunk_.text().substr(0, end);
    event.raw = Slice::of(std::exchange(carry_, {}));
  }
  chunk_ = chunk_.sub(end);
  scanned_ = 0;
  const std::string_view block = event.raw.text();
  const bool has_bom = std::exchange(first_block_, false) && block.starts_with(kBom);
  std::size_t data_fields = 0;
  std::string joined;
  for (std::size_t at = has_bom ? kBom.size() : 0; at < block.size();) {
    const Line line = take_line(block, at);
    const std::string_view text = block.substr(line.at, line.size);
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string_view field = text.substr(0, colon);
    std::size_t value_at = std::min(colon + 1, text.size());
    if (value_at < text.size() && text[value_at] == ' ') ++value_at;
    const Slice value = event.raw.sub(line.at + value_at, line.size - value_at);
    if (field == "data") {
      if (data_fields == 1) joined = event.data.text();
      if (data_fields > 0) (joined += '\n') += value.text();
      if (data_fields++ == 0) event.data = value;
    } else if (field == "event") {
      event.event = value;
    } else if (field == "id" && value.text().find('\0') == std::string_view::npos) {
      event.id = value;
    }
  }
  if (data_fields > 1) event.data = Slice::of(std::move(joined));
  event.has_data = data_fields > 0;
  return event;
}

}  // namespace sluice::http
