// One row of the drill: which upstreams there are, what they do wrong, who calls and how, and what must come
// of it: for the caller, and for each upstream. Data only; run.cpp plays it, all_scenarios.cpp holds the
// rows, `sluice drill --reference` prints them as docs/reference/drill.md.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "hub/simulator/fault.h"

namespace sluice::app::drill {

using std::chrono::milliseconds;

inline constexpr std::size_t kRoutesMax = 2;

// Limits that the gateway under test is given, and what a gap between two attempts may be.
inline constexpr milliseconds kSilence{2000};  // first byte, first token, gap between two reads
inline constexpr milliseconds kPrompt{1500};   // leaving takes no longer than this
inline constexpr milliseconds kSlack{2500};    // over a time that must pass

enum class Place : std::uint8_t { served, refused, unknown_name, bad_tls };

struct Route {
  std::string_view fault = "none";                    // a name of the simulator's table
  std::uint64_t requests = hub::simulator::kForEver;  // it lasts for so many, then the upstream is healthy
  Place place = Place::served;
  milliseconds first_token{5};
  milliseconds per_token{0};
  std::uint32_t tokens = 8;
  bool keeps_nothing = false;  // by its data policy; else it is not known to
};

enum class Caller : std::uint8_t {
  plain,             // asks once
  retrying_sdk,      // asks again after 408, 409, 429, 5xx, twice, unless x-should-retry says no
  leaves,            // goes away while the answer is awaited
  leaves_in_stream,  // goes away after the first words
};

// Who the request is for.
enum class Target : std::uint8_t { model, pin };

enum class Outcome : std::uint8_t { whole, cut, error, left };
std::string_view name_of(Outcome outcome);

inline constexpr int kUnseen = -1;  // requests that never reach an upstream cannot be counted there
inline constexpr int kAnyCount = -2;
inline constexpr int kNobody = -1;

struct Expect {
  Outcome outcome = Outcome::whole;
  int status = 200;   // of an error; 0: any that is no 200
  int served_by = 1;  // index of a route
  std::array<int, kRoutesMax> attempts{1, 1};
  milliseconds gap_min{0}, gap_max{kPrompt};  // between the first two attempts of all
  milliseconds time_max{20'000};              // of the call
  bool says_no_retry = false;                 // x-should-retry: false
  bool names_all = false;                     // the error names every route
  int never = kNobody;                        // a route that must not be reached, whatever else happens
};

struct Scenario {
  std::string_view name;
  std::string_view story;  // what must come of it, in one line
  std::array<Route, kRoutesMax> routes{};
  std::size_t route_count = kRoutesMax;
  std::optional<Expect> plain, stream;  // nullopt: there is no such row
  Caller caller = Caller::plain;
  Target target = Target::model;
  std::string_view body = {};  // members added to the request, each with a comma in front
  bool heavy = false;          // played alone: it keeps the machine busy
  bool ours = false;           // asks for what only sluice promises; not played against other gateways

  std::span<const Route> used_routes() const { return {routes.data(), route_count}; }
};

std::span<const Scenario> all_scenarios();

}  // namespace sluice::app::drill
