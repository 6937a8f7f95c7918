// Who may answer a request, and in which order: what the conductor asks of catalogue, health and routing
// before the first attempt.
#include <algorithm>
#include <functional>

#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/gateway/ask.h"
#include "hub/gateway/conductor.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/models.h"
#include "hub/routing/parse_wishes.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;
using catalog::Resolution;

std::string_view text_of(const dialects::ScannedRequest& scanned, std::string_view name) {
  const auto* member = scanned.find(name);
  return member == nullptr || member->type == dialects::JsonType::null ? std::string_view()
                                                                       : scanned.text_of(*member);
}

routing::RequestTexts texts_of(const dialects::ScannedRequest& scanned) {
  return {.provider = scanned.provider_object.in(scanned.body.text()),
          .models = text_of(scanned, "models"),
          .deadline_ms = text_of(scanned, "deadline_ms"),
          .max_cost_usd = text_of(scanned, "max_cost_usd"),
          .weights = text_of(scanned, "weights"),
          .hedge = text_of(scanned, "hedge"),
          .explain = text_of(scanned, "explain")};
}

std::vector<routing::HeaderField> wish_headers_of(const http::Headers* headers) {
  std::vector<routing::HeaderField> fields;
  if (headers == nullptr) return fields;
  constexpr std::string_view kPrefix = "x-sluice-";
  for (const auto& field : *headers)
    if (base::equals_ignoring_case(field.name.substr(0, kPrefix.size()), kPrefix))
      fields.push_back({.name = field.name, .value = field.value});
  return fields;
}

// The route word behind the model's name, where the client wrote one.
std::string_view suffix_of(std::string_view text, const Resolution& resolution) {
  const bool is_written = text.size() > resolution.route.size() && text.ends_with(resolution.route) &&
                          text[text.size() - resolution.route.size() - 1] == ':' && text != resolution.model;
  return is_written ? std::string_view(resolution.route) : std::string_view();
}

// Pinned to a provider that routes by itself: what the request says of providers is that one's to read.
bool routes_by_itself(const Resolution& resolution, const Call& call) {
  if (resolution.pin != Resolution::Pin::provider) return false;
  const auto& provider = *resolution.candidates.front().provider;
  const auto* surface = provider.surface_for(call.front().name, call.kind());
  return surface != nullptr &&
         std::ranges::find(surface->extensions, "provider_routing") != surface->extensions.end();
}

}  // namespace

base::Result<Resolution> Conductor::resolve(std::string_view text) const {
  const ResolveView view(*settings_, hub_);
  SLUICE_TRY(auto resolution, catalog::resolve_model(text, view.input()));
  if (resolution.pin != Resolution::Pin::none) resolution.candidates.resize(1);
  return resolution;
}

