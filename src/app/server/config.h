// The configuration of one sluice process: flags over environment (SLUICE_*) over one YAML file over
// defaults. Immutable once loaded; a reload loads another. settings.h describes every setting once.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::app::server {

struct KeyConfig {
  std::string key;
  std::uint64_t weight = 1;
};

struct ProviderConfig {
  std::string api_key;
  std::vector<KeyConfig> api_keys;  // in its place: several
  std::string base_url;
  std::string dialect;  // of a provider that the catalogue does not hold, or the one to prefer
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> variables;  // what the address needs
  struct DataPolicyConfig {
    std::optional<bool> retains, trains;
  } data_policy;                // what the operator knows of it, over the provider's file
  std::optional<bool> enabled;  // true: switched on by name; false: never; absent: by its key
};

// USD per million tokens; image and request: for one. The operator's own word, over every list.
struct PriceConfig {
  std::optional<double> input, output, cache_read, cache_write, image, request;

  friend bool operator==(const PriceConfig&, const PriceConfig&) = default;
};

struct RouteConfig {
  std::string provider;
  std::string model;  // the provider's id of it; empty: the name asked for
  PriceConfig price;
  std::uint64_t context_length = 0;  // 0: as the lists say
  std::uint64_t output_max = 0;      // likewise
  std::string quantization, region;
  std::optional<bool> images, tools, structured_output;
};

struct ModelConfig {
  std::vector<RouteConfig> routes;  // tried in order
  std::string same_as;              // in their place: another name of a model of the catalogue
  std::string wishes;               // routing wishes of this name, as JSON
};

struct TlsConfig {
  std::string cert;
  std::string key;
};

struct LimitsConfig {
  std::uint64_t body_bytes_max = 0;
  std::uint64_t connections_max = 0;
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds first_byte_timeout{};
  std::chrono::milliseconds first_token_timeout{};
  std::chrono::milliseconds idle_timeout{};
  std::chrono::milliseconds request_timeout{};
  std::chrono::milliseconds heartbeat{};
  std::chrono::milliseconds drain_timeout{};
};

struct DeviceConfig {
  bool enabled = true;
  std::uint64_t context_tokens_max = 0;  // of one session; 0: what the model was trained for
  std::uint64_t sessions_max = 0;
  std::uint64_t queue_max = 0;
};

struct RecordsConfig {
  bool enabled = true;
  std::chrono::milliseconds retention{};
  std::uint64_t rows_max = 0;
  std::chrono::milliseconds hourly_retention{};
};

struct ProbesConfig {
  std::vector<std::string> models;  // empty: nothing is probed
  std::chrono::milliseconds every{};
  std::optional<double> max_usd_per_day;
};

struct Config {
  std::string host;
  std::uint64_t port = 0;
  std::string unix_socket;
  TlsConfig tls;
  std::uint64_t loops = 0;    // 0: the cores of the cgroup quota
  std::uint64_t threads = 0;  // likewise, for the engine's pool
  bool auth = true;
  std::string api_key;  // presets the first key
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> cors_origins;
  LimitsConfig limits;
  bool local_only = false;
  std::string ca_file;  // PEM, in place of the system's authorities
  std::string default_route;
  std::string last_resort;  // a model; empty: none
  std::optional<double> max_spend_usd_per_day;
  std::string wishes;  // routing wishes of every request, as JSON
  std::chrono::milliseconds price_max_age{};
  std::chrono::milliseconds price_refresh{};  // 0: never
  std::map<std::string, ProviderConfig> providers;
  std::map<std::string, ModelConfig> models;
  std::string models_dir;
  std::string model;  // one GGUF file served whatever the folder holds ($SLUICE_MODEL)
  std::string log_level;
  DeviceConfig device;
  RecordsConfig records;
  ProbesConfig probes;
};

// Where a value came from: "default", "flag --port", "environment SLUICE_PORT", "sluice.yaml:3".
struct Origin {
  std::string name;   // "limits.body_bytes_max", "providers.groq.api_key"
  std::string value;  // as text; secrets masked
  std::string source;
};

struct LoadedConfig {
  Config config;
  std::string file;             // the one file read; empty when there is none
  std::vector<Origin> origins;  // of every setting, in the order of the table
  std::vector<std::string> warnings;
};

// The world a configuration is read from; tests hand in their own.
struct Surroundings {
  std::map<std::string, std::string> environment;
  std::string working_directory = ".";
};
Surroundings surroundings_of_process();

struct ConfigRequest {
  std::string file;                          // --config; empty: searched for
  std::map<std::string, std::string> flags;  // setting name -> text
};

// Errors say file, line, what was expected and a near name.
base::Result<LoadedConfig> load_config(const ConfigRequest& request, const Surroundings& surroundings);

// All of a file that is no folder; too_large above `bytes_max`.
base::Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t bytes_max);

// $SLUICE_HOME, else $XDG_STATE_HOME/sluice, else ~/.local/state/sluice.
std::string home_directory(const Surroundings& surroundings);
// $XDG_DATA_HOME/sluice/models, else ~/.local/share/sluice/models.
std::string default_models_directory(const Surroundings& surroundings);

}  // namespace sluice::app::server
