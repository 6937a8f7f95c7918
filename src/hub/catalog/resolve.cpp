#include "hub/catalog/resolve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/strings.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;

std::unexpected<base::Error> refuse(ErrorCode code, std::string message) {
  return base::fail(base::Error{.code = code, .message = std::move(message), .parameter = "model"});
}

template <typename Range>
bool contains(const Range& range, std::string_view value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

constexpr std::string_view kLatestTag = ":latest";
constexpr std::string_view kPreferred = "preferred";

// The question asked, once its text was taken apart.
class Resolver {
 public:
  explicit Resolver(const ResolveInput& input) : input_(input) {}

  base::Result<Resolution> resolve(std::string_view text) const;

 private:
  const ConfiguredModel* find_configured(std::string_view id) const {
    const auto found = std::ranges::find(input_.configured, id, &ConfiguredModel::name);
    return found == input_.configured.end() ? nullptr : &*found;
  }
  bool is_on_device(std::string_view id) const { return contains(input_.device_models, id); }
  bool is_known(std::string_view id) const {
    return find_configured(id) != nullptr || is_on_device(id) || is_offered(id);
  }
  // Somebody switched on is known to offer it under this name.
  bool is_offered(std::string_view id) const {
    if (input_.offers == nullptr) return false;
    const auto is_on = [&](const OfferPtr& offer) { return is_enabled(offer->provider); };
    const OfferedModel* const model = input_.offers->find(id);
    return (model != nullptr && std::ranges::any_of(model->offers, is_on)) ||
           std::ranges::any_of(input_.offers->find_variants(id), is_on);
  }
  bool is_enabled(std::string_view provider) const { return contains(input_.enabled, provider); }
  bool is_route(std::string_view segment) const {
    return contains(kRouteWords, segment) || is_enabled(segment);
  }

  base::Result<Resolution> resolve_default(std::string_view id) const {
    return resolve_named(id, input_.default_route, false);
  }
  base::Result<Resolution> resolve_named(std::string_view id, std::string_view route, bool asked) const;
  Resolution resolve_offered(std::string_view id, std::string_view route) const;
  base::Result<Resolution> resolve_route(std::string_view id, std::string_view route) const;
  base::Result<Resolution> pin_to_device(std::string_view id) const;
  base::Result<Resolution> pin_to_provider(std::string_view id, std::string_view provider) const;
  base::Result<Resolution> resolve_configured(const ConfiguredModel& model, std::string_view route) const;
  std::unexpected<base::Error> refuse_unknown(std::string_view id) const;
  std::unexpected<base::Error> refuse_ambiguous(std::string_view text, std::string_view id,
                                                std::string_view route) const;
  std::optional<Candidate> candidate_of(const Route& route, std::string_view name) const;
  Candidate candidate_at(const ProviderPtr& provider, std::string_view id) const;

  const ResolveInput& input_;
};

Resolution resolution_of(std::string_view id, std::string_view route, Resolution::Pin pin,
                         std::string reading) {
  return {.model = std::string(id),
          .route = std::string(route),
          .pin = pin,
          .candidates = {},
          .reading = std::move(reading)};
}

base::Result<Resolution> Resolver::resolve(std::string_view text) const {
  if (text.empty()) return refuse(ErrorCode::invalid_argument, "'model' must not be empty");
  if (text.size() > kModelTextBytesMax) {
    return refuse(ErrorCode::invalid_argument,
                  fmt::format("'model' has at most {} bytes, this one {}", kModelTextBytesMax, text.size()));
  }
  // Names end up in headers and logs.
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    return refuse(ErrorCode::invalid_argument, "'model' must not hold control characters");
  }
  const std::size_t colon = text.rfind(':');
  // Ollama's clients write out the tag that stands for no tag. A name that is known neither way stays as it
  // came: whoever the default route asks may know the tag.
  if (text.ends_with(kLatestTag) && !is_known(text) && is_known(text.substr(0, colon)))
    return resolve(text.substr(0, colon));
  if (colon == std::string_view::npos || !is_route(text.substr(colon + 1))) return resolve_default(text);
  const std::string_view id = text.substr(0, colon);
  const std::string_view route = text.substr(colon + 1);
  if (is_known(text)) {
    if (is_known(id)) return refuse_ambiguous(text, id, route);
    return resolve_default(text);
  }
  if (id.empty()) {
    return refuse(ErrorCode::invalid_argument, fmt::format("'{}' names a route but no model", text));
  }
  return resolve_route(id, route);
}

