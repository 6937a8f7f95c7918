// What the gateway reads of the configuration: an immutable snapshot. A reload builds another and hands it to
// each loop; a request keeps the one it began with.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/catalog/catalog.h"
#include "hub/catalog/resolve.h"
#include "hub/credentials/credentials.h"
#include "hub/gateway/attempts.h"
#include "hub/gateway/spend.h"
#include "hub/gateway/upstream.h"
#include "hub/health/health.h"
#include "hub/health/prefix_book.h"
#include "hub/routing/wishes.h"
#include "hub/telemetry/attempt_record.h"
#include "hub/telemetry/generations.h"
#include "hub/telemetry/metrics.h"

namespace sluice::hub::gateway {

struct Times {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds first_byte{120'000};   // of one attempt: until the head of its answer
  std::chrono::milliseconds first_token{120'000};  // of one attempt: until a stream has something to show
  std::chrono::milliseconds idle{120'000};         // gap inside an answer
  std::chrono::milliseconds total{1'800'000};      // of the whole request, over all attempts
  std::chrono::milliseconds heartbeat{15'000};     // silence after which a stream gets a comment line
};

AttemptLimits limits_of(const Times& times, bool stream);

// Questions of our own to routes that nobody asks (probes.h). What they may cost in a day is the cap of
// Hub::probe_spend.
struct Probes {
  std::vector<std::string> models;           // whose routes; empty: none
  std::chrono::milliseconds every{300'000};  // at most, of one route
};

struct Settings {
  std::shared_ptr<const catalog::Catalog> catalog = catalog::Catalog::built_in();
  catalog::OffersPtr offers;  // null: nothing is known of who offers what
  credentials::Enablement enabled;
  std::vector<catalog::ConfiguredModel> models;
  std::string default_route = "preferred";
  std::string last_resort;  // the model that answers when nobody else can; empty: none
  routing::Wishes wishes;   // of every request that does not say otherwise
  std::map<std::string, routing::Wishes> model_wishes;  // of those for a configured name
  std::chrono::seconds price_max_age{0};                // an older price ranks as unknown; 0: any age
  bool local_only = false;
  Times times;
  Probes probes;
};
using SettingsPtr = std::shared_ptr<const Settings>;

// What all loops share. Set up before the first request; everything in it outlives the gateways and is
// thread-safe.
struct Hub {
  telemetry::Metrics* metrics = nullptr;
  telemetry::Generations* generations = nullptr;  // null: nothing is kept
  health::Health* health = nullptr;               // null: nothing is learned
  health::PrefixBook* prefixes = nullptr;         // null: nobody remembers who read what
  SpendCap* spend = nullptr;                      // null: nothing is capped
  SpendCap* probe_spend = nullptr;                // what probes may cost besides; null: nothing is probed
  telemetry::RecordSink* records = nullptr;       // takes every attempt; null: nothing is kept
  Upstream* device = nullptr;                     // null: this process has no device
  // The ids the device serves, from memory: asked on the loops, once a request.
  std::function<std::shared_ptr<const std::vector<std::string>>()> device_models;
  std::string instance_id;  // names this process in the hop header; make_instance_id()
};

std::string make_instance_id();

}  // namespace sluice::hub::gateway
