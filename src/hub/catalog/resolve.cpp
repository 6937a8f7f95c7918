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
  bool is_known(std::string_view id) const { return find_configured(id) != nullptr || is_on_device(id); }
  bool is_enabled(std::string_view provider) const { return contains(input_.enabled, provider); }
  bool is_route(std::string_view segment) const {
    return contains(kRouteWords, segment) || is_enabled(segment);
  }

  base::Result<Resolution> resolve_default(std::string_view id) const;
  base::Result<Resolution> resolve_route(std::string_view id, std::string_view route) const;
  base::Result<Resolution> pin_to_device(std::string_view id) const;
  base::Result<Resolution> pin_to_provider(std::string_view id, std::string_view provider) const;
  base::Result<Resolution> resolve_configured(const ConfiguredModel& model) const;
  std::unexpected<base::Error> refuse_unknown(std::string_view id) const;
  std::unexpected<base::Error> refuse_ambiguous(std::string_view text, std::string_view id,
                                                std::string_view route) const;
  std::optional<Candidate> candidate_of(const Route& route, std::string_view name) const;

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

base::Result<Resolution> Resolver::resolve_default(std::string_view id) const {
  if (const ConfiguredModel* model = find_configured(id)) return resolve_configured(*model);
  if (is_on_device(id)) {
    Resolution resolution = resolution_of(id, kDeviceId, Resolution::Pin::none,
                                          fmt::format("model '{}', served by the device", id));
    resolution.candidates.push_back({.provider = nullptr, .model = std::string(id)});
    return resolution;
  }
  if (is_enabled(input_.default_route)) {
    const ProviderPtr provider = input_.catalog->find(input_.default_route);
    CHECK(provider != nullptr);
    Resolution resolution =
        resolution_of(id, input_.default_route, Resolution::Pin::none,
                      fmt::format("model '{}' at {}, the default route", id, input_.default_route));
    resolution.candidates.push_back({.provider = provider, .model = std::string(id)});
    return resolution;
  }
  return refuse_unknown(id);
}

base::Result<Resolution> Resolver::resolve_route(std::string_view id, std::string_view route) const {
  if (route == kDeviceId) return pin_to_device(id);
  if (!contains(kRouteWords, route)) return pin_to_provider(id, route);
  if (route == "preferred") return resolve_default(id);
  return refuse(ErrorCode::invalid_argument,
                fmt::format("'{}:{}' asks for the routing policy '{}', which this version does not have: use "
                            "'{}:preferred' for the configured order, or pin a provider with '{}:<provider>'",
                            id, route, route, id, id));
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
  std::string model(id);
  if (const ConfiguredModel* configured = find_configured(id)) {
    const auto route = std::ranges::find(configured->routes, provider, &Route::provider);
    if (route == configured->routes.end()) {
      std::vector<std::string_view> has;
      for (const Route& one : configured->routes) has.push_back(one.provider);
      return refuse(ErrorCode::invalid_argument, fmt::format("model '{}' has no route to '{}'; it has: {}",
                                                             id, provider, fmt::join(has, ", ")));
    }
    if (!route->model.empty()) model = route->model;
  }
  Resolution resolution = resolution_of(id, provider, Resolution::Pin::provider,
                                        fmt::format("model '{}', pinned to {}", id, provider));
  resolution.candidates.push_back({.provider = found, .model = std::move(model)});
  return resolution;
}

std::optional<Candidate> Resolver::candidate_of(const Route& route, std::string_view name) const {
  std::string model = route.model.empty() ? std::string(name) : route.model;
  if (route.provider == kDeviceId) {
    if (!is_on_device(model)) return std::nullopt;
    return Candidate{.provider = nullptr, .model = std::move(model)};
  }
  if (!is_enabled(route.provider)) return std::nullopt;
  return Candidate{.provider = input_.catalog->find(route.provider), .model = std::move(model)};
}

base::Result<Resolution> Resolver::resolve_configured(const ConfiguredModel& model) const {
  Resolution resolution =
      resolution_of(model.name, "preferred", Resolution::Pin::none,
                    fmt::format("model '{}' of the configuration, routes in its order", model.name));
  for (const Route& route : model.routes) {
    if (auto candidate = candidate_of(route, model.name))
      resolution.candidates.push_back(*std::move(candidate));
  }
  if (resolution.candidates.empty()) {
    std::vector<std::string_view> routes;
    for (const Route& route : model.routes) routes.push_back(route.provider);
    return refuse(ErrorCode::unavailable,
                  fmt::format("model '{}' is routed to {}, and none of these is switched on here", model.name,
                              fmt::join(routes, ", ")));
  }
  return resolution;
}

std::unexpected<base::Error> Resolver::refuse_unknown(std::string_view id) const {
  std::string message = fmt::format("no model '{}' here", id);
  const auto near = base::near_names(id, known_models(input_));
  if (!near.empty()) message += fmt::format("; did you mean {}?", fmt::join(near, " or "));
  const std::size_t colon = id.rfind(':');
  const std::string_view last = colon == std::string_view::npos ? "" : id.substr(colon + 1);
  if (!last.empty() && input_.catalog->find(last) != nullptr) {
    message += fmt::format(
        "; '{}' is a provider that is not switched on: set its key, see `sluice providers`", last);
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
  if (route == "preferred" || route == kDeviceId || catalog.find(route) != nullptr) return "";
  if (contains(kRouteWords, route)) {
    return fmt::format("default_route: '{}' is a routing policy, which this version does not have", route);
  }
  const auto near = base::near_names(route, catalog.ids(), 1);
  return fmt::format("default_route: expected 'preferred', 'device' or a provider, found '{}'{}", route,
                     near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
}

}  // namespace sluice::hub::catalog
