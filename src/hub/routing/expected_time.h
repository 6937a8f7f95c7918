// How long one request will take on one route: time to the first token plus the answer at its tokens per
// second, or the time of whole answers where it is not streamed. Each is believed log-normal: what the route
// itself showed, drawn towards what all routes of this decision showed (and that towards a prior) the more
// the less it was seen, as in a normal model with known variances. So a route without history is taken for a
// middling one, and how unsure that is stands beside it. Pure.
#pragma once

#include "base/random.h"
#include "hub/routing/expected_cost.h"

namespace sluice::hub::routing {

// What is believed of the logarithm of a positive quantity.
struct Belief {
  double log_mean = 0;
  double deviation = 0;    // of single observations
  double uncertainty = 0;  // of log_mean itself
  double weight = 0;       // observations behind it

  double mean() const;
  double quantile(double z) const;  // z: of the standard normal
  Belief drawn(double normal) const;
};
Belief believe(const health::Spread& seen, const Belief& pool);

// What the routes of one decision showed together.
struct Pool {
  Belief first_token_s, tokens_per_s, answer_s;
};
Pool pool_of(const Situation& situation);

struct TimeOutlook {
  Belief first_token_s, tokens_per_s, answer_s;
  bool as_whole = false;  // by answer_s
  double answer_tokens = 0, answer_deviation = 0;

  double seen() const { return as_whole ? answer_s.weight : first_token_s.weight; }
  double first_s() const { return as_whole ? answer_s.mean() : first_token_s.mean(); }
  double total_s() const;
  double deviation_s() const;
  double in_time_chance(double seconds) const;
  // As believed after one draw of everything uncertain.
  TimeOutlook drawn(base::Random& random) const;
};
TimeOutlook expect_time(const Situation& situation, const Option& option, const AnswerLength& answer,
                        const Pool& pool);

double draw_normal(base::Random& random);

}  // namespace sluice::hub::routing
