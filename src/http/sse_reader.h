// Server-sent events from bytes in any chunking: the events, and the raw slices put together again to the
// very bytes that came, do not depend on where the chunks were cut. Follows the WHATWG parsing rules, with
// two differences that relaying needs: a block without data (comments, keep-alives) is given as well, with
// has_data false, and finish() gives a last block that lacks its blank line.
// Pure; one per stream; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
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
  enum class LineEnd : std::uint8_t { lf, cr, crlf };

  // Where the block under way ends in `bytes`, scanning from scanned_: one past its last byte.
  std::optional<std::size_t> find_block_end(std::string_view bytes);
  SseEvent take_block(std::size_t end);

  const std::size_t event_bytes_max_;
  // Bytes of a block that began in an earlier chunk, and the chunk being read.
  std::string carry_;
  Slice chunk_;
  // The scan inside the block under way; no byte is looked at twice.
  std::size_t scanned_ = 0;         // bytes of chunk_ scanned
  bool line_empty_ = true;          // nothing yet on the line under way
  bool after_cr_ = false;           // a LF may follow that belongs to the line end
  bool blank_seen_ = false;         // that CR ended a blank line
  LineEnd last_end_ = LineEnd::lf;  // a CR after CRLF lines waits for its LF, one after CR lines does not
  std::size_t bom_bytes_ = 0;       // of the byte order mark matched at the start of the stream
  bool bom_possible_ = true;
  bool first_block_ = true;
  bool too_large_ = false;
};

}  // namespace sluice::http
