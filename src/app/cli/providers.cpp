#include <fmt/format.h>

#include <memory>

#include "app/cli/config_options.h"
#include "app/server/snapshot.h"
#include "base/json_writer.h"

namespace sluice::app::cli {
namespace {

struct State {
  ConfigOptions options;
  bool json = false;
};

int list_providers(const State& state) {
  const server::Surroundings surroundings = server::surroundings_of_process();
  const auto loaded = server::load_config(state.options.request(), surroundings);
  if (!loaded) return report(loaded.error());
  const auto snapshot = server::make_snapshot(loaded->config, surroundings);
  if (!snapshot) return report(snapshot.error());
  const hub::gateway::Settings& settings = *snapshot->api->gateway;

  std::string out;
  base::JsonWriter json(out);
  if (state.json) json.begin_array();
  for (const auto& provider : settings.catalog->providers()) {
    const auto* enabled = settings.enabled.find(provider->id);
    if (state.json) {
      json.begin_object()
          .field("id", provider->id)
          .field("name", provider->name)
          .field("base_url", provider->primary().base_url)
          .field("dialect", provider->primary().dialect)
          .field("enabled", enabled != nullptr)
          .field("enabled_by", enabled != nullptr ? enabled->origin : "");
      json.key("variables").begin_array();
      for (const std::string& variable : provider->auth.env) json.string(variable);
      json.end_array().end_object();
    } else {
      out += fmt::format("{:<16} {:<4} {:<44} {}\n", provider->id, enabled != nullptr ? "on" : "off",
                         provider->primary().base_url,
                         enabled != nullptr ? "by " + enabled->origin
                                            : fmt::format("{}", fmt::join(provider->auth.env, " or ")));
    }
  }
  if (state.json) json.end_array();
  fmt::print("{}{}", out, state.json ? "\n" : "");
  return kDone;
}

}  // namespace

std::function<int()> declare_providers(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.flag("--json", state->json, "print one JSON array");
  return [state] { return list_providers(*state); };
}

}  // namespace sluice::app::cli
