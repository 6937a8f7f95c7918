#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "hub/catalog/resolve.h"
#include "hub/routing/parse_wishes.h"
#include "hub/routing/wish_reader.h"

namespace sluice::hub::routing {
namespace {

using base::Status;
using Names = std::vector<std::string>;

bool holds(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Names shared(const Names& a, const Names& b) {
  Names out;
  for (const std::string& name : a)
    if (holds(b, name)) out.push_back(name);
  return out;
}

template <typename T>
void keep_or_take(T& strong, const T& weak, bool said) {
  if (!said) strong = weak;
}
template <typename T>
void keep_or_take(std::optional<T>& strong, const std::optional<T>& weak) {
  keep_or_take(strong, weak, strong.has_value());
}

void tighten(std::optional<bool>& strong, const std::optional<bool>& weak) {
  if (strong || weak) strong = strong.value_or(false) || weak.value_or(false);
}
void tighten(std::optional<base::NanoUsd>& strong, const std::optional<base::NanoUsd>& weak) {
  if (weak && (!strong || *weak < *strong)) strong = weak;
}

Status narrow(Names& strong, const Names& weak, std::string_view path) {
  if (strong.empty()) {
    strong = weak;
    return {};
  }
  if (weak.empty()) return {};
  Names both = shared(strong, weak);
  if (both.empty())
    return refuse_wish(path, fmt::format("'{}' asks for {}, the defaults allow {}", path,
                                         fmt::join(strong, ", "), fmt::join(weak, ", ")));
  strong = std::move(both);
  return {};
}

Status refuse_overlap(const Wishes& wishes, const Names& names, std::string_view path) {
  const Names both = shared(names, wishes.ignore);
  if (both.empty()) return {};
  return refuse_wish(
      path, fmt::format("'{}' names {}, which provider.ignore excludes", path, fmt::join(both, ", ")));
}

}  // namespace

base::Result<Wishes> lay_over(Wishes strong, const Wishes& weak) {
  if (strong.policy.empty()) {
    strong.policy = weak.policy;
    strong.weights = weak.weights;
  }
  keep_or_take(strong.order, weak.order, !strong.order.empty());
  keep_or_take(strong.quantizations, weak.quantizations, !strong.quantizations.empty());
  keep_or_take(strong.models, weak.models, !strong.models.empty());
  keep_or_take(strong.min_throughput, weak.min_throughput, !strong.min_throughput.empty());
  keep_or_take(strong.max_latency, weak.max_latency, !strong.max_latency.empty());
  keep_or_take(strong.allow_fallbacks, weak.allow_fallbacks);
  keep_or_take(strong.require_parameters, weak.require_parameters);
  keep_or_take(strong.hedge, weak.hedge);
  keep_or_take(strong.deadline, weak.deadline);
  keep_or_take(strong.across_models, weak.across_models);
  keep_or_take(strong.explain, weak.explain);
  tighten(strong.local_only, weak.local_only);
  tighten(strong.zdr, weak.zdr);
  tighten(strong.deny_data_collection, weak.deny_data_collection);
  tighten(strong.max_cost, weak.max_cost);
  for (const auto field : {&MaxPrice::prompt, &MaxPrice::completion, &MaxPrice::request, &MaxPrice::image})
    tighten(strong.max_price.*field, weak.max_price.*field);
  SLUICE_TRY_VOID(narrow(strong.only, weak.only, "provider.only"));
  SLUICE_TRY_VOID(narrow(strong.regions, weak.regions, "provider.regions"));
  for (const std::string& provider : weak.ignore)
    if (!holds(strong.ignore, provider)) strong.ignore.push_back(provider);
  // An order of the defaults does not bring in whom the request leaves out.
  if (strong.order == weak.order)
    std::erase_if(strong.order, [&](const std::string& provider) {
      return holds(strong.ignore, provider) || (!strong.only.empty() && !holds(strong.only, provider));
    });
  return strong;
}

base::Result<Wishes> gather_wishes(const WishLayers& layers, std::span<const std::string> providers) {
  static const std::vector<std::string> kAny{std::string(kAnyProvider)};
  const auto known = layers.names_are_foreign ? std::span<const std::string>(kAny) : providers;
  SLUICE_TRY(Wishes wishes, parse_wishes(layers.request, known));
  if (layers.names_are_foreign) {
    wishes.order.clear();
    wishes.only.clear();
    wishes.ignore.clear();
  }
  SLUICE_TRY(wishes, with_route(std::move(wishes), layers.suffix));
  SLUICE_TRY(const Wishes headers, parse_wish_headers(layers.headers, providers));
  SLUICE_TRY(wishes, lay_over(std::move(wishes), headers));
  for (const Wishes* weaker : {layers.key, layers.model, layers.process})
    if (weaker != nullptr) {
      SLUICE_TRY(wishes, lay_over(std::move(wishes), *weaker));
    }
  if (!layers.default_route.empty()) {
    SLUICE_TRY(wishes, lay_over(std::move(wishes), wishes_of_route(layers.default_route)));
  }
  SLUICE_TRY_VOID(check_wishes(wishes));
  return wishes;
}

Status check_wishes(const Wishes& wishes) {
  SLUICE_TRY_VOID(refuse_overlap(wishes, wishes.only, "provider.only"));
  SLUICE_TRY_VOID(refuse_overlap(wishes, wishes.order, "provider.order"));
  for (const std::string& provider : wishes.order)
    if (!wishes.only.empty() && !holds(wishes.only, provider))
      return refuse_wish("provider.order",
                         fmt::format("'provider.order' names {}, and provider.only allows {}", provider,
                                     fmt::join(wishes.only, ", ")));
  if (wishes.local_only.value_or(false) && !wishes.only.empty() && !holds(wishes.only, catalog::kDeviceId))
    return refuse_wish("provider.only",
                       fmt::format("'provider.only' names {}, and local_only allows nothing but {}",
                                   fmt::join(wishes.only, ", "), catalog::kDeviceId));
  if (wishes.policy == "deadline" && !wishes.deadline)
    return refuse_wish("deadline_ms", "the policy 'deadline' needs 'deadline_ms'");
  const bool hedges = wishes.hedge && (wishes.hedge->after || wishes.hedge->quantile);
  if (hedges && !wishes.allow_fallbacks.value_or(true) && wishes.order.size() < 2)
    return refuse_wish("hedge", "'hedge' asks a second route, and allow_fallbacks false forbids one");
  return {};
}

}  // namespace sluice::hub::routing
