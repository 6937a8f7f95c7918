// sluice route explain: who would answer a request and why, without asking anybody. It chooses by the very
// function that requests are routed by.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

#include "app/cli/load_snapshot.h"
#include "app/cli/route_figures.h"
#include "app/device/model_store.h"
#include "app/server/limits.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "base/usd_text.h"
#include "hub/gateway/choose_routes.h"

namespace sluice::app::cli {
namespace {

namespace gateway = hub::gateway;
namespace routing = hub::routing;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kRequestBytesMax = 64 << 20;
constexpr std::uint64_t kSeed = 0;  // of every choice that depends on chance: the same each time
constexpr std::string_view kShortQuestion = "Hello!";

struct State {
  ConfigOptions options;
  std::string model, file, key, server;
  std::vector<std::string> headers;
  bool no_server = false;
  bool json = false;
};

// What the choice was made by, and the choice.
struct Explained {
  std::string asked;
  hub::dialects::ScannedRequest scanned;
  std::shared_ptr<const hub::access::KeyRecord> caller;  // null: no key was named
  std::string server;                                    // where figures were asked for; empty: nowhere
  std::optional<RouteFigures> figures;
  std::string no_figures;  // why there are none
  gateway::Choice choice;
};

base::Error parameter_error(std::string_view name, std::string message) {
  return {.code = ErrorCode::invalid_argument, .message = fmt::format("{}: {}", name, message)};
}

// `json` is one object: with `model` in place of its own.
Result<std::string> with_model(const std::string& json, const std::string& model, const std::string& where) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (const auto error = parser.parse(json).get(object); error != simdjson::SUCCESS)
    return std::unexpected(parameter_error(where, "expected one JSON object"));
  std::string out;
  base::JsonWriter writer(out);
  writer.begin_object().field("model", model);
  for (const auto [name, value] : object)
    if (name != "model") writer.key(name).raw(simdjson::minify(value));
  writer.end_object();
  return out;
}

Result<std::string> make_request(const State& state) {
  if (state.file.empty()) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_object().field("model", state.model).key("messages").begin_array();
    json.begin_object().field("role", "user").field("content", kShortQuestion).end_object();
    json.end_array().end_object();
    return out;
  }
  SLUICE_TRY(std::string text, server::read_text_file(state.file, kRequestBytesMax));
  if (state.model.empty()) return text;
  return with_model(text, state.model, state.file);
}

// By what it holds: messages are a chat, a prompt is a completion, input is to be embedded.
hub::tasks::Kind kind_of(const std::string& request) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(request).get(root) != simdjson::SUCCESS) return hub::tasks::Kind::chat;
  const auto has = [&](std::string_view name) { return root[name].error() == simdjson::SUCCESS; };
  if (has("messages")) return hub::tasks::Kind::chat;
  if (has("prompt")) return hub::tasks::Kind::completion;
  return has("input") ? hub::tasks::Kind::embed : hub::tasks::Kind::chat;
}

Result<http::Headers> make_headers(const std::vector<std::string>& given) {
  http::Headers headers;
  for (const std::string& one : given) {
    const std::size_t colon = one.find(':');
    const std::string_view name = base::trim(std::string_view(one).substr(0, colon));
    if (colon == std::string::npos || name.empty())
      return std::unexpected(
          parameter_error("-H", fmt::format("expected 'X-Sluice-Name: value', found '{}'", one)));
    headers.add(name, base::trim(std::string_view(one).substr(colon + 1)));
  }
  return headers;
}

Result<std::shared_ptr<const hub::access::KeyRecord>> find_key(const LoadedSnapshot& loaded,
                                                               const std::string& name) {
  std::vector<hub::access::KeyRecord> keys;
  if (loaded.access) {
    SLUICE_TRY(keys, loaded.access->keys->list());
  }
  std::vector<std::string> names;
  const hub::access::KeyRecord* found = nullptr;
  for (const auto& key : keys) {
    if (!key.enabled) continue;
    if (key.id == name || key.name == name) {
      if (found != nullptr)
        return base::fail(ErrorCode::invalid_argument, "--key {}: several keys are called so: give an id",
                          name);
      found = &key;
    }
    names.push_back(key.id);
    if (!key.name.empty()) names.push_back(key.name);
  }
  if (found != nullptr) return std::make_shared<const hub::access::KeyRecord>(*found);
  const auto near = base::near_names(name, names, 1);
  return base::fail(ErrorCode::not_found, "--key {}: no such key in use; {}", name,
                    near.empty() ? std::string("sluice keys list shows them")
                                 : fmt::format("did you mean '{}'?", near.front()));
}

std::shared_ptr<const std::vector<std::string>> find_device_models(const server::Config& config,
                                                                   const server::Surroundings& surroundings) {
  if (!config.device.enabled) return nullptr;
  device::ModelPlaces places = device::model_places_from_environment();
  places.single_file = config.model;
  places.models_folder =
      config.models_dir.empty() ? server::default_models_directory(surroundings) : config.models_dir;
  auto ids = std::make_shared<std::vector<std::string>>();
  for (const auto& model : device::ModelStore(places).list()) ids->push_back(model.id);
  return ids;
}

