// For tests: a whole hub without api on a loopback port, over providers that the test plays (fakes.h) and a
// device that it scripts. Keys are the header x-test-key: "local" gives a local-only key.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/ids.h"
#include "hub/gateway/fakes.h"
#include "hub/gateway/gateway.h"
#include "net/server.h"

namespace sluice::hub::gateway::testing {

// Plays back pieces, or fails; counts what happens to it.
class FakeDevice final : public Upstream {
 public:
  struct Play {
    std::vector<std::vector<tasks::Event>> pieces;
    std::optional<base::Error> open_error = {};
    std::optional<base::Error> end_error = {};
    bool hang = false;  // after the pieces, until cancelled
  };

  explicit FakeDevice(Play play) : play_(std::move(play)) {}

  net::Task<Outcome<Opened>> open(const Call& call, net::TimePoint, net::Cancel& cancel) override {
    ++opened;
    if (play_.open_error) co_return base::fail(*play_.open_error);
    // As the engine does: it needs the request in the hub's words.
    if (call.kind() == tasks::Kind::chat) {
      SLUICE_CO_TRY(const auto* chat, call.chat());
      CHECK(chat->model == call.candidate().model);
    }
    Opened result;
    result.source = std::make_unique<Source>(*this, cancel);
    co_return result;
  }

  std::atomic<int> opened = 0;
  std::atomic<int> closed = 0;

 private:
  struct Source final : EventSource {
    Source(FakeDevice& of, net::Cancel& gone) : device(of), cancel(gone) {}
    ~Source() override { ++device.closed; }
    net::Task<Outcome<std::optional<Piece>>> next() override {
      if (at < device.play_.pieces.size()) co_return Events{device.play_.pieces[at++]};
      if (device.play_.hang) {
        const auto slept = co_await net::sleep_for(std::chrono::minutes(10), cancel);
        if (!slept) co_return base::fail(slept.error());
      }
      if (device.play_.end_error) co_return base::fail(*device.play_.end_error);
      co_return std::nullopt;
    }
    FakeDevice& device;
    net::Cancel& cancel;
    std::size_t at = 0;
  };

