#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "hub/routing/constraints/constraints.h"

namespace sluice::hub::routing::constraints {

std::string refuse_local_only(const Objection& about) {
  if (!about.situation.wishes->local_only.value_or(false) || about.option.candidate.is_device()) return {};
  return fmt::format("local_only allows nothing but this machine, {} is elsewhere",
                     about.option.candidate.provider_id());
}

std::string refuse_data_collection(const Objection& about) {
  if (!about.situation.wishes->deny_data_collection.value_or(false) || about.option.candidate.is_device())
    return {};
  const catalog::DataPolicy& policy = about.option.candidate.provider->data_policy;
  if (!policy.trains) return {};
  return fmt::format("data_collection is denied, and {} trains on content or does not say (source: {})",
                     about.option.candidate.provider_id(), policy.source);
}

std::string refuse_retention(const Objection& about) {
  if (!about.situation.wishes->zdr.value_or(false) || about.option.candidate.is_device()) return {};
  const catalog::DataPolicy& policy = about.option.candidate.provider->data_policy;
  if (!policy.retains && !policy.trains) return {};
  return fmt::format("zdr asks for zero retention, and {} keeps content or does not say (source: {})",
                     about.option.candidate.provider_id(), policy.source);
}

std::string refuse_region(const Objection& about) {
  const auto& regions = about.situation.wishes->regions;
  if (regions.empty() || about.option.candidate.is_device()) return {};
  const catalog::Offer* offer = about.option.candidate.offer.get();
  const std::string_view region = offer == nullptr ? std::string_view() : std::string_view(offer->region);
  if (!region.empty() && std::ranges::any_of(regions, [&](const std::string& wanted) {
        return base::equals_ignoring_case(wanted, region);
      }))
    return {};
  return fmt::format("expected region {}, found {}", fmt::join(regions, " or "),
                     region.empty() ? "an unknown one" : region);
}

}  // namespace sluice::hub::routing::constraints
