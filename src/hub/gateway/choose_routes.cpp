#include "hub/gateway/choose_routes.h"

#include <algorithm>

#include "base/strings.h"
#include "hub/gateway/ask.h"
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
bool routes_by_itself(const Resolution& resolution, const ChoiceInput& input) {
  if (resolution.pin != Resolution::Pin::provider) return false;
  const auto& provider = *resolution.candidates.front().provider;
  const auto* surface = provider.surface_for(input.front.name, input.scanned.kind);
  return surface != nullptr &&
         std::ranges::find(surface->extensions, "provider_routing") != surface->extensions.end();
}

class Chooser {
 public:
  explicit Chooser(const ChoiceInput& input)
      : in_(input), settings_(input.settings), view_(input.settings, input.device_models) {}

  Choice run() {
    out_.at = in_.now;
    out_.today_s = in_.today_s;
    out_.price_max_age_s = settings_.price_max_age.count();
    out_.seed = in_.seed;
    if (auto chosen = choose(); !chosen) out_.refusal = std::move(chosen).error();
    return std::move(out_);
  }

 private:
  base::Status choose();
  base::Result<Resolution> resolve(std::string_view text) const;
  base::Status read_wishes(const Resolution& resolution);
  const routing::Wishes* wishes_of_name(const Resolution& resolution, std::string_view suffix) const;
  void add_options(Resolution resolution, bool substitutes);
  base::Status add_substitutes();
  base::Status check_local_only() const;
  std::string local_only_reason() const;

  const ChoiceInput& in_;
  const Settings& settings_;
  const ResolveView view_;
  Choice out_;
};

base::Status Chooser::choose() {
  out_.ask = ask_of(in_.scanned);
  SLUICE_TRY(auto resolution, resolve(in_.scanned.model));
  out_.asked_model = resolution.model;
  out_.is_pinned = resolution.pin != Resolution::Pin::none;
  SLUICE_TRY_VOID(read_wishes(resolution));
  out_.local_only = !local_only_reason().empty();
  add_options(std::move(resolution), false);
  SLUICE_TRY_VOID(add_substitutes());
  if (out_.local_only) {
    SLUICE_TRY_VOID(check_local_only());
    out_.wishes.local_only = true;
  }
  out_.decision = routing::decide(out_.situation());
  if (out_.decision.ranked.empty())
    return std::unexpected(routing::explain_refusal(out_.situation(), out_.decision));
  return {};
}

base::Result<Resolution> Chooser::resolve(std::string_view text) const {
  SLUICE_TRY(auto resolution, catalog::resolve_model(text, view_.input()));
  if (resolution.pin != Resolution::Pin::none) resolution.candidates.resize(1);
  return resolution;
}

// The configuration's wishes for a name hold for that name, also where it is another one of a model that the
// catalogue knows.
const routing::Wishes* Chooser::wishes_of_name(const Resolution& resolution, std::string_view suffix) const {
  std::string_view written = in_.scanned.model;
  if (!suffix.empty()) written.remove_suffix(suffix.size() + 1);
  for (const std::string& name : {std::string(written), resolution.model})
    if (const auto named = settings_.model_wishes.find(name); named != settings_.model_wishes.end())
      return &named->second;
  return nullptr;
}

