#include "app/server/settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/strings.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Status;
using Chosen = std::span<const std::string>;
using std::chrono::milliseconds;

RouteConfig& route_of(Config& config, Chosen chosen) {
  auto& routes = config.models[chosen[0]].routes;
  const std::size_t index = *base::parse_unsigned(chosen[1]);  // made by the loader, never by the user
  if (routes.size() <= index) routes.resize(index + 1);
  return routes[index];
}

KeyConfig& key_of(Config& config, Chosen chosen) {
  auto& keys = config.providers[chosen[0]].api_keys;
  const std::size_t index = *base::parse_unsigned(chosen[1]);  // made by the loader, never by the user
  if (keys.size() <= index) keys.resize(index + 1);
  return keys[index];
}

constexpr bool kRestart = true;
constexpr bool kReload = false;
constexpr std::uint64_t kPriceMax = 100'000;

// SLUICE_SLOT(field): where a setting of that name lives.
#define SLUICE_SLOT(field) [](Config& c, Chosen) -> Slot { return &c.field; }
#define SLUICE_PROVIDER_SLOT(field) [](Config& c, Chosen at) -> Slot { return &c.providers[at[0]].field; }
#define SLUICE_ROUTE_SLOT(field) [](Config& c, Chosen at) -> Slot { return &route_of(c, at).field; }

