// Who may answer a request, and in which order: what the conductor asks of catalogue, health and routing
// before the first attempt.
#include <algorithm>
#include <functional>

#include "hub/gateway/ask.h"
#include "hub/gateway/conductor.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/models.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;

// Whether the candidate itself is sent the routing wishes; an edit of its file takes them out for the others.
bool takes_routing_wishes(const catalog::Candidate& candidate) {
  return !candidate.is_device() &&
         std::ranges::none_of(candidate.provider->primary().quirks, [](const auto& quirk) {
           return quirk.name == "drop" && quirk.parameter == "provider";
         });
}

}  // namespace

base::Result<catalog::Resolution> Conductor::resolve(const Call& call, std::string_view text) const {
  const ResolveView view(*settings_, hub_);
  SLUICE_TRY(auto resolution, catalog::resolve_model(text, view.input()));
  auto& candidates = resolution.candidates;
  // Whoever sends a wish counts on it: refused, never dropped.
  if (const std::string& wish = call.scanned().routing_wish;
      !wish.empty() && !std::ranges::all_of(candidates, takes_routing_wishes))
    return fail({.code = ErrorCode::invalid_argument,
                 .message = fmt::format("'{}' is not honoured here: pin a provider (model:provider), or list "
                                        "the routes of the model in the configuration",
                                        wish),
                 .parameter = wish});
  if (resolution.pin != catalog::Resolution::Pin::none && candidates.size() > 1) candidates.resize(1);
  return resolution;
}

void Conductor::add_options(catalog::Resolution resolution, bool substitutes) {
  options_.reserve(options_.size() + resolution.candidates.size());
  for (auto& candidate : resolution.candidates) {
    routing::Option option;
    option.candidate = std::move(candidate);
    option.asked_model = resolution.model;
    option.substitutes = substitutes;
    if (hub_.health != nullptr) {
      const std::string route_id = option.candidate.route_id();
      option.figures = hub_.health->figures(
          {.route_id = route_id, .provider = option.candidate.provider_id(), .model = option.asked_model},
          chosen_at_);
    }
    options_.push_back(std::move(option));
  }
}

base::Status Conductor::choose_routes(const Call& call) {
  model_text_ = call.scanned().model;
  ask_ = ask_of(call.scanned());
  chosen_at_ = net::Clock::now();
  seed_ = std::hash<std::string>()(admission_.request_id);
  SLUICE_TRY(auto resolution, resolve(call, model_text_));
  asked_model_ = model_ = resolution.model;
  add_options(std::move(resolution), false);
  if (call.local_only()) {
    std::string others;
    for (const auto& option : options_)
      if (!option.candidate.is_device())
        others += fmt::format("{}{}", others.empty() ? "" : ", ", option.candidate.provider_id());
    std::erase_if(options_, [](const auto& option) { return !option.candidate.is_device(); });
    if (options_.empty())
      return fail(ErrorCode::forbidden, "'{}' would be answered by {}, but only this machine may: {}",
                  call.scanned().model, others, local_only_reason(call.scanned()));
  }
  decision_ = routing::decide(situation());
  if (decision_.ranked.empty()) return std::unexpected(routing::explain_refusal(situation(), decision_));
  return {};
}

routing::Situation Conductor::situation() const {
  return {.ask = &ask_,
          .wishes = &wishes_,
          .options = options_,
          .now = chosen_at_,
          .today_s = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
                         .time_since_epoch()
                         .count(),
          .price_max_age_s = settings_->price_max_age.count(),
          .seed = seed_};
}

AttemptPlan Conductor::make_plan(const Call& call) const {
  AttemptPlan plan;
  plan.candidates.reserve(decision_.ranked.size());
  for (const routing::Ranked& ranked : decision_.ranked) {
    const routing::Option& option = options_[ranked.option];
    plan.candidates.push_back({.figures = option.figures,
                               .expected = ranked.expected,
                               .substitutes = option.substitutes && !wishes_.across_models.value_or(false)});
  }
  plan.limits = limits_of(settings_->times, call.stream());
  plan.deadline = deadline_;
  plan.hedge = wishes_.hedge;
  plan.max_cost = wishes_.max_cost;
  if (decision_.policy == "cheapest") plan.second_worth = kSecondWorth;
  return plan;
}

}  // namespace sluice::hub::gateway
