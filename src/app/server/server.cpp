#include "app/server/server.h"

#include <sys/resource.h>

#include <atomic>
#include <cmath>
#include <optional>

#include "app/device/device_upstream.h"
#include "app/server/access_home.h"
#include "app/server/limits.h"
#include "app/server/price_keeper.h"
#include "app/server/settings.h"
#include "app/server/snapshot.h"
#include "app/server/spent_today.h"
#include "app/server/warm_health.h"
#include "base/log.h"
#include "hub/access/key_keeper.h"
#include "hub/api/api.h"
#include "hub/telemetry/generations.h"
#include "hub/telemetry/limits.h"
#include "hub/telemetry/records.h"
#include "net/server.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

// A proxied stream costs two descriptors; the soft limit of 1024 is for select(), which nobody here uses.
void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string address_of(const Config& config) {
  return config.host == "localhost" ? "127.0.0.1" : config.host;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

Status check_exposure(const Config& config) {
  if (config.auth || config.host.empty() || is_loopback(address_of(config))) return {};
  return base::fail(
      ErrorCode::invalid_argument,
      "host {} is reachable from other machines and auth is off: switch auth on or listen on 127.0.0.1",
      config.host);
}

device::DeviceOptions device_options_of(const Config& config, const Surroundings& surroundings) {
  device::DeviceOptions options{.places = device::model_places_from_environment()};
  options.places.single_file = config.model;
  options.places.models_folder =
      config.models_dir.empty() ? default_models_directory(surroundings) : config.models_dir;
  options.engine.threads = config.threads;
  options.engine.sessions_max = config.device.sessions_max;
  options.engine.queue_max = config.device.queue_max;
  options.engine.context_max = config.device.context_tokens_max;
  return options;
}

base::NanoUsd cap_of(const Config& config) {
  return {std::llround(config.max_spend_usd_per_day.value_or(0) * 1e9)};
}

std::int64_t wall_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

constexpr std::int64_t kNotRead = -1;

// `before_nanos`: of this day, before this start.
std::string describe_spend(const Config& config, std::int64_t before_nanos) {
  const double cap = config.max_spend_usd_per_day.value_or(0);
  if (cap <= 0) return "spending: none (max_spend_usd_per_day is 0): no paid provider is asked";
  const std::string line = fmt::format("spending: at most {} USD a day (max_spend_usd_per_day)", cap);
  if (!config.records.enabled) return line + ", since this start: records are off";
  if (before_nanos == kNotRead)
    return line + "; what today cost before this start counts once the records open";
  return line + fmt::format("; {:.6f} spent today before this start", base::NanoUsd{before_nanos}.usd());
}

}  // namespace

// In the order of construction; what is below uses what is above.
struct Server::State {
  Config config;
  AccessHome access;
  std::optional<hub::access::KeyKeeper> keeper;
  hub::telemetry::Metrics metrics;
  hub::telemetry::Generations generations{hub::telemetry::kGenerationsKept};
  hub::health::Health health;
  hub::gateway::SpendCap spend{base::NanoUsd{}};
  std::atomic<std::int64_t> spent_before_nanos = kNotRead;
  std::optional<hub::telemetry::Records> records;
  hub::gateway::Hub hub;
  std::optional<net::Loops> loops;
  std::optional<device::Device> device;
  std::optional<device::DeviceUpstream> device_upstream;
  std::optional<hub::api::Api> api;
  std::optional<net::Server> server;
  std::uint16_t port = 0;
  PriceKeeper prices;

  void show_spending();
  void start_records();
  Result<std::unique_ptr<hub::telemetry::RecordStore>> open_records();
  void warm_up();
  void start_device(const Surroundings& surroundings, const Say& say);
  Status listen(const Say& say);
};

void Server::State::show_spending() {
  metrics.add_gauge("sluice_spent_today_usd", "What paid providers have cost this day (UTC).",
                    [this] { return spend.state(wall_seconds()).spent.usd(); });
  metrics.add_gauge("sluice_spend_reserved_usd", "Set aside for attempts under way, at their worst.",
                    [this] { return spend.state(wall_seconds()).reserved.usd(); });
}

