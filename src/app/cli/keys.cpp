// Keys of this hub. They work beside a running server, which notices changes within a second.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <memory>

#include "app/cli/load_snapshot.h"
#include "base/json_writer.h"
#include "hub/catalog/resolve.h"
#include "hub/routing/parse_wishes.h"

namespace sluice::app::cli {
namespace {

using hub::access::KeyRecord;

struct State {
  ConfigOptions options;
  std::string name;
  bool local_only = false;
  std::string wishes;
  bool json = false;
};

base::Result<server::AccessHome> open_home() {
  return server::open_access_home(server::home_directory(server::surroundings_of_process()));
}

std::string describe_time(std::int64_t seconds) {
  return seconds == 0 ? "never"
                      : fmt::format("{:%Y-%m-%d %H:%M}Z", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

void write_key(base::JsonWriter& json, const KeyRecord& key, std::string_view text) {
  json.begin_object().field("id", key.id).field("name", key.name);
  if (!text.empty()) json.field("key", text);
  json.field("hint", key.hint)
      .field("enabled", key.enabled)
      .field("local_only", key.policy.local_only)
      .field("created", key.created_s)
      .field("last_used", key.last_used_s);
  if (!key.policy.wishes.empty()) json.key("wishes").raw(key.policy.wishes);
  json.end_object();
}

int create_key(const State& state) {
  auto home = open_home();
  if (!home) return report(home.error());
  // As the server will read them: with the providers that its configuration knows.
  if (!state.wishes.empty()) {
    const auto loaded = load_snapshot(state.options, server::surroundings_of_process());
    if (!loaded) return report(loaded.error());
    std::vector<std::string> providers = loaded->snapshot.api->gateway->catalog->ids();
    providers.emplace_back(hub::catalog::kDeviceId);
    if (const auto read = hub::routing::parse_wish_defaults(state.wishes, providers, "wishes"); !read)
      return report(read.error());
  }
  const auto made = home->keys->create(state.name, {.local_only = state.local_only, .wishes = state.wishes},
                                       std::time(nullptr));
  if (!made) return report(made.error());
  if (state.json) {
    std::string out;
    base::JsonWriter json(out);
    write_key(json, made->record, made->text);
    fmt::print("{}\n", out);
  } else {
    // Shown once: only its hash is stored.
    fmt::print("key: {}\n", made->text);
  }
  return kDone;
}

int list_keys(const State& state) {
  auto home = open_home();
  if (!home) return report(home.error());
  const auto keys = home->keys->list();
  if (!keys) return report(keys.error());
  if (state.json) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_array();
    for (const KeyRecord& key : *keys) write_key(json, key, {});
    json.end_array();
    fmt::print("{}\n", out);
    return kDone;
  }
  if (keys->empty()) fmt::print("no keys; sluice serve makes the first one\n");
  for (const KeyRecord& key : *keys)
    fmt::print("{:<14} {:<20} ...{}  {:<8} {:<10} created {}  used {}\n", key.id, key.name, key.hint,
               key.enabled ? "enabled" : "revoked", key.policy.local_only ? "local-only" : "",
               describe_time(key.created_s), describe_time(key.last_used_s));
  return kDone;
}

int revoke_key(const State& state) {
  auto home = open_home();
  if (!home) return report(home.error());
  const auto revoked = home->keys->revoke(state.name);
  if (!revoked) return report(revoked.error());
  fmt::print("revoked {} {}\n", revoked->id, revoked->name);
  return kDone;
}

}  // namespace

std::function<int()> declare_keys_create(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare_only(arguments, {});
  arguments.option("NAME,--name", state->name, "what it is for");
  arguments.flag("--local-only", state->local_only, "only the model on this machine may answer it");
  arguments.option("JSON,--wishes", state->wishes,
                   "what its requests wish where they do not say: {\"sort\":\"price\",\"zdr\":true}");
  arguments.flag("--json", state->json, "print one JSON object");
  return [state] { return create_key(*state); };
}

std::function<int()> declare_keys_list(Arguments& arguments) {
  auto state = std::make_shared<State>();
  arguments.flag("--json", state->json, "print one JSON array");
  return [state] { return list_keys(*state); };
}

std::function<int()> declare_keys_revoke(Arguments& arguments) {
  auto state = std::make_shared<State>();
  arguments.required("KEY", state->name, "id or name");
  return [state] { return revoke_key(*state); };
}

}  // namespace sluice::app::cli
