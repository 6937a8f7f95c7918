// Server-sent events from bytes in any chunking: the events, and the raw slices put together again to the
// very bytes that came, do not depend on where the chunks were cut. Follows the WHATWG parsing rules, with
// two differences that relaying needs: a block without data (comments, keep-alives) is given as well, with
// has_data false, and finish() gives a last block that lacks its blank line.
// Pure; one per stream; not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/limits.h"
#include "http/slice.h"

namespace sluice::http {

struct SseEvent {
  Slice
      raw;  // the block with its comments, blank line, BOM: what to relay. Neighbours adjoin (Slice::adjoins)
  Slice event;             // last `event:` field, or empty
  Slice data;              // `data:` fields joined by LF; a part of `raw` when there is one
  Slice id;                // last `id:` field of this block, or empty
  bool has_data = false;   // a browser would dispatch it
  bool terminated = true;  // ended by a blank line; false only from finish()
};

class SseReader {
 public:
  explicit SseReader(std::size_t event_bytes_max = kMaxSseEventBytes) : event_bytes_max_(event_bytes_max) {}

  // Adds bytes. Take every event with next() before feeding again.
  void feed(Slice bytes);

  // The next complete block, nullopt when more bytes are needed, upstream_failed when a block outgrows the
  // limit (for good: every later call fails as well).
  base::Result<std::optional<SseEvent>> next();

  // Call once after the stream ended cleanly and next() gave nullopt: the unfinished last block, if any.
  std::optional<SseEvent> finish();

 private:
  std::optional<std::size_t> find_block_end();
  SseEvent parse_block(Slice raw, bool terminated);

  const std::size_t event_bytes_max_;
  // Bytes of a block that began in an earlier chunk, and the chunk being read.
  std::string carry_;
  Slice chunk_;
  // Where the scan stands inside the block under way, so that no byte is looked at twice.
  std::size_t scanned_ = 0;     // bytes of the block scanned
  std::size_t line_start_ = 0;  // offset in the block of the line under way
  bool at_stream_start_ = true;
  bool too_large_ = false;
};

}  // namespace sluice::http
