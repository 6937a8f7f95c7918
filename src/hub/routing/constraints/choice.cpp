#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "hub/routing/constraints/constraints.h"

namespace sluice::hub::routing::constraints {
namespace {

bool names(const std::vector<std::string>& list, std::string_view provider) {
  return std::ranges::find(list, provider) != list.end();
}

}  // namespace

std::string refuse_only(const Objection& about) {
  const auto& only = about.situation.wishes->only;
  if (only.empty() || names(only, about.option.candidate.provider_id())) return {};
  return fmt::format("only {} may answer", fmt::join(only, ", "));
}

std::string refuse_ignored(const Objection& about) {
  const std::string_view provider = about.option.candidate.provider_id();
  if (!names(about.situation.wishes->ignore, provider)) return {};
  return fmt::format("{} is to be ignored", provider);
}

std::string refuse_outside_order(const Objection& about) {
  const Wishes& wishes = *about.situation.wishes;
  if (wishes.allow_fallbacks.value_or(true) || wishes.order.empty() ||
      names(wishes.order, about.option.candidate.provider_id()))
    return {};
  return fmt::format("no fallbacks are allowed beside the order {}", fmt::join(wishes.order, ", "));
}

std::string refuse_without_credential(const Objection& about) {
  if (about.option.has_credential) return {};
  return fmt::format("there is no credential for {}", about.option.candidate.provider_id());
}

std::string refuse_quantization(const Objection& about) {
  const auto& wanted = about.situation.wishes->quantizations;
  if (wanted.empty()) return {};
  const catalog::Offer* offer = about.option.candidate.offer.get();
  const std::string_view found =
      offer == nullptr || offer->quantization.empty() ? "unknown" : std::string_view(offer->quantization);
  if (std::ranges::any_of(wanted,
                          [&](const std::string& one) { return base::equals_ignoring_case(one, found); }))
    return {};
  return fmt::format("expected quantization {}, found {}", fmt::join(wanted, " or "), found);
}

}  // namespace sluice::hub::routing::constraints