// `asked`: the request names the route word itself; a configured order is followed unless it does.
base::Result<Resolution> Resolver::resolve_named(std::string_view id, std::string_view route,
                                                 bool asked) const {
  if (const ConfiguredModel* model = find_configured(id))
    return resolve_configured(*model, asked ? route : kPreferred);
  if (is_on_device(id)) {
    Resolution resolution = resolution_of(id, asked ? route : kDeviceId, Resolution::Pin::none,
                                          fmt::format("model '{}', served by the device", id));
    resolution.candidates.push_back({.provider = nullptr, .model = std::string(id)});
    return resolution;
  }
  if (!asked && is_enabled(route)) {
    const ProviderPtr provider = input_.catalog->find(route);
    CHECK(provider != nullptr);
    Resolution resolution = resolution_of(id, route, Resolution::Pin::none,
                                          fmt::format("model '{}' at {}, the default route", id, route));
    const Candidate& candidate = resolution.candidates.emplace_back(candidate_at(provider, id));
    if (candidate.offer && candidate.offer->variant.empty()) resolution.model = candidate.offer->model;
    return resolution;
  }
  // Whoever made the device the default does not want other machines asked for what it lacks.
  if (!asked && route == kDeviceId) return refuse_unknown(id);
  if (is_offered(id)) return resolve_offered(id, contains(kRouteWords, route) ? route : kPreferred);
  return refuse_unknown(id);
}

Resolution Resolver::resolve_offered(std::string_view id, std::string_view route) const {
  const OfferedModel* const model = input_.offers->find(id);
  Resolution resolution =
      resolution_of(model != nullptr ? std::string_view(model->id) : id, route, Resolution::Pin::none, "");
  const auto add = [&](std::span<const OfferPtr> offers) {
    for (const OfferPtr& offer : offers) {
      if (!is_enabled(offer->provider)) continue;
      resolution.candidates.push_back({.provider = input_.catalog->find(offer->provider),
                                       .model = offer->provider_model,
                                       .offer = offer});
    }
  };
  if (model != nullptr) add(model->offers);
  // A provider's own id for a variant means that variant, there.
  if (resolution.candidates.empty()) {
    add(input_.offers->find_variants(id));
    resolution.model = std::string(id);
  }
  resolution.reading = fmt::format("model '{}', offered by {} switched on here", resolution.model,
                                   resolution.candidates.size());
  return resolution;
}

base::Result<Resolution> Resolver::resolve_route(std::string_view id, std::string_view route) const {
  if (route == kDeviceId) return pin_to_device(id);
  if (!contains(kRouteWords, route)) return pin_to_provider(id, route);
  if (is_known(id)) return resolve_named(id, route, true);
  // Nobody is known to offer it: the one the default route names may still know it.
  return resolve_named(id, input_.default_route, false);
}

base::Result<Resolution> Resolver::pin_to_device(std::string_view id) const {
  if (!is_on_device(id)) {
    const std::vector<std::string> models(input_.device_models.begin(), input_.device_models.end());
    const auto near = base::near_names(id, models);
    return refuse(
        ErrorCode::not_found,
        models.empty() ? fmt::format("the device has no model '{}'; it has none at all", id)
        : near.empty()
            ? fmt::format("the device has no model '{}'; it has: {}", id, fmt::join(models, ", "))
            : fmt::format("the device has no model '{}'; did you mean {}?", id, fmt::join(near, " or ")));
  }
  Resolution resolution = resolution_of(id, kDeviceId, Resolution::Pin::device,
                                        fmt::format("model '{}', pinned to the device", id));
  resolution.candidates.push_back({.provider = nullptr, .model = std::string(id)});
  return resolution;
}

