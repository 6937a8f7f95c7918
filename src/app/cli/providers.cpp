#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "app/cli/load_snapshot.h"
#include "app/cli/provider_call.h"
#include "app/server/price_refresh.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

using hub::catalog::Provider;
using hub::credentials::EnabledProvider;

struct State {
  ConfigOptions options;
  bool json = false;
  std::string name;
  std::string model;
  std::vector<std::string> names;
};

// What the provider can be asked here, in our words.
std::vector<std::string> kinds_of(const Provider& provider) {
  std::vector<std::string> kinds;
  for (std::size_t i = 0; i < hub::tasks::kKindNames.size(); ++i)
    if (provider.offers(static_cast<hub::tasks::Kind>(i))) kinds.emplace_back(hub::tasks::kKindNames[i]);
  return kinds;
}

// A provider as people see it.
struct Row {
  const Provider* provider;
  std::string status;  // "on", "off", "incomplete", "not built"
  std::string key;     // where a credential is, or empty
  std::string wants;   // what would switch it on
};

Row describe_row(const Provider& provider, const EnabledProvider* enabled,
                 const server::Surroundings& around) {
  Row row{.provider = &provider, .status = "off", .key = {}, .wants = {}};
  for (const std::string& name : provider.auth.env) {
    const auto found = around.environment.find(name);
    if (row.key.empty() && found != around.environment.end() && !found->second.empty()) row.key = name;
  }
  if (enabled != nullptr) {
    row.status = "on";
    row.key = enabled->credentials.front().credential.is_empty() ? "" : enabled->origin;
    row.wants = "by " + enabled->origin;
  } else if (!provider.not_built.empty()) {
    row.status = "not built";
    row.wants = provider.not_built;
  } else if (!provider.unresolved.empty()) {
    row.status = "incomplete";
    row.wants = hub::catalog::refuse_unready(provider);
  } else if (provider.auth.only_by_name || provider.auth.kind == hub::catalog::Auth::Kind::none) {
    row.wants = fmt::format("providers.{}.enabled: true", provider.id);
  } else {
    row.wants = fmt::format("{}", fmt::join(provider.auth.env, " or "));
  }
  return row;
}

void write_list(base::JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.key(name).begin_array();
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

void write_row(base::JsonWriter& json, const Row& row, const EnabledProvider* enabled) {
  const Provider& provider = *row.provider;
  std::vector<std::string> dialects;
  for (const auto& surface : provider.surfaces) dialects.push_back(surface.dialect);
  json.begin_object()
      .field("id", provider.id)
      .field("name", provider.name)
      .field("status", row.status)
      .field("base_url", provider.primary().base_url)
      .field("dialect", provider.primary().dialect)
      .field("enabled", enabled != nullptr)
      .field("enabled_by", enabled != nullptr ? enabled->origin : "")
      .field("key_present", !row.key.empty())
      .field("key_from", row.key);
  write_list(json, "dialects", dialects);
  write_list(json, "kinds", kinds_of(provider));
  write_list(json, "tasks", provider.tasks);
  write_list(json, "variables", provider.auth.env);
  write_list(json, "unresolved", provider.unresolved);
  write_list(json, "uncertain", provider.uncertain);
  json.field("not_built", provider.not_built)
      .field("hf_partner", provider.hf_partner)
      .field("local", provider.local)
      .key("data_policy")
      .begin_object()
      .field("retains", provider.data_policy.retains)
      .field("trains", provider.data_policy.trains)
      .field("source", provider.data_policy.source)
      .end_object()
      .end_object();
}

int list_providers(const State& state) {
  const server::Surroundings surroundings = server::surroundings_of_process();
  const auto loaded = load_snapshot(state.options, surroundings);
  if (!loaded) return report(loaded.error());
  const server::Snapshot& snapshot = loaded->snapshot;
  const hub::gateway::Settings& settings = *snapshot.api->gateway;
  std::string out;
  base::JsonWriter json(out);
  if (state.json) json.begin_array();
  for (const auto& provider : settings.catalog->providers()) {
    const auto* enabled = settings.enabled.find(provider->id);
    const Row row = describe_row(enabled != nullptr ? *enabled->provider : *provider, enabled, surroundings);
    if (state.json) {
      write_row(json, row, enabled);
    } else {
      out += fmt::format("{:<29} {:<10} {:<40} {}\n", provider->id, row.status,
                         fmt::format("{}", fmt::join(kinds_of(*provider), " ")), row.wants);
    }
  }
  if (state.json) json.end_array();
  fmt::print("{}{}", out, state.json ? "\n" : "");
  return kDone;
}

// The model to ask: the one given, one that the configuration routes there, the cheapest known, or the first
// of the provider's own list.
std::string choose_model(const State& state, const server::Snapshot& snapshot, const Provider& provider) {
  if (!state.model.empty()) return state.model;
  for (const auto& model : snapshot.api->gateway->models)
    for (const auto& route : model.routes)
      if (route.provider == provider.id) return route.model.empty() ? model.name : route.model;
  if (provider.check) return provider.check->model;
  const auto models = list_models(snapshot, provider.id, 1);
  return models && !models->empty() ? models->front() : "";
}

int explain_off(const State& state, const server::Snapshot& snapshot,
                const server::Surroundings& surroundings) {
  const auto& settings = *snapshot.api->gateway;
  const auto provider = settings.catalog->find(state.name);
  if (!provider) {
    const auto near = base::near_names(state.name, settings.catalog->ids(), 1);
    return report(
        {.code = base::ErrorCode::not_found,
         .message = fmt::format("{}: no such provider{}", state.name,
                                near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()))});
  }
  const Row row = describe_row(*provider, nullptr, surroundings);
  fmt::print(stderr, "sluice: {}: {}: {}\n", state.name, row.status, row.wants);
  return kPrerequisiteMissing;
}

