// What a simulated upstream can do wrong, as data: one row a fault in all_faults.cpp. A schedule is a list of
// steps, each a fault and for how many requests it lasts; after the last step the upstream is healthy. What
// happens before a request arrives (a refused connection, a name that does not resolve, a failed TLS
// handshake) is a matter of the address somebody is given, and not here.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::hub::simulator {

enum class Act : std::uint8_t {
  answer,              // nothing wrong
  status,              // an error status with an error object
  error_in_200,        // an error object where the answer should be
  html,                // a page, with status 200
  empty,               // an answer without content
  wrong_type,          // the right bytes under a content type that says otherwise
  silence,             // takes the request and says nothing
  silence_after_head,  // status and headers, then nothing
  drip,                // every token, but slowly
  keepalive,           // comments for ever, never a token; a whole answer stops after its first byte
  cut_early,           // the connection breaks before the first token
  cut_late,            // the connection breaks after some tokens
  unterminated,        // ends in good order, but in the middle of the answer
  malformed,           // an event that is no JSON, after some tokens
  giant,               // one event, or one answer, beyond every sensible limit
  duplicated,          // first, last and usage events twice
  reordered,           // usage before the end, the role after the first word
};

// How a 429 says when to come back.
enum class RetryAfter : std::uint8_t { none, seconds, date, milliseconds };

struct Fault {
  std::string_view name;  // as written on a command line and in a schedule
  std::string_view story;
  Act act = Act::answer;
  int status = 200;
  RetryAfter retry_after = RetryAfter::none;
  bool streams_only = false;  // a whole answer cannot have it
};

// "none" first.
std::span<const Fault> all_faults();
const Fault* find_fault(std::string_view name);

// Without end.
inline constexpr std::uint64_t kForEver = ~std::uint64_t{0};

struct Step {
  const Fault* fault = nullptr;
  std::uint64_t requests = kForEver;  // it lasts for so many
};

// The fault of request number `index`, counted from zero.
const Fault& fault_at(std::span<const Step> schedule, std::uint64_t index);

}  // namespace sluice::hub::simulator