// What the request, its headers and the defaults say about who shall answer.
base::Status Conductor::read_wishes(Call& call, const Resolution& resolution) {
  const auto& scanned = call.scanned();
  routing::WishLayers layers;
  layers.request = texts_of(scanned);
  layers.suffix = suffix_of(model_text_, resolution);
  const auto headers = wish_headers_of(call.client_headers());
  layers.headers = headers;
  if (resolution.pin == Resolution::Pin::none) layers.default_route = settings_->default_route;
  layers.names_are_foreign = routes_by_itself(resolution, call);
  layers.process = &settings_->wishes;
  if (const auto named = settings_->model_wishes.find(resolution.model);
      named != settings_->model_wishes.end())
    layers.model = &named->second;
  const std::string_view of_key = admission_.caller ? std::string_view(admission_.caller->policy.wishes) : "";
  const bool says_something = !headers.empty() || !scanned.provider_object.empty() || !of_key.empty() ||
                              layers.model != nullptr || settings_->wishes != routing::Wishes() ||
                              std::ranges::any_of(dialects::kHubParameters, [&](std::string_view name) {
                                return scanned.find(name) != nullptr;
                              });
  if (!says_something) {
    wishes_ = routing::wishes_of_route(layers.suffix.empty() ? layers.default_route : layers.suffix);
  } else {
    std::vector<std::string> providers = settings_->catalog->ids();
    providers.emplace_back(catalog::kDeviceId);
    routing::Wishes keys;
    if (!of_key.empty()) {
      SLUICE_TRY(keys, routing::parse_wish_defaults(of_key, providers, "key"));
      layers.key = &keys;
    }
    SLUICE_TRY(wishes_, routing::gather_wishes(layers, providers));
    if (layers.names_are_foreign) {
      wishes_.models.clear();
    } else if (resolution.pin != Resolution::Pin::none && !wishes_.models.empty()) {
      return fail(
          {.code = ErrorCode::invalid_argument,
           .message = fmt::format("'models' names others to fall back to, and '{}' is pinned to {}: ask for "
                                  "one of both",
                                  model_text_, resolution.candidates.front().provider_id()),
           .parameter = "models"});
    }
  }
  call.set_pinned(resolution.pin != Resolution::Pin::none);
  if (wishes_.require_parameters.value_or(false)) call.require_parameters();
  if (wishes_.local_only.value_or(false)) call.set_local_only(true);
  if (wishes_.deadline) deadline_ = std::min(deadline_, admission_.began + *wishes_.deadline);
  return {};
}

void Conductor::add_options(Resolution resolution, bool substitutes) {
  options_.reserve(options_.size() + resolution.candidates.size());
  for (auto& candidate : resolution.candidates) {
    if (options_.size() >= kMaxOptions) return;
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

// Another model answers only where the caller named it, or the operator as the last resort. One that cannot
// be had is left out when somebody else is left.
base::Status Conductor::add_substitutes(Resolution::Pin pin) {
  for (const std::string& name : wishes_.models) {
    auto other = resolve(name);
    if (other && other->model == asked_model_) continue;
    if (!other && other.error().code == ErrorCode::invalid_argument) return std::unexpected(other.error());
    if (other) add_options(std::move(*other), true);
  }
  if (settings_->last_resort.empty() || pin != Resolution::Pin::none) return {};
  if (auto last = resolve(settings_->last_resort); last && last->model != asked_model_)
    add_options(std::move(*last), true);
  return {};
}

base::Status Conductor::choose_routes(Call& call) {
  model_text_ = call.scanned().model;
  ask_ = ask_of(call.scanned());
  chosen_at_ = net::Clock::now();
  seed_ = std::hash<std::string>()(admission_.request_id);
  auto resolution = resolve(model_text_);
  SLUICE_TRY_VOID(resolution);
  asked_model_ = model_ = resolution->model;
  SLUICE_TRY_VOID(read_wishes(call, *resolution));
  const auto pin = resolution->pin;
  add_options(std::move(*resolution), false);
  SLUICE_TRY_VOID(add_substitutes(pin));
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
  plan.streamed = call.stream();
  plan.deadline = deadline_;
  plan.hedge = wishes_.hedge;
  plan.max_cost = wishes_.max_cost;
  if (decision_.policy == "cheapest") plan.second_worth = kSecondWorth;
  return plan;
}

// Who answered and why, as one JSON object: what `explain` asks for, and what the records keep.
std::string Conductor::explanation() const {
  std::string text;
  base::JsonWriter json(text);
  json.begin_object();
  json.field("route_id", route_id_).field("provider", provider_).field("model", model_);
  json.field("asked_model", asked_model_).field("attempts", attempts_).field("reason", reason_);
  json.field("substituted", substituted_);
  json.key("expected_cost_usd");
  expected_cost_ ? json.number(expected_cost_->usd()) : json.null();
  json.key("decision").raw(routing::decision_json(situation(), decision_));
  json.end_object();
  return text;
}

}  // namespace sluice::hub::gateway
