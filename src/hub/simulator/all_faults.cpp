// Every fault a simulated upstream knows: one row each.
#include <algorithm>
#include <iterator>

#include "hub/simulator/fault.h"

namespace sluice::hub::simulator {
namespace {

constexpr Fault kFaults[] = {
    {"none", "answers", Act::answer},
    {"400", "says that the request itself is wrong", Act::status, 400},
    {"401", "refuses the credential", Act::status, 401},
    {"403", "refuses the account", Act::status, 403},
    {"404", "does not know the model", Act::status, 404},
    {"408", "gives up waiting", Act::status, 408},
    {"429", "has had enough, and does not say for how long", Act::status, 429},
    {"429_seconds", "retry-after: seconds", Act::status, 429, RetryAfter::seconds},
    {"429_date", "retry-after: an HTTP date", Act::status, 429, RetryAfter::date},
    {"429_ms", "retry-after-ms: milliseconds", Act::status, 429, RetryAfter::milliseconds},
    {"500", "breaks", Act::status, 500},
    {"502", "cannot reach its own backend", Act::status, 502},
    {"503", "is down", Act::status, 503},
    {"529", "is overloaded", Act::status, 529},
    {"error_in_200", "an error object under status 200", Act::error_in_200},
    {"html", "a page in place of JSON, status 200", Act::html},
    {"empty", "status 200 and no content", Act::empty},
    {"wrong_type", "a good answer, content-type: text/plain", Act::wrong_type},
    {"silence", "takes the request and says nothing", Act::silence},
    {"silence_after_head", "status and headers, then nothing", Act::silence_after_head},
    {"slow_drip", "every token, slowly, never silent for long", Act::drip},
    {"keepalives", "alive for ever, never a token", Act::keepalive},
    {"cut_before_first_token", "breaks off before the first token", Act::cut_early},
    {"cut_after_first_token", "breaks off after three tokens", Act::cut_late},
    {"unterminated", "ends in good order in the middle of the answer", Act::unterminated},
    {"malformed", "JSON that breaks, after three tokens", Act::malformed},
    {"giant", "an event of 17 MiB; whole: an answer of 68 MiB", Act::giant},
    {"duplicated", "first, last and usage events twice", Act::duplicated, 200, RetryAfter::none, true},
    {"reordered", "usage before the end, role after the words", Act::reordered, 200, RetryAfter::none, true},
};

}  // namespace

std::span<const Fault> all_faults() {
  return kFaults;
}

const Fault* find_fault(std::string_view name) {
  const auto found = std::ranges::find(kFaults, name, &Fault::name);
  return found == std::end(kFaults) ? nullptr : &*found;
}

const Fault& fault_at(std::span<const Step> schedule, std::uint64_t index) {
  for (const Step& step : schedule) {
    if (index < step.requests) return *step.fault;
    index -= step.requests;
  }
  return kFaults[0];
}

}  // namespace sluice::hub::simulator