base::Result<Resolution> Resolver::pin_to_provider(std::string_view id, std::string_view provider) const {
  const ProviderPtr found = input_.catalog->find(provider);
  CHECK(found != nullptr);  // enabled ids come from the same catalogue
  Resolution resolution = resolution_of(id, provider, Resolution::Pin::provider,
                                        fmt::format("model '{}', pinned to {}", id, provider));
  if (const ConfiguredModel* configured = find_configured(id)) {
    const auto route = std::ranges::find(configured->routes, provider, &Route::provider);
    if (route == configured->routes.end()) {
      std::vector<std::string_view> has;
      for (const Route& one : configured->routes) has.push_back(one.provider);
      return refuse(ErrorCode::invalid_argument, fmt::format("model '{}' has no route to '{}'; it has: {}",
                                                             id, provider, fmt::join(has, ", ")));
    }
    resolution.candidates.push_back(*candidate_of(*route, id));
    return resolution;
  }
  const Candidate& candidate = resolution.candidates.emplace_back(candidate_at(found, id));
  if (candidate.offer && candidate.offer->variant.empty()) resolution.model = candidate.offer->model;
  return resolution;
}

// The id that a request gives, as that provider calls it; one nobody has heard of goes as it came.
Candidate Resolver::candidate_at(const ProviderPtr& provider, std::string_view id) const {
  OfferPtr offer = input_.offers == nullptr ? nullptr : input_.offers->find_at(provider->id, id);
  std::string model = offer ? offer->provider_model : std::string(id);
  return {.provider = provider, .model = std::move(model), .offer = std::move(offer)};
}

std::optional<Candidate> Resolver::candidate_of(const Route& route, std::string_view name) const {
  const std::string_view model = route.model.empty() ? name : std::string_view(route.model);
  if (route.provider == kDeviceId) {
    if (!is_on_device(model)) return std::nullopt;
    return Candidate{.provider = nullptr, .model = std::string(model)};
  }
  if (!is_enabled(route.provider)) return std::nullopt;
  ProviderPtr provider = input_.catalog->find(route.provider);
  if (route.model.empty()) return candidate_at(provider, name);
  // What the operator wrote is sent as it stands.
  return Candidate{.provider = std::move(provider),
                   .model = route.model,
                   .offer = input_.offers == nullptr ? nullptr : input_.offers->find(route.provider, model)};
}

base::Result<Resolution> Resolver::resolve_configured(const ConfiguredModel& model,
                                                      std::string_view route) const {
  Resolution resolution =
      resolution_of(model.name, route, Resolution::Pin::none,
                    fmt::format("model '{}' of the configuration, routes in its order", model.name));
  for (const Route& one : model.routes) {
    if (auto candidate = candidate_of(one, model.name))
      resolution.candidates.push_back(*std::move(candidate));
  }
  if (resolution.candidates.empty()) {
    std::vector<std::string_view> routes;
    for (const Route& one : model.routes) routes.push_back(one.provider);
    return refuse(ErrorCode::unavailable,
                  fmt::format("model '{}' is routed to {}, and none of these is switched on here", model.name,
                              fmt::join(routes, ", ")));
  }
  return resolution;
}

std::unexpected<base::Error> Resolver::refuse_unknown(std::string_view id) const {
  if (is_offered(id)) {
    return refuse(ErrorCode::not_found,
                  fmt::format("the device has no model '{}', and the device is the default route here; "
                              "'{}:preferred' asks the providers that offer it",
                              id, id));
  }
  if (const OfferedModel* model = input_.offers == nullptr ? nullptr : input_.offers->find(id)) {
    std::vector<std::string_view> providers;
    for (const OfferPtr& offer : model->offers) providers.push_back(offer->provider);
    return refuse(
        ErrorCode::not_found,
        fmt::format("model '{}' is offered by {}, and none of these is switched on here: set a key, "
                    "see `sluice providers`",
                    id, fmt::join(providers, ", ")));
  }
  std::string message = fmt::format("no model '{}' here", id);
  std::vector<std::string> known = known_models(input_);
  if (known.size() > kNearNamesMax) known.resize(kNearNamesMax);
  const auto near = base::near_names(id, known);
  if (!near.empty()) message += fmt::format("; did you mean {}?", fmt::join(near, " or "));
  const std::size_t colon = id.rfind(':');
  const std::string_view last = colon == std::string_view::npos ? "" : id.substr(colon + 1);
  if (!last.empty() && input_.catalog->find(last) != nullptr) {
    message += fmt::format(
        "; '{}' is a provider that is not switched on: set its key, see `sluice providers`", last);
  } else if (const auto meant = base::near_names(last, input_.enabled, 1); !last.empty() && !meant.empty()) {
    message += fmt::format("; no provider '{}' either; did you mean '{}:{}'?", last, id.substr(0, colon),
                           meant.front());
  } else if (near.empty() && !input_.enabled.empty()) {
    message += fmt::format("; to ask a provider for it write '{}:{}'", id, input_.enabled.front());
  }
  return refuse(ErrorCode::not_found, std::move(message));
}

