// The files of data/simulator: one folder a dialect with `dialect.json` (routes, credential, framing, request
// shapes, errors) and any number of files of exchanges, and `providers.json` with the providers that deviate.
// docs/reference/simulator.md describes the format. Everything is read once and kept; reading is then free of
// locks, from any thread.
#pragma once

#include <simdjson.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::hub::simulator {

// One way in: a method and a path with {model} and other {holes} in it.
struct Route {
  std::string kind;  // "chat", "embed", ...
  std::string method;
  std::string path;
  std::string query;  // must be part of the request's query, or empty
  std::string shape;  // of the body; empty: there is none
  enum class Streams : std::uint8_t { never, when_body_says, always } streams = Streams::when_body_says;
};

// A simulated server. What a provider's entry does not say comes from its dialect.
class Server {
 public:
  std::string name;     // the first part of its paths here
  std::string dialect;  // the folder its exchanges come from
  std::vector<Route> routes;

  // The member of that name in the provider's own entry, else in dialect.json.
  simdjson::simdjson_result<simdjson::dom::element> setting(std::string_view member) const;
  // What it says to a failure of that status, or nullopt.
  std::optional<simdjson::dom::object> error(int status) const;
  // The shapes are the dialect's alone; a provider may name `extra_fields` of the outermost object.
  simdjson::dom::object shapes() const;
  // nullopt when nobody wrote it.
  std::optional<simdjson::dom::object> exchange(std::string_view kind, std::string_view scenario) const;
  // Of the dialect, in no order that matters; the name is "kind/scenario".
  void for_each_exchange(
      const std::function<void(std::string_view name, simdjson::dom::object exchange)>& visit) const;

 private:
  friend class Library;
  std::optional<simdjson::dom::object> own_;  // of a provider
  simdjson::dom::object dialect_;
  const std::map<std::string, simdjson::dom::object, std::less<>>* exchanges_ = nullptr;  // "kind/scenario"
};

class Library {
 public:
  static base::Result<std::unique_ptr<Library>> load(const std::filesystem::path& folder);

  const Server* find(std::string_view name) const;  // nullptr when there is none
  const std::map<std::string, Server, std::less<>>& servers() const { return servers_; }

 private:
  using Exchanges = std::map<std::string, simdjson::dom::object, std::less<>>;

  base::Result<simdjson::dom::object> parse(const std::filesystem::path& file);
  base::Status load_dialect(const std::filesystem::path& folder);
  base::Status load_exchanges(const std::filesystem::path& file, Exchanges& into);
  base::Status load_providers(const std::filesystem::path& file);
  base::Status add_server(Server server);

  std::vector<std::unique_ptr<simdjson::dom::parser>> parsers_;  // own what the objects point into
  std::map<std::string, Exchanges, std::less<>> exchanges_;      // by dialect
  std::map<std::string, Server, std::less<>> servers_;
};

// Whether `path` is of that form; fills `model` from {model} (percent-decoded; it alone may hold slashes) and
// `id` from {id}.
bool match_path(std::string_view form, std::string_view path, std::string& model, std::string& id);

}  // namespace sluice::hub::simulator