int check_provider(const State& state) {
  const server::Surroundings surroundings = server::surroundings_of_process();
  const auto loaded = load_snapshot(state.options, surroundings);
  if (!loaded) return report(loaded.error());
  const server::Snapshot& snapshot = loaded->snapshot;
  const auto* enabled = snapshot.api->gateway->enabled.find(state.name);
  if (enabled == nullptr) return explain_off(state, snapshot, surroundings);
  const std::string model = choose_model(state, snapshot, *enabled->provider);
  if (model.empty())
    return report({.message = fmt::format("{}: no model is known to ask for: give --model", state.name)});
  const ProviderAnswer answer = call_provider(snapshot, state.name, model);
  if (state.json) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_object()
        .field("provider", state.name)
        .field("good", answer.good)
        .field("status", answer.status)
        .field("model", answer.model)
        .field("latency_ms", answer.latency.count())
        .field("answer", answer.answer)
        .field("error", answer.error);
    if (answer.usage)
      json.field("input_tokens", answer.usage->input.count)
          .field("output_tokens", answer.usage->output.count);
    json.field("key_from", enabled->origin).end_object();
    fmt::print("{}\n", out);
  } else if (answer.good) {
    fmt::print("{}: good: status {} from {} in {} ms: {}\n", state.name, answer.status, answer.model,
               answer.latency.count(), answer.answer);
  } else {
    fmt::print("{}: failed after {} ms{}: {}\n", state.name, answer.latency.count(),
               answer.status == 0 ? "" : fmt::format(": status {}", answer.status), answer.error);
  }
  return answer.good ? kDone : kFailed;
}

void write_refreshed(base::JsonWriter& json, const server::Refreshed& one) {
  json.begin_object()
      .field("provider", one.provider)
      .field("good", one.error.empty())
      .field("error", one.error)
      .field("offers", one.offers)
      .field("priced", one.priced)
      .field("doubted", one.doubted)
      .field("passed_over", one.passed_over)
      .end_object();
}

int refresh_providers(const State& state) {
  const server::Surroundings surroundings = server::surroundings_of_process();
  const auto loaded = load_snapshot(state.options, surroundings);
  if (!loaded) return report(loaded.error());
  const server::Snapshot& snapshot = loaded->snapshot;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto refreshed =
      server::refresh_prices(snapshot, server::home_directory(surroundings), state.names,
                             std::chrono::duration_cast<std::chrono::seconds>(wall).count());
  if (!refreshed) return report(refreshed.error());
  if (refreshed->empty()) {
    fmt::print(stderr, "sluice: no provider with a list of models is switched on: see `sluice providers`\n");
    return kPrerequisiteMissing;
  }
  std::string out;
  base::JsonWriter json(out);
  if (state.json) json.begin_array();
  bool good = true;
  for (const server::Refreshed& one : *refreshed) {
    good = good && one.error.empty();
    if (state.json)
      write_refreshed(json, one);
    else if (one.error.empty())
      out += fmt::format("{}: {} offers, {} with a price, {} of them in doubt, {} passed over\n",
                         one.provider, one.offers, one.priced, one.doubted, one.passed_over);
    else
      out += fmt::format("{}: failed: {}\n", one.provider, one.error);
  }
  if (state.json) json.end_array();
  fmt::print("{}{}", out, state.json ? "\n" : "");
  return good ? kDone : kFailed;
}

}  // namespace

std::function<int()> declare_providers_refresh(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.rest("NAME", state->names, "providers to ask [all that are switched on and have a list]");
  arguments.flag("--json", state->json, "print one JSON array");
  return [state] { return refresh_providers(*state); };
}

std::function<int()> declare_providers(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.flag("--json", state->json, "print one JSON array");
  return [state] { return list_providers(*state); };
}

std::function<int()> declare_providers_check(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.required("NAME", state->name, "provider to ask");
  arguments.option("--model", state->model, "model to ask for [the cheapest that is known]");
  arguments.flag("--json", state->json, "print one JSON object");
  return [state] { return check_provider(*state); };
}

}  // namespace sluice::app::cli