  const Play play_;
};

inline std::vector<std::vector<tasks::Event>> said(std::initializer_list<std::string> texts) {
  std::vector<std::vector<tasks::Event>> pieces;
  tasks::Started started;
  started.id = "chatcmpl-d";
  started.model = "tiny";
  started.created_unix_s = 7;
  pieces.push_back({started});
  for (const std::string& text : texts) {
    tasks::TextDelta delta;
    delta.text = text;
    pieces.push_back({delta});
  }
  tasks::UsageReport usage;
  usage.usage.input = {3};
  usage.usage.output = {static_cast<std::uint64_t>(texts.size())};
  pieces.push_back({tasks::Finished{}, usage});
  return pieces;
}

struct TestProvider {
  std::string id;
  std::string url;
  std::vector<catalog::ProviderSettings::WeightedKey> keys = {};  // empty: one, "secret-of-<id>"
};

struct TestHubOptions {
  std::vector<TestProvider> providers;
  // "m" is served by these, in this order; "device" may be among them.
  std::vector<std::string> routes_of_m = {};
  bool local_only = false;
  Upstream* device = nullptr;  // serves "tiny"
  Times times = {};
  std::optional<base::NanoUsd> spend_per_day = {};
  std::string last_resort = {};
  bool learns = true;                                 // false: no health, so that no circuit opens
  std::vector<catalog::ConfiguredModel> models = {};  // besides "m"
  catalog::OffersPtr offers = nullptr;
};

// Model `name` at these providers, each of which calls it "model-of-<id>", for a dollar a million tokens in
// and two out, as the operator says: only then a provider on this machine is paid.
inline catalog::OffersPtr offers_of(std::string_view name,
                                    std::initializer_list<std::string_view> providers) {
  catalog::PriceList list;
  for (const std::string_view id : providers) {
    catalog::StatedOffer& stated = list.offers.emplace_back();
    stated.offer.model = name;
    stated.offer.provider = id;
    stated.offer.provider_model = fmt::format("model-of-{}", id);
    catalog::Price& price = stated.offer.price.emplace();
    price.rates.input = base::NanoUsd{1'000'000'000};
    price.rates.output = base::NanoUsd{2'000'000'000};
    price.source = "configuration";
    price.date = "2026-01-01";
    stated.replaces_price = true;
  }
  const auto offers = catalog::Offers::of({&list, 1}, *catalog::day_s("2026-01-02"));
  CHECK(offers.has_value());
  return *offers;
}

// Keeps what it is given.
struct RecordList final : telemetry::RecordSink {
  void add(telemetry::AttemptRecord record) override {
    const std::lock_guard lock(mutex);
    rows.push_back(std::move(record));
  }
  std::vector<telemetry::AttemptRecord> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(rows, {});
  }
  std::mutex mutex;
  std::vector<telemetry::AttemptRecord> rows;
};

class TestHub {
 public:
  explicit TestHub(TestHubOptions options) : loops_(2) {
    hub_.metrics = &metrics;
    hub_.generations = &generations;
    if (options.learns) hub_.health = &health;
    hub_.records = &records;
    if (options.spend_per_day) spend.emplace(*options.spend_per_day);
    if (spend) hub_.spend = &*spend;
    hub_.device = options.device;
    hub_.instance_id = make_instance_id();
    hub_.device_models = [] {
      static const auto models = std::make_shared<const std::vector<std::string>>(1, "tiny");
      return models;
    };
    const SettingsPtr settings = settings_of(options);
    gateways_.resize(loops_.size());
    loops_.run_on_all([&](net::Loop& loop) {
      gateways_[loop.index()] = std::make_unique<Gateway>(loop, net::ClientOptions{}, hub_, settings);
    });
    net::ServerOptions server_options;
    server_ = std::make_unique<net::Server>(loops_, std::move(server_options),
                                            [this](net::Exchange& exchange) { return handle(exchange); });
    const auto port = server_->listen(net::TcpAddress{});
    CHECK(port.has_value());
    port_ = *port;
  }
  ~TestHub() {
    server_->stop(std::chrono::milliseconds(2000));
    loops_.run_on_all([&](net::Loop& loop) { gateways_[loop.index()].reset(); });
    server_.reset();
  }
  TestHub(const TestHub&) = delete;
  TestHub& operator=(const TestHub&) = delete;

  static SettingsPtr settings_of(const TestHubOptions& options) {
    std::vector<catalog::ProviderSettings> providers;
    for (const TestProvider& provider : options.providers) {
      catalog::ProviderSettings one;
      one.id = provider.id;
      one.enabled = true;
      one.api_keys = provider.keys;
      if (provider.keys.empty()) one.api_key = "secret-of-" + provider.id;
      one.base_url = provider.url;
      one.dialect = "openai";
      providers.push_back(std::move(one));
    }
    auto settings = std::make_shared<Settings>();
    auto catalog = catalog::Catalog::with(providers);
    if (!catalog) fmt::print("{}\n", catalog.error().message);
    CHECK(catalog.has_value());
    settings->catalog = *catalog;
    auto enabled =
        credentials::enable_providers(**catalog, providers, [](std::string_view) { return std::nullopt; });
    if (!enabled) fmt::print("{}\n", enabled.error().message);
    CHECK(enabled.has_value());
    settings->enabled = std::move(*enabled);
    catalog::ConfiguredModel m{.name = "m", .routes = {}};
    for (const std::string& id : options.routes_of_m)
      m.routes.push_back({.provider = id, .model = id == "device" ? "tiny" : "model-of-" + id});
    if (!m.routes.empty()) settings->models.push_back(std::move(m));
    settings->local_only = options.local_only;
    settings->times = options.times;
    settings->last_resort = options.last_resort;
    settings->offers = options.offers;
    std::ranges::copy(options.models, std::back_inserter(settings->models));
    return settings;
  }

  void use(const SettingsPtr& settings) {
    loops_.run_on_all([&](net::Loop& loop) { gateways_[loop.index()]->use(settings); });
  }

  std::uint16_t port() const { return port_; }
  Wire connect() const { return Wire::connect_to(port_); }

  RawMessage ask(std::string_view body, std::string_view more_headers = "",
                 std::string_view path = "/v1/chat/completions") const {
    Wire wire = connect();
    CHECK(wire.send(request_bytes("POST", path, body, more_headers)));
    auto answer = wire.read_message();
    return answer ? std::move(*answer) : RawMessage{};
  }

  // The log line and the counters of a request are written when its coroutine ends, a moment after its
  // answer.
  bool settles(std::chrono::milliseconds patience = kPatience) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (metrics.in_flight() != 0) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }

  telemetry::Metrics metrics;
  telemetry::Generations generations{16};
  health::Health health;
  mutable RecordList records;
  std::optional<SpendCap> spend;

 private:
  net::Task<void> handle(net::Exchange& exchange) {
    Admission admission;
    admission.request_id = base::make_id("req_");
    const std::string_view path = exchange.request().path();
    admission.route = "/v1/completions";
    admission.kind = tasks::Kind::completion;
    if (path == "/v1/embeddings") {
      admission.route = "/v1/embeddings";
      admission.kind = tasks::Kind::embed;
    } else if (path.ends_with("/v1/chat/completions")) {
      admission.route = "/v1/chat/completions";
      admission.kind = tasks::Kind::chat;
      admission.wants_usage = path.starts_with("/api/");
    }
    admission.front = dialects::find_dialect("openai");
    admission.began = net::Clock::now();
    if (const auto key = exchange.request().headers.find("x-test-key")) {
      auto record = std::make_shared<access::KeyRecord>();
      record->id = "key-test";
      record->policy.local_only = *key == "local";
      admission.caller = std::move(record);
    }
    co_await gateways_[exchange.loop().index()]->serve(exchange, std::move(admission));
  }

  net::Loops loops_;
  Hub hub_;
  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::unique_ptr<net::Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace sluice::hub::gateway::testing
