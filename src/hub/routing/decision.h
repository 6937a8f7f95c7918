// Who shall be asked, in which order, and why: hard constraints first, then the policy. Pure: everything that
// it judges by stands in the Situation, and the same Situation and seed give the same Decision. Whoever
// explains an answer shows a Decision.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "hub/catalog/resolve.h"
#include "hub/health/figures.h"
#include "hub/routing/wishes.h"
#include "hub/tasks/kind.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::routing {

// The request, as far as routing looks at it.
struct Ask {
  tasks::Kind kind = tasks::Kind::chat;
  bool stream = false;
  bool has_images = false, has_audio = false, has_files = false, has_tools = false, wants_structure = false;
  std::uint32_t choices = 1;
  std::uint32_t images = 0;
  tasks::Tokens input_expected;             // estimated from bytes
  tasks::Tokens input_most;                 // cannot be more
  std::optional<tasks::Tokens> output_max;  // what the client allows
  std::uint64_t prefix = 0;                 // a hash of the prompt's beginning; 0: not known
};

// One candidate with all that is known of it.
struct Option {
  catalog::Candidate candidate;
  std::string asked_model;   // the model the client or the operator named for this one
  bool substitutes = false;  // another model than the first asked for
  health::Figures figures;
  bool holds_prefix = false;  // it answered this prefix lately
  bool has_credential = true;
};

struct Situation {
  const Ask* ask = nullptr;
  const Wishes* wishes = nullptr;
  std::span<const Option> options;  // in the order of preference
  health::TimePoint now;
  std::int64_t today_s = 0;          // seconds since 1970, for the age of prices
  std::int64_t price_max_age_s = 0;  // 0: any age
  std::uint64_t seed = 0;            // all chance of this decision
};

// What stands behind a cost. A price in doubt ranks behind every price that is not, and one that is unknown
// (or older than it may be) behind those; neither passes a cap.
enum class PriceTrust : std::uint8_t { known, doubted, unknown };
constexpr std::string_view name_of(PriceTrust trust) {
  constexpr std::string_view kNames[] = {"known", "doubted", "unknown"};
  return kNames[static_cast<std::size_t>(trust)];
}

// What a request is expected to take on one route. Absent: not known, never zero.
struct Expected {
  PriceTrust price = PriceTrust::unknown;
  std::optional<base::NanoUsd> cost = {};        // expected
  std::optional<base::NanoUsd> cost_worst = {};  // cannot be more: the cap that must hold
  std::optional<double> first_token_s = {}, total_s = {};
  double cost_deviation_usd = 0, total_deviation_s = 0;
  double success_chance = 0;
  std::optional<double> in_time_chance = {};  // with a deadline
};

struct Ranked {
  std::size_t option = 0;  // index into Situation::options
  Expected expected;
  double score = 0;                                             // the policy's, lower is better
  std::vector<std::pair<std::string_view, double>> parts = {};  // of the score, by name
  // Set: it must not be asked before then (an open circuit, a 429, a limit used up). Such routes stand behind
  // all others, the soonest first.
  std::optional<health::TimePoint> not_before = {};
  std::string_view held_back = {};  // why it stands behind others of a better score; empty: it does not
};

struct Excluded {
  std::size_t option = 0;
  std::string_view constraint;  // its name in all_constraints.cpp
  std::string reason;           // expected, actual
};

struct Decision {
  std::string_view policy;
  bool explored = false;       // a less known route was tried out of turn, to learn how fast it is
  std::vector<Ranked> ranked;  // best first
  std::vector<Excluded> excluded;
};

// Names of all_policies.cpp: cheapest, fastest, preferred, weighted_random, least_busy, prefix_affinity,
// deadline, mix. An unknown one is a programmer's mistake: parse_wishes refuses it before.
Decision decide(const Situation& situation);

// When nothing is left: who was excluded by what, in one text of bounded length; code by the constraint
// (forbidden for privacy, payment_required for cost, invalid_argument for capability, unavailable else).
base::Error explain_refusal(const Situation& situation, const Decision& decision);

// The whole reasoning as JSON: candidates in order with expectation and parts, the excluded with reasons. Of
// each of the two so many at most; `left_out` says how many there were besides.
std::string decision_json(const Situation& situation, const Decision& decision,
                          std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace sluice::hub::routing
