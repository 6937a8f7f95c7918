#include "app/server/snapshot.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "hub/catalog/catalog.h"
#include "hub/catalog/resolve.h"
#include "hub/credentials/credentials.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
namespace catalog = hub::catalog;

std::vector<catalog::ProviderSettings> provider_settings_of(const Config& config) {
  const auto given = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
  };
  std::vector<catalog::ProviderSettings> out;
  for (const auto& [id, provider] : config.providers)
    out.push_back({.id = id,
                   .enabled = provider.enabled,
                   .api_key = given(provider.api_key),
                   .base_url = given(provider.base_url),
                   .dialect = given(provider.dialect)});
  return out;
}

std::vector<catalog::ConfiguredModel> models_of(const Config& config) {
  std::vector<catalog::ConfiguredModel> out;
  for (const auto& [name, model] : config.models) {
    catalog::ConfiguredModel& made = out.emplace_back(catalog::ConfiguredModel{.name = name, .routes = {}});
    for (const RouteConfig& route : model.routes) made.routes.push_back({route.provider, route.model});
  }
  return out;
}

Status check_default_route(const std::string& route, const hub::credentials::Enablement& enabled) {
  if (std::ranges::count(catalog::kRouteWords, route) > 0 || enabled.find(route) != nullptr) return {};
  std::vector<std::string> known(catalog::kRouteWords.begin(), catalog::kRouteWords.end());
  std::ranges::copy(enabled.ids(), std::back_inserter(known));
  return base::fail(
      ErrorCode::invalid_argument,
      "default_route: expected a route word or a provider that is switched on ({}), found \"{}\"",
      fmt::join(known, " "), route);
}

}  // namespace

Result<Snapshot> make_snapshot(const Config& config, const Surroundings& surroundings) {
  const auto providers = provider_settings_of(config);
  auto gateway = std::make_shared<hub::gateway::Settings>();
  const auto environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = surroundings.environment.find(std::string(name));
    return found == surroundings.environment.end() ? std::nullopt : std::optional(found->second);
  };
  SLUICE_TRY(gateway->catalog, catalog::Catalog::with(providers, environment));
  SLUICE_TRY(gateway->enabled, hub::credentials::enable_providers(*gateway->catalog, providers, environment));
  gateway->models = models_of(config);
  if (const std::string wrong = catalog::refuse_configured_models(gateway->models, *gateway->catalog);
      !wrong.empty())
    return base::fail(ErrorCode::invalid_argument, "{}", wrong);
  SLUICE_TRY_VOID(check_default_route(config.default_route, gateway->enabled));
  gateway->default_route = config.default_route;
  gateway->local_only = config.local_only;
  gateway->times = {.connect = config.limits.connect_timeout,
                    .first_byte = config.limits.first_byte_timeout,
                    .idle = config.limits.idle_timeout,
                    .total = config.limits.request_timeout,
                    .heartbeat = config.limits.heartbeat};

  Snapshot out;
  for (const auto& provider : gateway->enabled.providers) out.announcements.push_back(describe(provider));
  for (const std::string& note : gateway->enabled.notes) out.announcements.push_back(note);
  out.announcements.push_back("default route: " + config.default_route);
  if (config.local_only) out.announcements.emplace_back("local only: nothing leaves this machine");

  out.client.egress.local_only = config.local_only;
  out.client.proxy = net::ProxySettings::from_environment();
  out.client.ca_file = config.ca_file;
  auto api = std::make_shared<hub::api::Settings>();
  api->gateway = std::move(gateway);
  api->auth = config.auth;
  api->allowed_hosts = config.allowed_hosts;
  api->cors_origins = config.cors_origins;
  out.api = std::move(api);
  return out;
}

}  // namespace sluice::app::server
