// From the text of `model` in a request to the candidates that may serve it. Pure: it reads the snapshots it
// is given and nothing else. A name means, in this order: a configured model, one on the device, one that
// providers switched on are known to offer (all of them are candidates then), whatever the default route
// knows.
//
// Model ids contain colons of their own (`ft:gpt-4o:org::id`, `smollm2:135m`, `repo:Q4_K_M`), so the last
// segment is a route only when it is a route word or the id of an enabled provider; an id known whole wins;
// when both readings name something known, the request is refused and both are shown. A tag `:latest` at the
// end of an id that is not known whole says nothing, as with Ollama, and is left out.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/catalog/catalog.h"
#include "hub/catalog/offers.h"

namespace sluice::hub::catalog {

// The id under which the machine itself is a provider.
inline constexpr std::string_view kDeviceId = "device";

// Words that choose a route; none of them can name a provider.
inline constexpr std::array<std::string_view, 6> kRouteWords{"cheapest", "fastest", "preferred",
                                                             "device",   "nitro",   "floor"};

// Who may serve a request. `provider` is null for the device.
struct Candidate {
  ProviderPtr provider;
  std::string model;         // the id that this provider knows it by
  OfferPtr offer = nullptr;  // what is known of it: price, limits; null when nothing is

  bool is_device() const { return provider == nullptr; }
  std::string_view provider_id() const { return provider ? std::string_view(provider->id) : kDeviceId; }
  // Stable across reloads: what health, limits and circuits are keyed by.
  std::string route_id() const;
};

// `models.<name>.routes` of the configuration, in the order written.
struct Route {
  std::string provider;  // an id, or "device"
  std::string model;     // that provider's id for it; empty: the configured name itself
};
struct ConfiguredModel {
  std::string name;
  std::vector<Route> routes;
};

// What resolve_model reads. Everything is borrowed for the call.
struct ResolveInput {
  const Catalog* catalog = nullptr;
  const Offers* offers = nullptr;        // null: nothing is known of who offers what
  std::span<const std::string> enabled;  // ids of the providers switched on
  std::span<const ConfiguredModel> configured;
  std::span<const std::string> device_models;    // ids served by the device, loaded or not
  std::string_view default_route = "preferred";  // used when the text names none: a route word or provider id
};

struct Resolution {
  enum class Pin : std::uint8_t { none, provider, device };

  std::string model;  // the id without a route; the catalogue's own where it knows another name for it
  // The route asked for, else the default: a route word or a provider's id. How a word orders the candidates
  // is routing's to know; here they stand in the configured order, else in that of the providers' ids.
  std::string route;
  Pin pin = Pin::none;                // not none: one candidate, and no failover in any failure
  std::vector<Candidate> candidates;  // at least one, in the order to try
  std::string reading;                // how the text was understood, for people and logs
};

// Errors: invalid_argument (empty, too long, ambiguous, a route that the model does not have), unavailable
// (none of the configured routes is switched on) and not_found, with near names or who does offer it;
// `parameter` is "model".
base::Result<Resolution> resolve_model(std::string_view text, const ResolveInput& input);

// Every name a client may ask for without a suffix: configured models, the device's, then what providers
// switched on offer, under its one id; for GET /v1/models.
std::vector<std::string> known_models(const ResolveInput& input);

// "" when `configured` can be routed with `catalog`, else what is wrong and where ("models.x.routes.1: ...").
std::string refuse_configured_models(std::span<const ConfiguredModel> configured, const Catalog& catalog);

// "" when `route` can be the default route, else why not.
std::string refuse_default_route(std::string_view route, const Catalog& catalog);

}  // namespace sluice::hub::catalog
