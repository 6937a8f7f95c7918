// What a simulated upstream says to one chat request, written out before the first byte goes: when the head
// goes, which bytes after which pause, and how it ends. Pure: time is in the pauses, the fault an argument.
// The words of an answer name the upstream, so that a caller can tell who answered from the text alone.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/money.h"
#include "http/message.h"
#include "hub/simulator/fault.h"

namespace sluice::hub::simulator {

using Millis = std::chrono::milliseconds;

struct UpstreamSettings {
  std::string name = {};            // the first part of its paths
  std::vector<Step> schedule = {};  // empty: healthy
  Millis first_token{5};            // from the request to the head and the first token
  Millis per_token{0};              // from there on
  Millis retry_after{1000};         // what a 429 asks for
  std::uint32_t tokens = 8;         // of an answer
  base::NanoUsd price_input = {};   // of a token
  base::NanoUsd price_output = {};
  double spread = 0;      // of the pace: a factor between 1 - spread and 1 + spread
  double slow_share = 0;  // of the answers that take slow_factor times as long
  double slow_factor = 10;
};

// What a request asks for, as far as an answer depends on it.
struct Asked {
  std::string model = {};
  std::uint64_t number = 0;  // of the request, for ids
  bool stream = false;
  bool wants_usage = false;
  double slowness = 1;
  std::int64_t unix_s = 0;
};

// Bytes after a pause; `repeat` times, for what is too large to be built.
struct Beat {
  Millis after{0};
  http::Slice bytes = {};
  std::uint32_t repeat = 1;
  std::uint32_t tokens = 0;  // that a caller could read out of them
};

struct Script {
  enum class End : std::uint8_t { whole, cut, silent };
  bool says_head = true;
  int status = 200;
  http::Headers headers;
  Millis head_after{0};
  bool in_pieces = false;  // chunked, beat by beat; else one body with its length
  std::vector<Beat> beats;
  End end = End::whole;
};

inline constexpr std::uint32_t kTokensIn = 12;        // that every request is billed for
inline constexpr std::uint32_t kTokensBeforeCut = 3;  // of answers that break
inline constexpr Millis kDrip{60};                    // between the tokens of a slow one

// "north says one two three ...": what a whole answer holds.
std::string answer_of(const UpstreamSettings& upstream);

Script write_script(const UpstreamSettings& upstream, const Fault& fault, const Asked& asked);

}  // namespace sluice::hub::simulator