constexpr Setting kSettings[] = {
    {"host", Kind::text, "127.0.0.1", kRestart, "address to listen on; empty listens on no TCP port",
     SLUICE_SLOT(host)},
    {"port", Kind::count, "8484", kRestart, "TCP port; 0 takes any free one", SLUICE_SLOT(port), 65535},
    {"unix_socket", Kind::text, "", kRestart, "path of a Unix socket to listen on as well",
     SLUICE_SLOT(unix_socket)},
    {"loops", Kind::count, "0", kRestart, "event loops; 0 is one for each core of the cgroup quota",
     SLUICE_SLOT(loops), 256},
    {"threads", Kind::count, "0", kRestart, "threads of the device engine; 0 as with loops",
     SLUICE_SLOT(threads), 256},
    {"auth", Kind::flag, "true", kRestart, "ask callers for a key; false only on a loopback address",
     SLUICE_SLOT(auth)},
    {"api_key", Kind::secret, "", kRestart, "presets the first key instead of a generated one",
     SLUICE_SLOT(api_key)},
    {"allowed_hosts", Kind::list, "", kReload,
     "Host headers accepted besides loopback names; on a loopback address others are refused",
     SLUICE_SLOT(allowed_hosts)},
    {"cors_origins", Kind::list, "", kReload, "origins of web pages that may call; none by default",
     SLUICE_SLOT(cors_origins)},
    {"local_only", Kind::flag, "false", kRestart, "open no connection that leaves this machine",
     SLUICE_SLOT(local_only)},
    {"ca_file", Kind::text, "", kRestart, "certificate authorities (PEM) to trust in place of the system's",
     SLUICE_SLOT(ca_file)},
    {"default_route", Kind::text, "preferred", kReload,
     "route of a model id without one: cheapest, fastest, preferred, device or a provider",
     SLUICE_SLOT(default_route)},
    {"last_resort", Kind::text, "", kReload,
     "model that answers, and says so, when no route of the one asked for can; empty is none",
     SLUICE_SLOT(last_resort)},
    {"max_spend_usd_per_day", Kind::number, "5", kReload,
     "USD that paid providers may cost in a day (UTC), worst cases included; 0 asks no paid provider",
     SLUICE_SLOT(max_spend_usd_per_day), 1'000'000},
    {"wishes", Kind::object, "", kReload,
     "routing wishes of every request where it does not say: {\"sort\": \"price\"}; see the routing guide",
     SLUICE_SLOT(wishes)},
    {"price_max_age", Kind::duration, "365d", kReload,
     "a price last checked longer ago ranks as unknown; 0s never", SLUICE_SLOT(price_max_age)},
    {"price_refresh", Kind::duration, "0s", kReload,
     "how often serve asks the providers switched on for their lists of models and prices; 0s never",
     SLUICE_SLOT(price_refresh)},
    {"models_dir", Kind::text, "", kRestart, "folder of model files; empty is $XDG_DATA_HOME/sluice/models",
     SLUICE_SLOT(models_dir)},
    {"model", Kind::text, "", kRestart, "one GGUF file to serve besides the folder", SLUICE_SLOT(model)},
    {"log_level", Kind::text, "info", kReload, "least severe line logged", SLUICE_SLOT(log_level), 0,
     "debug info warning error"},

    {"tls.cert", Kind::text, "", kRestart, "certificate chain (PEM); with tls.key the TCP port speaks TLS",
     SLUICE_SLOT(tls.cert)},
    {"tls.key", Kind::text, "", kRestart, "private key (PEM)", SLUICE_SLOT(tls.key)},

    {"limits.body_bytes_max", Kind::bytes, "32MiB", kRestart, "request body",
     SLUICE_SLOT(limits.body_bytes_max)},
    {"limits.connections_max", Kind::count, "10000", kRestart, "client connections at a time",
     SLUICE_SLOT(limits.connections_max), 1'000'000},
    {"limits.connect_timeout", Kind::duration, "10s", kReload, "to connect to a provider",
     SLUICE_SLOT(limits.connect_timeout)},
    {"limits.first_byte_timeout", Kind::duration, "120s", kReload, "until a provider's first byte",
     SLUICE_SLOT(limits.first_byte_timeout)},
    {"limits.first_token_timeout", Kind::duration, "2m", kReload,
     "until a stream has something to show, on one route", SLUICE_SLOT(limits.first_token_timeout)},
    {"limits.idle_timeout", Kind::duration, "2m", kReload, "between two bytes of a provider's answer",
     SLUICE_SLOT(limits.idle_timeout)},
    {"limits.request_timeout", Kind::duration, "30m", kReload, "of a whole request",
     SLUICE_SLOT(limits.request_timeout)},
    {"limits.heartbeat", Kind::duration, "15s", kReload, "silence after which a stream gets a comment line",
     SLUICE_SLOT(limits.heartbeat)},
    {"limits.drain_timeout", Kind::duration, "30s", kReload, "for running requests after SIGTERM",
     SLUICE_SLOT(limits.drain_timeout)},

    {"device.enabled", Kind::flag, "true", kRestart, "offer the engine of this machine",
     SLUICE_SLOT(device.enabled)},
    {"device.context_tokens_max", Kind::count, "0", kRestart,
     "longest context of a session; 0 is what the model was trained for",
     SLUICE_SLOT(device.context_tokens_max), 1'000'000},
    {"device.sessions_max", Kind::count, "8", kRestart, "sessions computed together",
     SLUICE_SLOT(device.sessions_max), 256},
    {"device.queue_max", Kind::count, "64", kRestart,
     "requests waiting for the engine; more are answered 503", SLUICE_SLOT(device.queue_max), 100'000},

    {"records.enabled", Kind::flag, "true", kRestart,
     "keep a row for every attempt, without content: for explanations, usage and a warm start",
     SLUICE_SLOT(records.enabled)},
    {"records.retention", Kind::duration, "30d", kRestart, "age at which such a row is removed",
     SLUICE_SLOT(records.retention)},
    {"records.rows_max", Kind::count, "10000000", kRestart, "rows kept at most; the oldest go first",
     SLUICE_SLOT(records.rows_max), 1'000'000'000},
    {"records.hourly_retention", Kind::duration, "400d", kRestart,
     "age at which the sums of an hour are removed", SLUICE_SLOT(records.hourly_retention)},

    {"providers.*.api_key", Kind::secret, "", kReload,
     "credential; without it the provider's usual variable is used", SLUICE_PROVIDER_SLOT(api_key)},
    {"providers.*.api_keys.#.key", Kind::secret, "", kReload,
     "one of several credentials in place of api_key; one that is refused is passed over for a while",
     [](Config& c, Chosen at) -> Slot { return &key_of(c, at).key; }},
    {"providers.*.api_keys.#.weight", Kind::count, "1", kReload, "its share of the requests",
     [](Config& c, Chosen at) -> Slot { return &key_of(c, at).weight; }, 1000},
    {"providers.*.base_url", Kind::text, "", kReload, "address in place of the provider's own",
     SLUICE_PROVIDER_SLOT(base_url)},
    {"providers.*.dialect", Kind::text, "", kReload,
     "wire format of a provider that sluice does not know; of a known one, which of its own to prefer",
     SLUICE_PROVIDER_SLOT(dialect)},
    {"providers.*.headers.*", Kind::secret, "", kReload, "sent with every request, over the provider's own",
     [](Config& c, Chosen at) -> Slot { return &c.providers[at[0]].headers[at[1]]; }},
    {"providers.*.variables.*", Kind::text, "", kReload,
     "what the provider's address needs: region, resource, project, ...",
     [](Config& c, Chosen at) -> Slot { return &c.providers[at[0]].variables[at[1]]; }},
    {"providers.*.data_policy.retains", Kind::flag, "", kReload,
     "whether it keeps content, as your contract with it says", SLUICE_PROVIDER_SLOT(data_policy.retains)},
    {"providers.*.data_policy.trains", Kind::flag, "", kReload,
     "whether it trains on content, as your contract with it says", SLUICE_PROVIDER_SLOT(data_policy.trains)},
    {"providers.*.enabled", Kind::flag, "", kReload,
     "true switches it on by name; false never uses it, whatever credentials exist",
     [](Config& c, Chosen at) -> Slot { return &c.providers[at[0]].enabled; }},
    {"models.*.same_as", Kind::text, "", kReload,
     "in place of routes: another name of a model that the catalogue knows, wherever it is offered",
     [](Config& c, Chosen at) -> Slot { return &c.models[at[0]].same_as; }},
    {"models.*.wishes", Kind::object, "", kReload,
     "routing wishes of requests for this name: {\"sort\": \"price\", \"max_cost_usd\": 0.01}",
     [](Config& c, Chosen at) -> Slot { return &c.models[at[0]].wishes; }},
    {"models.*.routes.#.provider", Kind::text, "", kReload, "provider to try, in this order",
     SLUICE_ROUTE_SLOT(provider)},
    {"models.*.routes.#.model", Kind::text, "", kReload,
     "the provider's id of the model; empty is the same name", SLUICE_ROUTE_SLOT(model)},
    {"models.*.routes.#.price.input", Kind::number, "", kReload,
     "USD for a million tokens of prompt, over every list", SLUICE_ROUTE_SLOT(price.input), kPriceMax},
    {"models.*.routes.#.price.output", Kind::number, "", kReload, "USD for a million tokens of answer",
     SLUICE_ROUTE_SLOT(price.output), kPriceMax},
    {"models.*.routes.#.price.cache_read", Kind::number, "", kReload,
     "USD for a million tokens read from the provider's cache", SLUICE_ROUTE_SLOT(price.cache_read),
     kPriceMax},
    {"models.*.routes.#.price.cache_write", Kind::number, "", kReload,
     "USD for a million tokens written to it", SLUICE_ROUTE_SLOT(price.cache_write), kPriceMax},
    {"models.*.routes.#.price.image", Kind::number, "", kReload, "USD for one picture made",
     SLUICE_ROUTE_SLOT(price.image), kPriceMax},
    {"models.*.routes.#.price.request", Kind::number, "", kReload, "USD for one request",
     SLUICE_ROUTE_SLOT(price.request), kPriceMax},
    {"models.*.routes.#.context_length", Kind::count, "0", kReload,
     "tokens of prompt and answer together; 0 is as the lists say", SLUICE_ROUTE_SLOT(context_length),
     1'000'000'000},
    {"models.*.routes.#.output_max", Kind::count, "0", kReload, "tokens of an answer; 0 is as the lists say",
     SLUICE_ROUTE_SLOT(output_max), 1'000'000'000},
    {"models.*.routes.#.quantization", Kind::text, "", kReload,
     "number format of the weights: fp8, bf16, ...", SLUICE_ROUTE_SLOT(quantization)},
    {"models.*.routes.#.region", Kind::text, "", kReload, "where it computes: eu, us, ...",
     SLUICE_ROUTE_SLOT(region)},
    {"models.*.routes.#.images", Kind::flag, "", kReload, "takes pictures", SLUICE_ROUTE_SLOT(images)},
    {"models.*.routes.#.tools", Kind::flag, "", kReload, "calls tools", SLUICE_ROUTE_SLOT(tools)},
    {"models.*.routes.#.structured_output", Kind::flag, "", kReload, "answers as a schema says",
     SLUICE_ROUTE_SLOT(structured_output)},
};

#undef SLUICE_SLOT
#undef SLUICE_PROVIDER_SLOT
#undef SLUICE_ROUTE_SLOT

Status wrong(std::string_view expected, std::string_view found) {
  return base::fail(ErrorCode::invalid_argument, "expected {}, found \"{}\"", expected, found);
}

// YAML 1.1 reads 010 as eight, 1_000 as a thousand and 1:30 as ninety. People do not: refuse all three.
std::optional<std::uint64_t> read_count(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return base::parse_unsigned(text);
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// "16MiB", "30 s": a count and one of the units.
std::optional<std::uint64_t> read_quantity(std::string_view text, std::span<const Unit> units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = read_count(text.substr(0, digits));
  const std::string_view unit = base::trim(text.substr(digits));
  if (!count) return std::nullopt;
  for (const Unit& known : units) {
    if (!base::equals_ignoring_case(unit, known.name)) continue;
    if (*count > std::numeric_limits<std::uint32_t>::max() * std::uint64_t{4096} / known.factor)
      return std::nullopt;
    return *count * known.factor;
  }
  return std::nullopt;
}

constexpr Unit kByteUnits[] = {
    {"", 1},          {"B", 1},         {"kB", 1000},     {"MB", 1000'000}, {"GB", 1'000'000'000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
};
constexpr Unit kTimeUnits[] = {{"ms", 1},       {"s", 1000},      {"m", 60'000},
                               {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

// Plain decimals: no sign, no exponent, nothing that YAML would read otherwise.
std::optional<double> read_number(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
                     text.front() != '.' && text.back() != '.';
  if (!plain || (text.size() > 1 && text.front() == '0' && text[1] != '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> read_flag(std::string_view text) {
  for (std::string_view yes : {"true", "yes", "on", "1"})
    if (base::equals_ignoring_case(text, yes)) return true;
  for (std::string_view no : {"false", "no", "off", "0"})
    if (base::equals_ignoring_case(text, no)) return false;
  return std::nullopt;
}

Status assign_count(const Setting& setting, std::uint64_t& slot, std::string_view text) {
  const auto count = read_count(text);
  if (!count) return wrong("a whole number", text);
  if (setting.most != 0 && *count > setting.most)
    return wrong(fmt::format("a whole number up to {}", setting.most), text);
  slot = *count;
  return {};
}

Status assign_number(const Setting& setting, std::optional<double>& slot, std::string_view text) {
  const auto number = read_number(text);
  if (!number || (setting.most != 0 && *number > static_cast<double>(setting.most)))
    return wrong(fmt::format("a number from 0 to {}, such as 0.25", setting.most), text);
  slot = *number;
  return {};
}

Status assign_text(const Setting& setting, std::string& slot, const std::string& text) {
  const auto choices = base::split(setting.choices, ' ');
  if (!setting.choices.empty() && std::ranges::count(choices, text) == 0)
    return wrong(fmt::format("one of: {}", setting.choices), text);
  if (text.find('\0') != std::string::npos) return wrong("text without a NUL character", "...");
  slot = text;
  return {};
}

Status assign_one(const Setting& setting, const Slot& slot, const std::string& text) {
  switch (setting.kind) {
    case Kind::text:
    case Kind::secret:
    case Kind::object:
      return assign_text(setting, *std::get<std::string*>(slot), text);
    case Kind::flag: {
      const auto value = read_flag(text);
      if (!value) return wrong("true or false", text);
      if (bool* const* plain = std::get_if<bool*>(&slot))
        **plain = *value;
      else
        *std::get<std::optional<bool>*>(slot) = *value;
      return {};
    }
    case Kind::count:
      return assign_count(setting, *std::get<std::uint64_t*>(slot), text);
    case Kind::number:
      return assign_number(setting, *std::get<std::optional<double>*>(slot), text);
    case Kind::bytes: {
      const auto value = read_quantity(text, kByteUnits);
      if (!value) return wrong("bytes, such as 16MiB", text);
      *std::get<std::uint64_t*>(slot) = *value;
      return {};
    }
    case Kind::duration: {
      const auto value = read_quantity(text, kTimeUnits);
      if (!value) return wrong("a time with its unit, such as 30s", text);
      *std::get<milliseconds*>(slot) = milliseconds(*value);
      return {};
    }
    case Kind::list:
      break;
  }
  return {};
}

std::string describe_duration(milliseconds value) {
  constexpr std::int64_t kDayMs = 86'400'000;
  if (value.count() % kDayMs == 0 && value.count() != 0) return fmt::format("{}d", value.count() / kDayMs);
  if (value.count() % 60'000 == 0 && value.count() != 0) return fmt::format("{}m", value.count() / 60'000);
  if (value.count() % 1000 == 0) return fmt::format("{}s", value.count() / 1000);
  return fmt::format("{}ms", value.count());
}

std::string describe_bytes(std::uint64_t value) {
  if (value != 0 && value % (1 << 20) == 0) return fmt::format("{}MiB", value >> 20);
  if (value != 0 && value % (1 << 10) == 0) return fmt::format("{}KiB", value >> 10);
  return fmt::format("{}", value);
}

}  // namespace

std::span<const Setting> all_settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : kSettings)
    if (setting.name == name) return &setting;
  return nullptr;
}

bool is_plain(const Setting& setting) {
  return setting.name.find_first_of("*#") == std::string_view::npos;
}

std::string flag_of(const Setting& setting) {
  std::string flag = "--" + std::string(setting.name);
  std::ranges::replace(flag, '.', '-');
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string environment_name_of(const Setting& setting) {
  std::string name = "SLUICE_";
  for (char c : setting.name)
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

Status assign(const Setting& setting, Config& config, Chosen chosen, const std::vector<std::string>& texts) {
  const Slot slot = setting.slot(config, chosen);
  if (setting.kind == Kind::list) {
    *std::get<std::vector<std::string>*>(slot) = texts;
    return {};
  }
  if (texts.size() != 1) return base::fail(ErrorCode::invalid_argument, "expected one value, found a list");
  return assign_one(setting, slot, texts.front());
}

std::string describe_value(const Setting& setting, const Config& config, Chosen chosen) {
  // Slots only point: nothing is written through them here, and what they would create exists already.
  const Slot slot = setting.slot(const_cast<Config&>(config), chosen);
  switch (setting.kind) {
    case Kind::secret:
      return std::get<std::string*>(slot)->empty() ? "" : "(hidden)";
    case Kind::text:
    case Kind::object:
      return *std::get<std::string*>(slot);
    case Kind::flag:
      if (const auto* plain = std::get_if<bool*>(&slot)) return **plain ? "true" : "false";
      return std::get<std::optional<bool>*>(slot)->value_or(false) ? "true" : "false";
    case Kind::count:
      return fmt::format("{}", *std::get<std::uint64_t*>(slot));
    case Kind::number: {
      const auto& value = *std::get<std::optional<double>*>(slot);
      return value ? fmt::format("{}", *value) : "";
    }
    case Kind::bytes:
      return describe_bytes(*std::get<std::uint64_t*>(slot));
    case Kind::duration:
      return describe_duration(*std::get<milliseconds*>(slot));
    case Kind::list:
      return fmt::format("{}", fmt::join(*std::get<std::vector<std::string>*>(slot), ","));
  }
  return {};
}

std::vector<std::string> changes_needing_restart(const Config& running, const Config& wanted) {
  std::vector<std::string> names;
  for (const Setting& setting : kSettings) {
    if (!setting.restart || !is_plain(setting)) continue;
    const Slot before = setting.slot(const_cast<Config&>(running), {});
    const Slot after = setting.slot(const_cast<Config&>(wanted), {});
    const bool same = std::visit(
        [&](auto* value) { return *value == *std::get<std::remove_cvref_t<decltype(value)>>(after); },
        before);
    if (!same) names.emplace_back(setting.name);
  }
  return names;
}

}  // namespace sluice::app::server
