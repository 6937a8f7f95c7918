// The simulated providers: what is true of each at each moment, and what a request sent then meets. All
// chance comes from one seed, and a draw depends on (seed, request, provider, visit) alone: every way of
// choosing meets the same weather and, where it chooses alike, the same answers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "simulation/scenario.h"

namespace sluice::simulation {

enum class Outage { none, refused, overloaded, silent };

// What a clairvoyant may know.
struct Truth {
  double first_token_s = 0;  // median
  double tokens_per_s = 0;   // median
  double fault = 0;          // chance that an attempt fails
  double input_usd_per_m = 0, output_usd_per_m = 0;
  Outage outage = Outage::none;
};

struct Request {
  std::uint64_t id = 0;
  double arrives_s = 0;
  double input_tokens = 0;
  double output_tokens = 0;  // not known before the end
};

struct Draw {
  bool fails = false;
  double first_token_s = 0;
  double tokens_per_s = 1;
};

class World {
 public:
  World(const Scenario& scenario, std::uint64_t seed);

  const Scenario& scenario() const { return scenario_; }
  const std::vector<Request>& requests() const { return requests_; }
  Truth truth(std::size_t provider, double now_s) const;
  Draw draw(std::size_t provider, const Request& request, std::uint32_t visit, double now_s) const;
  // On average, from the truth: what the one that knows everything but the draw reckons with.
  double expected_total_s(std::size_t provider, double now_s) const;
  double mean_output_tokens() const;

 private:
  // Steps of one figure over time: from `at_s` on it is `value`.
  struct Step {
    double at_s, value;
  };
  using Steps = std::vector<Step>;
  struct Weather {
    Steps latency, rate, fault, price, outage;
  };

  static double value_at(const Steps& steps, double now_s);
  Steps walk(base::Random& random, Range every, double deviation) const;
  void make_requests(base::Random& random);
  Weather make_weather(base::Random& random) const;

  const Scenario scenario_;
  const std::uint64_t seed_;
  std::vector<Weather> weather_;
  std::vector<Request> requests_;
};

// A provider's limit on requests, as one way of choosing uses it up.
class Limit {
 public:
  Limit(LimitKind kind, double per_s);

  bool has_room(double now_s) const;
  bool take(double now_s);
  // The fields of an answer's head; empty where the provider says nothing.
  std::vector<std::pair<std::string, std::string>> fields(double now_s) const;

 private:
  double room(double now_s) const;

  const LimitKind kind_;
  const double per_s_;
  double room_ = 0, seen_s_ = 0;
};

double draw_normal(base::Random& random);

}  // namespace sluice::simulation