// The file is opened on the records' own thread: however large or damaged it is, the start does not wait.
void Server::State::start_records() {
  if (!config.records.enabled) return;
  records.emplace([this] { return open_records(); },
                  hub::telemetry::RecordOptions{.keep_rows = config.records.retention,
                                                .keep_roll_ups = config.records.hourly_retention,
                                                .rows_max = config.records.rows_max,
                                                .now_ms = {}});
  hub.records = &*records;
  const auto read = [this](auto field) {
    return [this, field] { return static_cast<double>(records->state().*field); };
  };
  using State = hub::telemetry::Records::State;
  metrics.add_counter("sluice_records_written_total", "Attempts kept in the store.", read(&State::written));
  metrics.add_counter("sluice_records_dropped_total",
                      "Attempts not kept: the store was too slow, refused them or was gone.",
                      read(&State::dropped));
  metrics.add_gauge("sluice_records_waiting", "Attempts that wait to be written.", read(&State::queued));
  metrics.add_gauge("sluice_records_store_failing", "1 while the store of attempts does not work.",
                    read(&State::failing));
}

// On the records' own thread, before it writes anything of this run: what it reads is of earlier ones.
Result<std::unique_ptr<hub::telemetry::RecordStore>> Server::State::open_records() {
  SLUICE_TRY(auto store, hub::storage::find_backend("sqlite")->open_records(access.folder / "records.db"));
  const std::int64_t now_s = wall_seconds();
  if (const auto spent = spent_today(*store, now_s)) {
    spend.add_spent(spent->all, now_s);
    spent_before_nanos = spent->all.nanos;
  } else {
    base::LogLine(base::LogLevel::warning, "records not read; the day's spending counts from this start")
        .text("error", spent.error().message)
        .write();
  }
  return store;
}

void Server::State::warm_up() {
  const auto store = records ? records->store(kWarmWait) : nullptr;
  if (store == nullptr) return;
  const std::int64_t wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count();
  const auto used = warm_health(*store, health, wall_ms, std::chrono::steady_clock::now());
  if (!used)
    base::LogLine(base::LogLevel::warning, "records not read; routes are learned anew")
        .text("error", used.error().message)
        .write();
}

// Looks at the folders only: weights are loaded by the first request that wants them.
void Server::State::start_device(const Surroundings& surroundings, const Say& say) {
  hub.device_models = [] { return std::make_shared<const std::vector<std::string>>(); };
  if (!config.device.enabled) return;
  device.emplace(device_options_of(config, surroundings));
  device_upstream.emplace(*device);
  hub.device = &*device_upstream;
  hub.device_models = [this] { return device->model_ids(); };
  const auto gauge = [this](const char* name, const char* help, auto read) {
    metrics.add_gauge(name, help,
                      [this, read] { return static_cast<double>(read(device->engine().state())); });
  };
  gauge("sluice_engine_waiting_requests", "Requests in the queue of the device.",
        [](const auto& state) { return state.waiting; });
  gauge("sluice_engine_running_sessions", "Sessions that the device computes together.",
        [](const auto& state) { return state.running; });
  gauge("sluice_engine_kv_bytes", "Memory reserved for keys and values of running sessions.",
        [](const auto& state) { return state.kv_bytes; });
  say(fmt::format("device: {} models", device->model_ids()->size()));
}