std::unexpected<base::Error> Resolver::refuse_ambiguous(std::string_view text, std::string_view id,
                                                        std::string_view route) const {
  return refuse(
      ErrorCode::invalid_argument,
      fmt::format(
          "'{}' can be read in two ways: the model '{}', or the model '{}' with the route '{}'. "
          "Write '{}:preferred' for the first; for the second give one of the two models another name "
          "in the configuration",
          text, text, id, route, text));
}

}  // namespace

std::string Candidate::route_id() const {
  return fmt::format("{}/{}", provider_id(), model);
}

base::Result<Resolution> resolve_model(std::string_view text, const ResolveInput& input) {
  CHECK(input.catalog != nullptr);
  return Resolver(input).resolve(text);
}

std::vector<std::string> known_models(const ResolveInput& input) {
  std::vector<std::string> names;
  for (const ConfiguredModel& model : input.configured) names.push_back(model.name);
  for (const std::string& model : input.device_models) {
    if (!contains(names, model)) names.push_back(model);
  }
  if (input.offers == nullptr) return names;
  const std::size_t own = names.size();
  for (const OfferedModel& model : input.offers->models()) {
    const bool is_on = std::ranges::any_of(
        model.offers, [&](const OfferPtr& offer) { return contains(input.enabled, offer->provider); });
    if (is_on && std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(own), model.id) ==
                     names.begin() + static_cast<std::ptrdiff_t>(own))
      names.push_back(model.id);
  }
  return names;
}

std::string refuse_configured_models(std::span<const ConfiguredModel> configured, const Catalog& catalog) {
  std::vector<std::string> providers = catalog.ids();
  providers.emplace_back(kDeviceId);
  std::vector<std::string_view> names;
  for (const ConfiguredModel& model : configured) {
    if (model.name.empty() || model.name.size() > kModelTextBytesMax) {
      return fmt::format("models: a name has 1 to {} bytes, '{}' has {}", kModelTextBytesMax,
                         model.name.substr(0, 40), model.name.size());
    }
    if (contains(names, model.name)) return fmt::format("models.{} is given twice", model.name);
    names.push_back(model.name);
    if (model.routes.empty()) return fmt::format("models.{}.routes: expected at least one", model.name);
    if (model.routes.size() > kRoutesOfModelMax) {
      return fmt::format("models.{}.routes: expected at most {}, found {}", model.name, kRoutesOfModelMax,
                         model.routes.size());
    }
    for (std::size_t i = 0; i < model.routes.size(); ++i) {
      const std::string& provider = model.routes[i].provider;
      if (contains(providers, provider)) continue;
      const auto near = base::near_names(provider, providers, 1);
      return fmt::format("models.{}.routes.{}: no provider '{}'{}", model.name, i, provider,
                         near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
    }
  }
  return "";
}

std::string refuse_default_route(std::string_view route, const Catalog& catalog) {
  if (contains(kRouteWords, route) || catalog.find(route) != nullptr) return "";
  const auto near = base::near_names(route, catalog.ids(), 1);
  return fmt::format("default_route: expected {} or a provider, found '{}'{}", fmt::join(kRouteWords, ", "),
                     route, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
}

}  // namespace sluice::hub::catalog