void ask_server(const State& state, const LoadedSnapshot& loaded, Explained& out) {
  if (state.no_server) {
    out.no_figures = "none asked for";
    return;
  }
  out.server = state.server.empty() ? server_address_of(loaded.config) : state.server;
  if (out.server.empty()) {
    out.no_figures = "the configuration listens on no TCP port: give --server";
    return;
  }
  auto figures = fetch_route_figures(out.server, loaded.config.api_key, loaded.snapshot);
  if (figures)
    out.figures = *std::move(figures);
  else
    out.no_figures = figures.error().message;
}

Result<Explained> explain(const State& state, const LoadedSnapshot& loaded,
                          const server::Surroundings& surroundings) {
  Explained out;
  SLUICE_TRY(std::string request, make_request(state));
  SLUICE_TRY(const http::Headers headers, make_headers(state.headers));
  const auto* front = hub::dialects::find_dialect("openai");
  const hub::tasks::Kind kind = kind_of(request);
  SLUICE_TRY(out.scanned, front->downstream->scan(kind, http::Slice::of(std::move(request))));
  out.asked = out.scanned.model;
  if (!state.key.empty()) {
    SLUICE_TRY(out.caller, find_key(loaded, state.key));
  }
  ask_server(state, loaded, out);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  gateway::ChoiceInput input{.settings = *loaded.snapshot.api->gateway,
                             .front = *front,
                             .scanned = out.scanned,
                             .headers = &headers,
                             .caller = out.caller.get(),
                             .device_models = find_device_models(loaded.config, surroundings),
                             .now = std::chrono::steady_clock::now(),
                             .today_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count(),
                             .seed = kSeed};
  const RouteFigures nothing;
  input.figures = [&](const hub::health::Key& key) {
    return (out.figures ? *out.figures : nothing).find(key);
  };
  out.choice = gateway::choose_routes(input);
  return out;
}

std::string as_json(const Explained& explained) {
  const gateway::Choice& choice = explained.choice;
  std::string out;
  base::JsonWriter json(out);
  const auto text_or_null = [&](std::string_view name, std::string_view text) {
    json.key(name);
    text.empty() ? json.null() : json.string(text);
  };
  json.begin_object().field("model_asked", explained.asked);
  text_or_null("model", choice.asked_model);
  json.field("kind", hub::tasks::kKindNames[static_cast<std::size_t>(explained.scanned.kind)]);
  json.field("stream", explained.scanned.stream);
  json.key("input_tokens").begin_object().field("expected", choice.ask.input_expected.count);
  json.field("most", choice.ask.input_most.count).end_object();
  text_or_null("key", explained.caller ? std::string_view(explained.caller->id) : "");
  json.key("figures").begin_object().field("source", explained.figures ? "live" : "none");
  text_or_null("server", explained.server);
  json.field("routes", explained.figures ? explained.figures->size() : 0);
  text_or_null("reason", explained.no_figures);
  json.end_object();
  json.field("pinned", choice.is_pinned).field("local_only", choice.local_only).key("refusal");
  if (choice.refusal) {
    json.begin_object().field("status", base::http_status_of(choice.refusal->code));
    json.field("code", base::name_of(choice.refusal->code)).field("message", choice.refusal->message);
    text_or_null("parameter", choice.refusal->parameter);
    json.end_object();
  } else {
    json.null();
  }
  json.key("decision");
  choice.decision.policy.empty() ? json.null()
                                 : json.raw(routing::decision_json(choice.situation(), choice.decision));
  json.end_object();
  return out;
}

std::string usd_or_unknown(const std::optional<base::NanoUsd>& amount) {
  return amount ? base::usd_text(*amount) : "?";
}

std::string seconds_or_unknown(const std::optional<double>& seconds, double deviation = 0) {
  if (!seconds) return "-";
  return deviation > 0 ? fmt::format("{:.2f} ± {:.2f}", *seconds, deviation)
                       : fmt::format("{:.2f}", *seconds);
}

std::string describe_price(const routing::Option& option, const routing::Expected& expected) {
  const auto* offer = option.candidate.offer.get();
  if (option.candidate.is_device()) return "costs nothing: it runs on this machine";
  if (offer == nullptr || !offer->price) return "no price is known";
  const std::string trust = expected.price == routing::PriceTrust::known
                                ? std::string()
                                : fmt::format(", {}", name_of(expected.price));
  return fmt::format("price of {} ({}){}", offer->price->date, offer->price->source, trust);
}