Status Server::State::listen(const Say& say) {
  net::ServerOptions options;
  options.limits.body_bytes = config.limits.body_bytes_max;
  options.limits.connections = config.limits.connections_max;
  options.refusal_writer = hub::api::Api::write_refusal;
  options.host_filter = [this](std::string_view host, const net::Peer& peer) {
    return api->allows_host(host, peer);
  };
  server.emplace(*loops, std::move(options),
                 [this](net::Exchange& exchange) { return api->handle(exchange); });
  if (!config.unix_socket.empty()) {
    SLUICE_TRY_VOID(server->listen(net::UnixAddress{config.unix_socket}));
    say("listening on unix:" + config.unix_socket);
  }
  if (config.host.empty()) return {};
  const net::TcpAddress address{.host = address_of(config),
                                .port = static_cast<std::uint16_t>(config.port),
                                .certificate_file = config.tls.cert,
                                .key_file = config.tls.key};
  SLUICE_TRY(port, server->listen(address));
  const bool six = address.host.find(':') != std::string::npos;
  say(fmt::format("listening on {}://{}{}{}:{}", config.tls.cert.empty() ? "http" : "https", six ? "[" : "",
                  address.host, six ? "]" : "", port));
  return {};
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  if (state_->server) state_->server->stop(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<Server>> Server::start(const LoadedConfig& loaded, const Surroundings& surroundings,
                                              bool on_terminal, const Say& say) {
  const Config& config = loaded.config;
  SLUICE_TRY_VOID(check_exposure(config));
  raise_open_files_limit();
  SLUICE_TRY_VOID(make_snapshot(config, surroundings));  // before anything is made on disk

  auto state = std::make_unique<State>();
  state->config = config;
  SLUICE_TRY(state->access, open_access_home(home_directory(surroundings)));
  SLUICE_TRY(const Snapshot snapshot, make_snapshot(config, surroundings, state->access.keys.get()));
  if (!config.api_key.empty()) SLUICE_TRY_VOID(state->access.keys->set_preset_key(config.api_key));
  if (config.auth) {
    SLUICE_TRY(const std::string line, show_first_key(state->access, on_terminal));
    if (!line.empty()) say(line);
  }
  state->keeper.emplace(*state->access.keys);

  state->hub.metrics = &state->metrics;
  state->hub.generations = &state->generations;
  state->hub.health = &state->health;
  state->spend.set_per_day(cap_of(config));
  state->hub.spend = &state->spend;
  state->hub.instance_id = hub::gateway::make_instance_id();
  state->loops.emplace(config.loops != 0 ? config.loops : vlm::tensor::default_threads());
  state->show_spending();
  state->start_records();
  state->warm_up();
  state->start_device(surroundings, say);
  state->api.emplace(*state->loops,
                     hub::api::Parts{.hub = &state->hub,
                                     .keys = state->access.keys.get(),
                                     .records = state->records ? &*state->records : nullptr,
                                     .version = SLUICE_VERSION,
                                     .client = snapshot.client},
                     snapshot.api);
  for (const std::string& line : snapshot.announcements) say(line);
  say(describe_spend(config, state->spent_before_nanos));
  SLUICE_TRY_VOID(state->listen(say));
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Status Server::reload(const LoadedConfig& loaded, const Surroundings& surroundings) {
  const auto fixed = changes_needing_restart(state_->config, loaded.config);
  if (!fixed.empty())
    return base::fail(ErrorCode::conflict, "{} cannot change without a restart; nothing was changed",
                      fmt::join(fixed, ", "));
  SLUICE_TRY(const Snapshot snapshot, make_snapshot(loaded.config, surroundings, state_->access.keys.get()));
  state_->config = loaded.config;
  state_->spend.set_per_day(cap_of(loaded.config));
  if (state_->device) state_->device->rescan();
  state_->api->use(snapshot.api);
  return {};
}

void Server::tick(const Surroundings& surroundings) {
  const auto make = [&] { return make_snapshot(state_->config, surroundings, state_->access.keys.get()); };
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const PriceKeeper::Moment moment{.now = std::chrono::steady_clock::now(),
                                   .wall_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count()};
  const std::chrono::milliseconds every =
      state_->config.local_only ? std::chrono::milliseconds(0) : state_->config.price_refresh;
  if (!state_->prices.poll(moment, every, home_directory(surroundings), make)) return;
  // The configuration in force was good when it was taken; what is broken now may be mended by the next tick.
  if (const auto snapshot = make()) state_->api->use(snapshot->api);
}

bool Server::drain() {
  state_->api->set_not_ready("draining");
  const bool whole = state_->server->stop(state_->config.limits.drain_timeout);
  if (state_->records) state_->records->stop();
  return whole;
}

std::uint16_t Server::port() const {
  return state_->port;
}

}  // namespace sluice::app::server
