// The ways of choosing that are compared. Each says in which order the providers of one request shall be
// asked, as the plan that the gateway's own attempt machine carries out; all of them fail over by it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hub/gateway/attempts.h"
#include "hub/health/health.h"
#include "simulation/world.h"

namespace sluice::simulation {

namespace gateway = hub::gateway;
namespace health = hub::health;

// Simulated time as the code under test sees it, and seconds since 1970.
health::TimePoint time_at(double now_s);
std::int64_t wall_at(double now_s);

// What the chooser may look at: the truth only where it is clairvoyant.
struct View {
  const World& world;
  std::span<const Limit> limits;
};

struct Chosen {
  std::vector<std::size_t> providers;  // of plan.candidates
  gateway::AttemptPlan plan;
};

class Chooser {
 public:
  virtual ~Chooser() = default;
  virtual Chosen choose(const Request& request, double now_s) = 0;
  // As Health has them. Those that learn nothing let everything leave.
  virtual std::optional<health::Ticket> begin(std::size_t, double, bool) { return health::Ticket{}; }
  virtual std::optional<health::TimePoint> retry_at(std::size_t, double) { return std::nullopt; }
  virtual void head(std::size_t, const health::Ticket&, std::span<const health::Field>, double) {}
  virtual void first_token(std::size_t, health::Ticket&, double) {}
  virtual void end(std::size_t, const health::Ticket&, const health::Ended&, double) {}
};

struct Way {
  std::string_view name;
  std::string_view about;
  std::unique_ptr<Chooser> (*make)(const View& view, std::uint64_t seed);
};
std::span<const Way> all_ways();
const Way* find_way(std::string_view name);

}  // namespace sluice::simulation