void write_ranked(std::string& out, const gateway::Choice& choice, std::size_t place) {
  const routing::Ranked& ranked = choice.decision.ranked[place];
  const routing::Option& option = choice.options[ranked.option];
  const routing::Expected& expected = ranked.expected;
  out += fmt::format(
      "{:>3}  {:<48} {:<26} {:<14} {:>10} {:>14} {:>7.1f} %\n", place + 1, option.candidate.route_id(),
      expected.cost ? fmt::format("{} ± {}", base::usd_text(*expected.cost),
                                  base::usd_text(expected.cost_deviation_usd))
                    : "?",
      usd_or_unknown(expected.cost_worst), seconds_or_unknown(expected.first_token_s),
      seconds_or_unknown(expected.total_s, expected.total_deviation_s), expected.success_chance * 100);
  std::vector<std::string> notes;
  if (option.substitutes) notes.push_back(fmt::format("answers as {}", option.asked_model));
  if (!ranked.parts.empty() || ranked.score != 0) {
    std::string score = fmt::format("score {:.6g}", ranked.score);
    for (const auto& [name, value] : ranked.parts) score += fmt::format(", {} {:.6g}", name, value);
    notes.push_back(std::move(score));
  }
  notes.push_back(describe_price(option, expected));
  if (expected.in_time_chance)
    notes.push_back(fmt::format("{:.1f} % in time", *expected.in_time_chance * 100));
  if (!ranked.held_back.empty()) notes.push_back(fmt::format("held back: {}", ranked.held_back));
  out += fmt::format("     {}\n", fmt::join(notes, "; "));
}

std::string as_text(const Explained& explained) {
  const gateway::Choice& choice = explained.choice;
  std::string out = fmt::format("model    {}", explained.asked);
  if (!choice.asked_model.empty() && choice.asked_model != explained.asked) out += " = " + choice.asked_model;
  if (choice.is_pinned) out += " (pinned: nobody else answers)";
  out += fmt::format("\nrequest  {}{}, about {} tokens in, at most {}\n",
                     hub::tasks::kKindNames[static_cast<std::size_t>(explained.scanned.kind)],
                     explained.scanned.stream ? " as a stream" : "", choice.ask.input_expected.count,
                     choice.ask.input_most.count);
  out += fmt::format("key      {}\n", explained.caller ? explained.caller->id : "none named");
  out += explained.figures ? fmt::format("figures  live, of {} routes, from {}\n", explained.figures->size(),
                                         explained.server)
                           : fmt::format("figures  none, priors stand in: {}\n", explained.no_figures);
  if (choice.decision.policy.empty()) return out;
  out += fmt::format("policy   {}{}\n", choice.decision.policy,
                     choice.decision.explored ? ", with one draw of what is believed" : "");
  if (!choice.decision.ranked.empty())
    out += fmt::format("\n{:>3}  {:<48} {:<26} {:<14} {:>10} {:>14} {:>9}\n", "", "route", "expected USD",
                       "worst USD", "first s", "whole s", "success");
  for (std::size_t i = 0; i < choice.decision.ranked.size(); ++i) write_ranked(out, choice, i);
  if (!choice.decision.excluded.empty()) out += "\nexcluded\n";
  for (const routing::Excluded& one : choice.decision.excluded)
    out += fmt::format("     {:<48} {}: {}\n", choice.options[one.option].candidate.route_id(),
                       one.constraint, one.reason);
  return out;
}

int explain_route(const State& state) {
  if (state.model.empty() && state.file.empty()) {
    fmt::print(stderr, "sluice: route explain: give a model (-m), a request (-f), or both\n");
    return kUsage;
  }
  const server::Surroundings surroundings = server::surroundings_of_process();
  const auto loaded = load_snapshot(state.options, surroundings);
  if (!loaded) return report(loaded.error());
  const auto explained = explain(state, *loaded, surroundings);
  if (!explained) return report(explained.error());
  fmt::print("{}", state.json ? as_json(*explained) + "\n" : as_text(*explained));
  if (!explained->choice.refusal) return kDone;
  return state.json ? kFailed : report(*explained->choice.refusal);
}

}  // namespace

std::function<int()> declare_route_explain(Arguments& arguments) {
  auto state = std::make_shared<State>();
  constexpr std::string_view kSettings[] = {"default_route", "local_only"};
  state->options.declare_only(arguments, kSettings);
  arguments.option("-m,--model", state->model, "model to ask for, with its route word if any");
  arguments.option("-f,--file", state->file, "request as a client would send it, JSON [a short chat]");
  arguments.option("--key", state->key, "id or name of the key that would ask, for its policy and defaults");
  arguments.options("-H,--header", state->headers, "header of the request: 'X-Sluice-Max-Cost-Usd: 0.01'");
  arguments.option("--server", state->server,
                   "running server to take live figures from [where the configuration listens]");
  arguments.flag("--no-server", state->no_server, "ask no running server for live figures");
  arguments.flag("--json", state->json, "print one JSON object");
  return [state] { return explain_route(*state); };
}

}  // namespace sluice::app::cli
