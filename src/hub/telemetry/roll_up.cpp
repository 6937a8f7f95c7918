#include "hub/telemetry/roll_up.h"

#include <map>
#include <tuple>

namespace sluice::hub::telemetry {

bool RollUp::same_group(const RollUp& other) const {
  return hour == other.hour && key_id == other.key_id && model == other.model && route_id == other.route_id &&
         outcome == other.outcome;
}

void RollUp::add(const RollUp& other) {
  attempts += other.attempts;
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] += other.tokens[i];
  cost = cost + other.cost;
  cost_unknown += other.cost_unknown;
  charged = charged + other.charged;
  first_token.add(other.first_token);
  total.add(other.total);
}

std::vector<RollUp> roll_up(std::span<const AttemptRecord> records) {
  using Group =
      std::tuple<std::int64_t, std::string_view, std::string_view, std::string_view, std::string_view>;
  std::map<Group, std::size_t> places;
  std::vector<RollUp> out;
  for (const AttemptRecord& record : records) {
    const std::int64_t hour = record.time_ms / kHourMs;
    const Group group{hour, record.key_id, record.model, record.route_id, record.outcome};
    const auto [place, fresh] = places.try_emplace(group, out.size());
    if (fresh) {
      RollUp& made = out.emplace_back();
      made.hour = hour;
      made.key_id = record.key_id;
      made.model = record.model;
      made.route_id = record.route_id;
      made.outcome = record.outcome;
    }
    RollUp& sums = out[place->second];
    ++sums.attempts;
    for (std::size_t i = 0; i < kTokenKinds.size(); ++i)
      sums.tokens[i] += (record.usage.*kTokenKinds[i].second).count;
    if (record.cost)
      sums.cost = sums.cost + *record.cost;
    else
      ++sums.cost_unknown;
    sums.charged = sums.charged + record.charged;
    if (record.first_token_s) sums.first_token.add(*record.first_token_s);
    sums.total.add(record.total_s);
  }
  return out;
}

}  // namespace sluice::hub::telemetry
