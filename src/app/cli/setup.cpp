// Takes a provider's key, tries it, keeps it, and ends with a line that works. Prompts and results go to
// standard error, the line to standard output; without a terminal the answers are read as lines.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>

#include "app/cli/config_options.h"
#include "app/cli/provider_call.h"
#include "app/cli/terminal.h"
#include "app/server/access_home.h"
#include "app/server/provider_keys.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

using base::ErrorCode;
using hub::catalog::Provider;

struct State {
  ConfigOptions options;
  std::string provider;
  std::string model;
  bool no_test = false;
};

// Switches the terminal's echo off while it lives.
class Silence {
 public:
  Silence() : quiet_(::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!quiet_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Silence() {
    if (!quiet_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    fmt::print(stderr, "\n");
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  const bool quiet_;
};

std::optional<std::string> ask_secret(std::string_view prompt) {
  const Silence silence;
  return ask_line(prompt);
}

// Why there is nothing to set up for this provider, or "".
std::string refuse(const hub::catalog::Catalog& catalog, const std::string& id) {
  const auto provider = catalog.find(id);
  if (!provider) {
    const auto near = base::near_names(id, catalog.ids(), 1);
    return fmt::format("'{}': no such provider{}; `sluice providers` lists them", id,
                       near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
  }
  if (const std::string unready = hub::catalog::refuse_unready(*provider); !unready.empty()) return unready;
  if (provider->auth.kind == hub::catalog::Auth::Kind::none)
    return fmt::format("{} needs no key: providers.{}.enabled: true in the configuration switches it on", id,
                       id);
  return "";
}

// A key for the line at the end: the preset one by its variable, else a new one.
base::Result<std::string> key_for_line(const server::Config& config,
                                       const server::Surroundings& surroundings) {
  if (!config.auth) return std::string();
  if (!config.api_key.empty()) return std::string("$SLUICE_API_KEY");
  SLUICE_TRY(const auto access, server::open_access_home(server::home_directory(surroundings)));
  SLUICE_TRY(const auto made, access.keys->create("setup", {}, std::time(nullptr)));
  return made.text;
}

std::string make_line(const server::Config& config, const std::string& key, const std::string& model) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().field("model", model).key("messages").begin_array().begin_object();
  json.field("role", "user").field("content", "Hello").end_object().end_array().end_object();
  const bool tls = !config.tls.cert.empty();
  return fmt::format("curl {}://{}:{}/v1/chat/completions -H 'content-type: application/json'{} -d '{}'",
                     tls ? "https" : "http", config.host.empty() ? "127.0.0.1" : config.host, config.port,
                     key.empty() ? "" : fmt::format(" -H \"authorization: Bearer {}\"", key), body);
}

// Tries the key and says what came back. False: it does not work and is not to be kept.
bool try_key(const server::Snapshot& snapshot, const std::string& id, const std::string& model) {
  const auto provider = snapshot.api->gateway->catalog->find(id);
  fmt::print(stderr, "a test call to {} asks {} for one word; price: {}\n", id, model,
             describe_price(*provider, model));
  if (!agrees("make it? [Y/n] ", true)) return true;
  const ProviderAnswer answer = call_provider(snapshot, id, model);
  if (answer.good) {
    fmt::print(stderr, "it works: status {} from {} in {} ms\n", answer.status, answer.model,
               answer.latency.count());
    return true;
  }
  fmt::print(stderr, "it failed{}: {}\n", answer.status == 0 ? "" : fmt::format(": status {}", answer.status),
             answer.error);
  return agrees("keep the key all the same? [y/N] ", false);
}

std::string model_for(const State& state, const server::Snapshot& snapshot, const Provider& provider) {
  if (!state.model.empty()) return state.model;
  if (provider.check) return provider.check->model;
  const auto models = list_models(snapshot, provider.id, 1);
  return models && !models->empty() ? models->front() : "";
}

base::Status set_up(State& state) {
  const server::Surroundings surroundings = server::surroundings_of_process();
  SLUICE_TRY(server::LoadedConfig loaded, server::load_config(state.options.request(), surroundings));
  SLUICE_TRY(const server::Snapshot before, server::make_snapshot(loaded.config, surroundings));
  const hub::catalog::Catalog& catalog = *before.api->gateway->catalog;
  if (state.provider.empty()) state.provider = ask_line("provider: ").value_or("");
  if (const std::string problem = refuse(catalog, state.provider); !problem.empty())
    return base::fail(ErrorCode::invalid_argument, "{}", problem);
  const auto provider = catalog.find(state.provider);

  const auto key = ask_secret(fmt::format("key of {} (it is not shown): ", provider->name));
  if (!key || key->empty()) return base::fail(ErrorCode::cancelled, "no key was given; nothing was changed");
  server::ProviderConfig& configured = loaded.config.providers[state.provider];
  configured.api_key = *key;
  configured.api_keys.clear();
  SLUICE_TRY(const server::Snapshot snapshot, server::make_snapshot(loaded.config, surroundings));

  const std::string model = model_for(state, snapshot, *provider);
  if (model.empty()) {
    fmt::print(stderr, "no test call: no model of {} is known; --model names one\n", state.provider);
  } else if (!state.no_test && !try_key(snapshot, state.provider, model)) {
    return base::fail(ErrorCode::cancelled, "the key was not kept");
  }
  const std::filesystem::path home = server::home_directory(surroundings);
  SLUICE_TRY_VOID(server::store_provider_key(home, state.provider, *key));
  fmt::print(stderr, "kept in {}\nstart `sluice serve`, then:\n",
             server::provider_key_file(home, state.provider).string());
  SLUICE_TRY(const std::string own_key, key_for_line(loaded.config, surroundings));
  const std::string name = model.empty() ? "MODEL" : model;
  fmt::print("{}\n", make_line(loaded.config, own_key, fmt::format("{}:{}", name, state.provider)));
  return {};
}

}  // namespace

std::function<int()> declare_setup(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.optional("PROVIDER", state->provider, "provider [asked for]");
  arguments.option("--model", state->model, "model of the test call [the cheapest that is known]");
  arguments.flag("--no-test", state->no_test, "keep the key without a test call");
  return [state] {
    const base::Status done = set_up(*state);
    return done ? static_cast<int>(kDone) : report(done.error());
  };
}

}  // namespace sluice::app::cli
