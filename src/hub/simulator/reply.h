// From an exchange as a file describes it to the bytes of an answer. Pure: the die that cuts a stream into
// pieces is an argument, so a printed seed repeats a run.
//
// Strings in a reply may hold $model, $message, $id, $base and, inside `$each`, $it; "$index" alone is a
// number.
//   {"$if": [conditions], "then": x, "else": y}       in place of a value; without `else` it may vanish
//   {"$each": ["a", "b"], "as": x}                    in an array: x once for each
//   {"$each_at": "input", "as": x}                    in an array: x once for each value the request has
//   there
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "http/message.h"
#include "hub/simulator/conditions.h"
#include "hub/simulator/library.h"

namespace sluice::hub::simulator {

// What a reply may depend on. Borrowed.
struct Situation {
  const Server* server = nullptr;
  RequestView request = {};
  std::string model = {};
  std::string message = {};  // of an error
  std::string id = {};       // of a submitted job
  std::string base = {};     // the address of this server
  std::string query = {};
  bool stream = false;
};

struct Reply {
  enum class End : std::uint8_t { whole, cut, endless };
  std::uint64_t number = 0;  // under which it is remembered; 0: not at all
  int status = 200;
  http::Headers headers;
  bool streamed = false;  // chunked, piece by piece; else the pieces are one body
  std::vector<std::string> pieces;
  End end = End::whole;
};

// `exchange` is a variant that was chosen: `reply` and `stream`, with `status`, `headers`, `content_type`,
// `framing`, `end`, `raw`. An endless one says nothing more after its pieces.
Reply write_reply(const Situation& situation, simdjson::dom::object exchange, base::Random& dice);

// The server's own error of that status, `situation.message` in it. Statuses it has no words for become 400.
Reply write_error(const Situation& situation, int status);

// Random pieces of at most kPieceBytesMax, none empty.
std::vector<std::string> cut_into_pieces(std::string_view bytes, base::Random& dice);

}  // namespace sluice::hub::simulator
