#include "app/drill/play.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"

namespace sluice::app::drill {
namespace {

using base::JsonWriter;
using base::NanoUsd;

// A cheap model's prices: $0.10 and $0.40 per million tokens.
constexpr NanoUsd kPriceInput{100}, kPriceOutput{400};

std::string text_of(milliseconds time) {
  return fmt::format("{}ms", time.count());
}

template <typename Visit>
void for_each_route(std::span<const Play> plays, Visit visit) {
  for (const Play& play : plays)
    for (std::size_t i = 0; i < play.scenario->route_count; ++i) visit(play, i);
}

std::string write_for_sluice(std::span<const Play> plays, std::uint16_t port) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("limits").begin_object();
  json.field("connect_timeout", text_of(kSilence)).field("first_byte_timeout", text_of(kSilence));
  json.field("first_token_timeout", text_of(kSilence));
  json.field("idle_timeout", text_of(kSilence)).field("request_timeout", "1m").end_object();
  json.key("providers").begin_object();
  for_each_route(plays, [&](const Play& play, std::size_t i) {
    json.key(play.upstream(i)).begin_object().field("api_key", "sk-fake-drill").field("dialect", "openai");
    json.field("base_url", base_url_of(play, i, port));
    if (play.scenario->routes[i].keeps_nothing)
      json.key("data_policy").begin_object().field("retains", false).field("trains", false).end_object();
    json.end_object();
  });
  json.end_object().key("models").begin_object();
  for (const Play& play : plays) {
    json.key(play.model).begin_object().key("routes").begin_array();
    for (std::size_t i = 0; i < play.scenario->route_count; ++i)
      json.begin_object().field("provider", play.upstream(i)).field("model", "sim").end_object();
    json.end_array().end_object();
  }
  json.end_object().end_object();
  return out + "\n";
}

std::string write_for_litellm(std::span<const Play> plays, std::uint16_t port) {
  std::string out;
  JsonWriter json(out);
  const std::int64_t seconds = kSilence.count() / 1000;
  json.begin_object().key("model_list").begin_array();
  for_each_route(plays, [&](const Play& play, std::size_t i) {
    json.begin_object().field("model_name", play.model).key("litellm_params").begin_object();
    json.field("model", "openai/sim").field("api_base", base_url_of(play, i, port));
    json.field("api_key", "sk-fake-drill").field("order", i + 1).field("timeout", seconds);
    json.field("stream_timeout", seconds).field("max_retries", 0).end_object().end_object();
  });
  json.end_array().key("router_settings").begin_object().field("num_retries", 1).field("timeout", 15);
  json.field("enable_pre_call_checks", true).end_object();
  json.end_object();
  return out + "\n";
}

std::string write_list(std::span<const Play> plays, std::uint16_t port) {
  std::string out = "# model, order, base_url (any key; the upstream's model is \"sim\")\n";
  for_each_route(plays, [&](const Play& play, std::size_t i) {
    out += fmt::format("{} {} {}\n", play.model, i + 1, base_url_of(play, i, port));
  });
  return out;
}

}  // namespace

std::string Play::upstream(std::size_t route) const {
  return fmt::format("{}-{}", model, static_cast<char>('a' + route));
}

std::vector<Play> all_plays(std::string_view only, bool for_sluice) {
  std::vector<Play> plays;
  for (const Scenario& scenario : all_scenarios()) {
    if (!only.empty() && only != scenario.name) continue;
    if (scenario.ours && !for_sluice) continue;
    std::string name(scenario.name);
    std::ranges::replace(name, '_', '-');
    for (const bool stream : {false, true})
      if (stream ? scenario.stream : scenario.plain)
        plays.push_back({.scenario = &scenario,
                         .stream = stream,
                         .model = fmt::format("drill-{}-{}", name, stream ? "stream" : "plain")});
  }
  return plays;
}

hub::simulator::UpstreamSettings settings_of(const Play& play, std::size_t index) {
  const Route& route = play.scenario->routes[index];
  hub::simulator::UpstreamSettings settings{.name = play.upstream(index)};
  settings.schedule = {{.fault = hub::simulator::find_fault(route.fault), .requests = route.requests}};
  settings.first_token = route.first_token;
  settings.per_token = route.per_token;
  settings.tokens = route.tokens;
  settings.price_input = kPriceInput;
  settings.price_output = kPriceOutput;
  return settings;
}

std::string base_url_of(const Play& play, std::size_t route, std::uint16_t port) {
  const std::string path = fmt::format("/{}/v1", play.upstream(route));
  switch (play.scenario->routes[route].place) {
    case Place::served:
      break;
    case Place::refused:  // nobody listens on the first port of a machine
      return "http://127.0.0.1:1" + path;
    case Place::unknown_name:  // a name that by RFC 6761 never resolves
      return "https://drill.invalid" + path;
    case Place::bad_tls:  // the simulator speaks no TLS
      return fmt::format("https://127.0.0.1:{}{}", port, path);
  }
  return fmt::format("http://127.0.0.1:{}{}", port, path);
}

std::optional<ConfigForm> config_form_of(std::string_view name) {
  if (name == "sluice") return ConfigForm::sluice;
  if (name == "litellm") return ConfigForm::litellm;
  if (name == "list") return ConfigForm::list;
  return std::nullopt;
}

std::string write_config(std::span<const Play> plays, std::uint16_t port, ConfigForm form) {
  switch (form) {
    case ConfigForm::sluice:
      return write_for_sluice(plays, port);
    case ConfigForm::litellm:
      return write_for_litellm(plays, port);
    case ConfigForm::list:
      break;
  }
  return write_list(plays, port);
}

}  // namespace sluice::app::drill
