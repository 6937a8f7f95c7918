// Every row of the drill, and what must come of it.
#include <vector>

#include "app/drill/scenario.h"

namespace sluice::app::drill {
namespace {

constexpr milliseconds kNone{0};

// What a request ends in.
constexpr Expect next_answers(milliseconds gap_min = kNone, milliseconds gap_max = kPrompt) {
  return {.gap_min = gap_min, .gap_max = gap_max};
}
constexpr Expect next_answers_after_silence() {
  return next_answers(kSilence - milliseconds(100), kSilence + kSlack);
}
constexpr Expect first_answers() {
  return {.served_by = 0, .attempts = {1, 0}};
}
constexpr Expect is_cut() {
  return {.outcome = Outcome::cut, .served_by = kNobody, .attempts = {1, 0}};
}
constexpr Expect refuses(int status, int first, int second, bool says_no_retry) {
  return {.outcome = Outcome::error,
          .status = status,
          .served_by = kNobody,
          .attempts = {first, second},
          .gap_max = kSilence + kSlack,
          .says_no_retry = says_no_retry,
          .names_all = second > 0};
}
constexpr Expect leaves(int first, int second) {
  return {.outcome = Outcome::left, .status = 0, .served_by = kNobody, .attempts = {first, second}};
}
constexpr Expect waits(milliseconds at_least) {
  return {.served_by = 0, .attempts = {2, 0}, .gap_min = at_least, .gap_max = at_least + kSlack};
}

constexpr std::string_view kZdr = R"(,"provider":{"zdr":true})";
constexpr milliseconds kHedgeAfter{300};

constexpr Expect second_alone() {
  return {.attempts = {0, 1}, .never = 0};
}
constexpr Expect refuses_all() {
  return {.outcome = Outcome::error, .status = 0, .served_by = kNobody, .attempts = {0, 0}, .never = 0};
}
constexpr Expect in_time(milliseconds deadline) {
  return {.outcome = Outcome::error,
          .status = 504,
          .served_by = kNobody,
          .attempts = {1, kAnyCount},
          .gap_max = deadline,
          .time_max = deadline + milliseconds(1000)};
}

constexpr Scenario on_both(std::string_view fault, Expect expect, std::string_view story) {
  return {
      .name = fault, .story = story, .routes = {Route{.fault = fault}}, .plain = expect, .stream = expect};
}
constexpr Scenario unlike(std::string_view fault, Expect plain, Expect stream, std::string_view story) {
  return {.name = fault, .story = story, .routes = {Route{.fault = fault}}, .plain = plain, .stream = stream};
}
constexpr Scenario of_streams(std::string_view fault, Expect stream, std::string_view story) {
  return {.name = fault,
          .story = story,
          .routes = {Route{.fault = fault}},
          .plain = std::nullopt,
          .stream = stream};
}
// Never reaches the first upstream.
constexpr Scenario unreachable(std::string_view name, Place place, std::string_view story) {
  Expect expect = next_answers();
  expect.attempts = {kUnseen, 1};
  return {.name = name, .story = story, .routes = {Route{.place = place}}, .plain = expect, .stream = expect};
}
// One route and a 429 that says when to come back.
constexpr Scenario alone(std::string_view name, std::string_view fault, Expect expect,
                         std::string_view story) {
  return {.name = name,
          .story = story,
          .routes = {Route{.fault = fault, .requests = 1}},
          .route_count = 1,
          .plain = expect,
          .stream = expect};
}

constexpr std::string_view kNext = "the next route answers, at once";

constexpr Scenario kScenarios[] = {
    unreachable("refused_connection", Place::refused, kNext),
    unreachable("dns_failure", Place::unknown_name, kNext),
    unreachable("tls_failure", Place::bad_tls, kNext),
    on_both("400", refuses(400, 1, 0, false), "the request is at fault: told so, tried nowhere else"),
    on_both("401", next_answers(), kNext),
    on_both("403", next_answers(), kNext),
    on_both("404", next_answers(), kNext),
    on_both("408", next_answers(), kNext),
    on_both("429", next_answers(), kNext),
    on_both("429_seconds", next_answers(), "leaving is quicker than the second asked for"),
    on_both("429_date", next_answers(), "leaving is quicker than waiting for the date"),
    on_both("429_ms", next_answers(), "leaving is quicker than waiting"),
    on_both("500", next_answers(), kNext),
    on_both("502", next_answers(), kNext),
    on_both("503", next_answers(), kNext),
    on_both("529", next_answers(), kNext),
    on_both("error_in_200", next_answers(), kNext),
    on_both("html", next_answers(), kNext),
    on_both("empty", next_answers(), "an answer without content is none: the next route answers"),
    on_both("wrong_type", next_answers(), "not trusted: the next route answers"),
    on_both("silence", next_answers_after_silence(), "given up after the limit, never asked again"),
    on_both("silence_after_head", next_answers_after_silence(),
            "given up after the limit, never asked again"),
    on_both("keepalives", next_answers_after_silence(), "alive is not enough: given up without a token"),
    on_both("slow_drip", first_answers(), "slow is not silent: the answer comes whole"),
    on_both("cut_before_first_token", next_answers(), kNext),
    unlike("cut_after_first_token", next_answers(), is_cut(),
           "seen by the caller: an explicit error ends the stream; unseen: the next route answers"),
    unlike("unterminated", next_answers(), is_cut(), "half an answer is none, however well it ends"),
    unlike("malformed", next_answers(), is_cut(), "as a cut"),
    {.name = "giant",
     .story = "beyond every limit: the next route answers",
     .routes = {Route{.fault = "giant"}},
     .plain = next_answers(kNone, kSlack * 2),
     .stream = next_answers(kNone, kSlack * 2),
     .heavy = true},
    of_streams("duplicated", first_answers(), "every word once, one end"),
    of_streams("reordered", first_answers(), "every word, whatever order the rest came in"),

    alone("429_alone", "429", refuses(429, 1, 0, true), "nobody else, and no time given: told so"),
    alone("429_alone_seconds", "429_seconds", waits(milliseconds(1000)),
          "nobody else: waits, then asks again"),
    alone("429_alone_date", "429_date", waits(milliseconds(1000)), "nobody else: waits for the date"),
    alone("429_alone_ms", "429_ms", waits(milliseconds(1000)), "nobody else: waits, then asks again"),
    {.name = "silence_alone",
     .story = "a silent route is never asked twice, even when there is no other",
     .routes = {Route{.fault = "silence"}},
     .route_count = 1,
     .plain = refuses(504, 1, 0, true),
     .stream = refuses(504, 1, 0, true)},
    {.name = "cut_alone",
     .story = "nor is one that breaks off",
     .routes = {Route{.fault = "cut_before_first_token"}},
     .route_count = 1,
     .plain = refuses(502, 1, 0, true),
     .stream = refuses(502, 1, 0, true)},
    {.name = "pin",
     .story = "model:provider is asked of that provider and nobody else",
     .routes = {Route{.fault = "500"}},
     .plain = refuses(502, 1, 0, true),
     .stream = refuses(502, 1, 0, true),
     .target = Target::pin,
     .ours = true},
    {.name = "all_down",
     .story = "503 with every route's reason; the device was not named and does not answer",
     .routes = {Route{.fault = "503"}, Route{.fault = "500"}},
     .plain = refuses(503, 1, 1, true),
     .stream = refuses(503, 1, 1, true)},
    {.name = "sdk_retries",
     .story = "a client library that retries is told not to: each route is reached once",
     .routes = {Route{.fault = "500"}, Route{.fault = "429"}},
     .plain = refuses(503, 1, 1, true),
     .stream = refuses(503, 1, 1, true),
     .caller = Caller::retrying_sdk},
    {.name = "zdr",
     .story = "a route that may keep the content never sees it",
     .routes = {Route{}, Route{.keeps_nothing = true}},
     .plain = second_alone(),
     .stream = second_alone(),
     .body = kZdr,
     .ours = true},
    {.name = "zdr_nobody",
     .story = "and when it is the only one the request is refused",
     .routes = {Route{}},
     .route_count = 1,
     .plain = refuses_all(),
     .stream = refuses_all(),
     .body = kZdr,
     .ours = true},
    {.name = "hedge",
     .story = "a second route is asked when the first is late; the loser is closed",
     .routes = {Route{.first_token = milliseconds(1900)}},
     .plain = next_answers(kHedgeAfter, kHedgeAfter + kPrompt),
     .stream = next_answers(kHedgeAfter, kHedgeAfter + kPrompt),
     .body = R"(,"hedge":{"after_ms":300})",
     .ours = true},
    {.name = "deadline",
     .story = "one budget of time over all attempts",
     .routes = {Route{.fault = "silence"}, Route{.fault = "silence"}},
     .plain = in_time(milliseconds(800)),
     .stream = in_time(milliseconds(800)),
     .body = R"(,"deadline_ms":800)",
     .ours = true},
    {.name = "leaves_waiting",
     .story = "the caller leaves before the head: the upstream is closed within a second",
     .routes = {Route{.fault = "silence"}},
     .plain = leaves(1, 0),
     .stream = leaves(1, 0),
     .caller = Caller::leaves},
    {.name = "leaves_after_head",
     .story = "the caller leaves before the first token: the same",
     .routes = {Route{.fault = "silence_after_head"}},
     .plain = leaves(1, 0),
     .stream = leaves(1, 0),
     .caller = Caller::leaves},
    {.name = "leaves_second",
     .story = "the caller leaves while the second route is silent: the same",
     .routes = {Route{.fault = "500"}, Route{.fault = "silence"}},
     .plain = leaves(1, 1),
     .stream = leaves(1, 1),
     .caller = Caller::leaves},
    {.name = "leaves_in_stream",
     .story = "the caller leaves after the first words: the same",
     .routes = {Route{.fault = "slow_drip", .tokens = 400}},
     .plain = std::nullopt,
     .stream = leaves(1, 0),
     .caller = Caller::leaves_in_stream},
};

}  // namespace

std::span<const Scenario> all_scenarios() {
  return kScenarios;
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::whole:
      return "whole";
    case Outcome::cut:
      return "cut";
    case Outcome::error:
      return "error";
    case Outcome::left:
      return "left";
  }
  return "";
}

}  // namespace sluice::app::drill
