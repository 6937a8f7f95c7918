#include "app/server/snapshot.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "app/server/limits.h"
#include "app/server/offers.h"
#include "app/server/price_refresh.h"
#include "app/server/provider_keys.h"
#include "base/log.h"
#include "base/strings.h"
#include "hub/catalog/catalog.h"
#include "hub/catalog/resolve.h"
#include "hub/credentials/credentials.h"
#include "hub/dialects/dialect.h"
#include "hub/routing/parse_wishes.h"

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
  for (const auto& [id, provider] : config.providers) {
    catalog::ProviderSettings& made = out.emplace_back();
    made.id = id;
    made.enabled = provider.enabled;
    made.api_key = given(provider.api_key);
    made.base_url = given(provider.base_url);
    made.dialect = given(provider.dialect);
    for (const KeyConfig& key : provider.api_keys)
      made.api_keys.push_back({.key = key.key, .weight = static_cast<std::uint32_t>(key.weight)});
    made.headers = provider.headers;
    made.variables = provider.variables;
    made.retains = provider.data_policy.retains;
    made.trains = provider.data_policy.trains;
  }
  return out;
}

// Keys that `sluice setup` took stand where the configuration gives none.
Status add_stored_keys(std::vector<catalog::ProviderSettings>& providers, const Surroundings& surroundings) {
  const std::filesystem::path home = home_directory(surroundings);
  SLUICE_TRY(const auto keys, load_provider_keys(home));
  for (const auto& [id, key] : keys) {
    auto one = std::ranges::find(providers, id, &catalog::ProviderSettings::id);
    if (one == providers.end()) {
      if (catalog::Catalog::built_in()->find(id) == nullptr) continue;  // of an own provider that is gone
      one = providers.insert(providers.end(), catalog::ProviderSettings{});
      one->id = id;
    }
    if (one->api_key || !one->api_keys.empty()) continue;
    one->api_key = key;
    one->api_key_origin = provider_key_file(home, id).string();
  }
  return {};
}

// A misspelt dialect would otherwise be found by the first request.
Status check_dialects(const Config& config) {
  for (const auto& [id, provider] : config.providers) {
    if (provider.dialect.empty()) continue;
    const hub::dialects::Dialect* dialect = hub::dialects::find_dialect(provider.dialect);
    if (dialect != nullptr && dialect->upstream) continue;
    std::vector<std::string> known;
    for (const hub::dialects::Dialect* one : hub::dialects::all_dialects())
      if (one->upstream) known.emplace_back(one->name);
    return base::fail(ErrorCode::invalid_argument, "providers.{}.dialect: expected one of {}, found \"{}\"",
                      id, fmt::join(known, ", "), provider.dialect);
  }
  return {};
}

hub::credentials::Outside outside_of(const Config& config, const Surroundings& surroundings,
                                     const hub::access::Keyring* keys) {
  hub::credentials::Outside outside;
  outside.read_file = [&surroundings](std::string_view path) {
    return read_text_file(std::filesystem::path(surroundings.working_directory) / path, kSecretFileBytesMax);
  };
  outside.is_own_key = [&config, keys](std::string_view secret) {
    return secret == config.api_key || (keys != nullptr && keys->find(secret).has_value());
  };
  return outside;
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

// Refreshed lists that cannot be used are named and left out: they are other people's words, and no reason
// not to start.
Result<catalog::OffersPtr> offers_of(const Config& config, const Surroundings& surroundings,
                                     std::vector<std::string>& notes) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t today_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  StoredPrices stored = load_stored_prices(home_directory(surroundings));
  notes = std::move(stored.notes);
  if (const auto usable = catalog::Offers::with(stored.lists, today_s); !usable) {
    notes.push_back("prices not used: " + usable.error().message);
    stored.lists.clear();
  }
  return make_offers(config, stored.lists, today_s);
}

Status add_wishes(const Config& config, hub::gateway::Settings& gateway) {
  std::vector<std::string> providers = gateway.catalog->ids();
  providers.emplace_back(catalog::kDeviceId);
  if (!config.wishes.empty()) {
    SLUICE_TRY(gateway.wishes, hub::routing::parse_wish_defaults(config.wishes, providers, "wishes"));
  }
  for (const auto& [name, model] : config.models) {
    if (model.wishes.empty()) continue;
    SLUICE_TRY(
        gateway.model_wishes[name],
        hub::routing::parse_wish_defaults(model.wishes, providers, fmt::format("models.{}.wishes", name)));
  }
  return {};
}

}  // namespace

Result<Snapshot> make_snapshot(const Config& config, const Surroundings& surroundings,
                               const hub::access::Keyring* keys) {
  SLUICE_TRY_VOID(check_dialects(config));
  auto providers = provider_settings_of(config);
  SLUICE_TRY_VOID(add_stored_keys(providers, surroundings));
  auto gateway = std::make_shared<hub::gateway::Settings>();
  const auto environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = surroundings.environment.find(std::string(name));
    return found == surroundings.environment.end() ? std::nullopt : std::optional(found->second);
  };
  SLUICE_TRY(gateway->catalog, catalog::Catalog::with(providers, environment));
  SLUICE_TRY(gateway->enabled, hub::credentials::enable_providers(*gateway->catalog, providers, environment,
                                                                  outside_of(config, surroundings, keys)));
  std::vector<std::string> price_notes;
  SLUICE_TRY(gateway->offers, offers_of(config, surroundings, price_notes));
  gateway->price_max_age = std::chrono::duration_cast<std::chrono::seconds>(config.price_max_age);
  gateway->models = configured_models(config);
  if (const std::string wrong = catalog::refuse_configured_models(gateway->models, *gateway->catalog);
      !wrong.empty())
    return base::fail(ErrorCode::invalid_argument, "{}", wrong);
  SLUICE_TRY_VOID(check_default_route(config.default_route, gateway->enabled));
  gateway->default_route = config.default_route;
  gateway->last_resort = config.last_resort;
  SLUICE_TRY_VOID(add_wishes(config, *gateway));
  gateway->local_only = config.local_only;
  gateway->times = {.connect = config.limits.connect_timeout,
                    .first_byte = config.limits.first_byte_timeout,
                    .first_token = config.limits.first_token_timeout,
                    .idle = config.limits.idle_timeout,
                    .total = config.limits.request_timeout,
                    .heartbeat = config.limits.heartbeat};

  Snapshot out;
  for (const auto& provider : gateway->enabled.providers) out.announcements.push_back(describe(provider));
  for (const std::string& note : gateway->enabled.notes) out.announcements.push_back(note);
  std::ranges::move(price_notes, std::back_inserter(out.announcements));
  out.announcements.push_back("default route: " + config.default_route);
  if (!config.last_resort.empty())
    out.announcements.push_back("last resort: " + config.last_resort +
                                " answers when no route of the model can");
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