// What the request, its headers and the defaults say about who shall answer.
base::Status Chooser::read_wishes(const Resolution& resolution) {
  const auto& scanned = in_.scanned;
  routing::WishLayers layers;
  layers.request = texts_of(scanned);
  layers.suffix = suffix_of(scanned.model, resolution);
  const auto headers = wish_headers_of(in_.headers);
  layers.headers = headers;
  if (!out_.is_pinned) layers.default_route = settings_.default_route;
  layers.names_are_foreign = routes_by_itself(resolution, in_);
  layers.process = &settings_.wishes;
  if (!settings_.model_wishes.empty()) layers.model = wishes_of_name(resolution, layers.suffix);
  const std::string_view of_key = in_.caller != nullptr ? std::string_view(in_.caller->policy.wishes) : "";
  const bool says_something = !headers.empty() || !scanned.provider_object.empty() || !of_key.empty() ||
                              layers.model != nullptr || settings_.wishes != routing::Wishes() ||
                              std::ranges::any_of(dialects::kHubParameters, [&](std::string_view name) {
                                return scanned.find(name) != nullptr;
                              });
  if (!says_something) {
    out_.wishes = routing::wishes_of_route(layers.suffix.empty() ? layers.default_route : layers.suffix);
    return {};
  }
  std::vector<std::string> providers = settings_.catalog->ids();
  providers.emplace_back(catalog::kDeviceId);
  routing::Wishes keys;
  if (!of_key.empty()) {
    SLUICE_TRY(keys, routing::parse_wish_defaults(of_key, providers, "key"));
    layers.key = &keys;
  }
  SLUICE_TRY(out_.wishes, routing::gather_wishes(layers, providers));
  if (layers.names_are_foreign) {
    out_.wishes.models.clear();
  } else if (out_.is_pinned && !out_.wishes.models.empty()) {
    return fail(
        {.code = ErrorCode::invalid_argument,
         .message = fmt::format("'models' names others to fall back to, and '{}' is pinned to {}: ask "
                                "for one of both",
                                scanned.model, resolution.candidates.front().provider_id()),
         .parameter = "models"});
  }
  return {};
}

void Chooser::add_options(Resolution resolution, bool substitutes) {
  out_.options.reserve(out_.options.size() + resolution.candidates.size());
  for (auto& candidate : resolution.candidates) {
    if (out_.options.size() >= kMaxOptions) return;
    routing::Option option;
    option.candidate = std::move(candidate);
    option.asked_model = resolution.model;
    option.substitutes = substitutes;
    if (in_.figures) {
      const std::string route_id = option.candidate.route_id();
      option.figures = in_.figures(
          {.route_id = route_id, .provider = option.candidate.provider_id(), .model = option.asked_model});
    }
    out_.options.push_back(std::move(option));
  }
}

// Another model answers only where the caller named it, or the operator as the last resort. One that cannot
// be had is left out when somebody else is left.
base::Status Chooser::add_substitutes() {
  for (const std::string& name : out_.wishes.models) {
    auto other = resolve(name);
    if (other && other->model == out_.asked_model) continue;
    if (!other && other.error().code == ErrorCode::invalid_argument) return std::unexpected(other.error());
    if (other) add_options(std::move(*other), true);
  }
  if (settings_.last_resort.empty() || out_.is_pinned) return {};
  if (auto last = resolve(settings_.last_resort); last && last->model != out_.asked_model)
    add_options(std::move(*last), true);
  return {};
}

// Who demands that nothing but the device may answer, or "".
std::string Chooser::local_only_reason() const {
  if (settings_.local_only) return "this hub runs with --local-only";
  if (in_.caller != nullptr && in_.caller->policy.local_only)
    return fmt::format("the key {} is local-only", in_.caller->id);
  if (in_.scanned.local_only) return "the request says provider.local_only";
  if (out_.wishes.local_only.value_or(false)) return "a header, the key or the configuration says local_only";
  return {};
}

base::Status Chooser::check_local_only() const {
  std::string others;
  for (const auto& option : out_.options) {
    if (option.candidate.is_device()) return {};
    others += fmt::format("{}{}", others.empty() ? "" : ", ", option.candidate.provider_id());
  }
  return fail(ErrorCode::forbidden, "'{}' would be answered by {}, but only this machine may: {}",
              in_.scanned.model, others, local_only_reason());
}

}  // namespace

routing::Situation Choice::situation() const {
  return {.ask = &ask,
          .wishes = &wishes,
          .options = options,
          .now = at,
          .today_s = today_s,
          .price_max_age_s = price_max_age_s,
          .seed = seed};
}

Choice choose_routes(const ChoiceInput& input) {
  return Chooser(input).run();
}

}  // namespace sluice::hub::gateway
