#include "hub/simulator/library.h"

#include <algorithm>

#include "base/strings.h"

namespace sluice::hub::simulator {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
namespace fs = std::filesystem;

std::string text_of(object from, std::string_view name, std::string_view otherwise = "") {
  std::string_view text;
  return std::string(from[name].get(text) == SUCCESS ? text : otherwise);
}

Result<std::vector<Route>> read_routes(const Server& server) {
  array list;
  if (server.setting("routes").get(list) != SUCCESS) {
    return base::fail(ErrorCode::corrupt_data, "{}: 'routes' is missing", server.name);
  }
  std::vector<Route> routes;
  for (const element one : list) {
    object route;
    if (one.get(route) != SUCCESS) {
      return base::fail(ErrorCode::corrupt_data, "{}: a route is no object", server.name);
    }
    const std::string streams = text_of(route, "streams", "body");
    routes.push_back({.kind = text_of(route, "kind"),
                      .method = text_of(route, "method", "POST"),
                      .path = text_of(route, "path"),
                      .query = text_of(route, "query"),
                      .shape = text_of(route, "shape"),
                      .streams = streams == "always"  ? Route::Streams::always
                                 : streams == "never" ? Route::Streams::never
                                                      : Route::Streams::when_body_says});
    if (routes.back().kind.empty() || !routes.back().path.starts_with('/')) {
      return base::fail(ErrorCode::corrupt_data, "{}: a route needs a kind and a path", server.name);
    }
  }
  return routes;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

simdjson::simdjson_result<element> Server::setting(std::string_view member) const {
  element value;
  if (own_ && (*own_)[member].get(value) == SUCCESS) return value;
  return dialect_[member];
}

std::optional<object> Server::error(int status) const {
  object error;
  if (own_ && (*own_)["errors"][std::to_string(status)].get(error) == SUCCESS) return error;
  if (dialect_["errors"][std::to_string(status)].get(error) == SUCCESS) return error;
  return std::nullopt;
}

object Server::shapes() const {
  return dialect_["shapes"].get_object().value_unsafe();  // add_server() has looked
}

std::optional<object> Server::exchange(std::string_view kind, std::string_view scenario) const {
  const auto found = exchanges_->find(std::string(kind) + "/" + std::string(scenario));
  if (found == exchanges_->end()) return std::nullopt;
  return found->second;
}

void Server::for_each_exchange(const std::function<void(std::string_view, object)>& visit) const {
  for (const auto& [path, content] : *exchanges_) visit(path, content);
}

Result<std::unique_ptr<Library>> Library::load(const fs::path& folder) {
  auto library = std::make_unique<Library>();
  std::error_code problem;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    if (fs::exists(entry.path() / "dialect.json", problem)) folders.push_back(entry.path());
  }
  if (folders.empty()) {
    return base::fail(ErrorCode::not_found, "{}: no folder with a dialect.json in it", folder.string());
  }
  std::ranges::sort(folders);
  for (const fs::path& dialect : folders) SLUICE_TRY_VOID(library->load_dialect(dialect));
  if (fs::exists(folder / "providers.json", problem)) {
    SLUICE_TRY_VOID(library->load_providers(folder / "providers.json"));
  }
  return library;
}

const Server* Library::find(std::string_view name) const {
  const auto found = servers_.find(name);
  return found == servers_.end() ? nullptr : &found->second;
}

Result<object> Library::parse(const fs::path& file) {
  auto& parser = *parsers_.emplace_back(std::make_unique<simdjson::dom::parser>());
  object root;
  if (const auto error = parser.load(file.string()).get(root)) {
    return base::fail(ErrorCode::corrupt_data, "{}: expected a JSON object: {}", file.string(),
                      simdjson::error_message(error));
  }
  return root;
}

Status Library::load_dialect(const fs::path& folder) {
  const std::string name = folder.filename().string();
  Exchanges& exchanges = exchanges_[name];
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  Server server;
  for (const fs::path& file : files) {
    if (file.filename() == "dialect.json") {
      SLUICE_TRY(server.dialect_, parse(file));
    } else {
      SLUICE_TRY_VOID(load_exchanges(file, exchanges));
    }
  }
  server.name = server.dialect = name;
  server.exchanges_ = &exchanges;
  return add_server(std::move(server));
}

Status Library::load_exchanges(const fs::path& file, Exchanges& into) {
  SLUICE_TRY(const object kinds, parse(file));
  for (const auto [kind, value] : kinds) {
    object scenarios;
    if (value.get(scenarios) != SUCCESS) {
      return base::fail(ErrorCode::corrupt_data, "{}: /{}: expected an object", file.string(), kind);
    }
    for (const auto [scenario, content] : scenarios) {
      object exchange;
      std::string name = std::string(kind) + "/" + std::string(scenario);
      if (content.get(exchange) != SUCCESS || !into.emplace(std::move(name), exchange).second) {
        return base::fail(ErrorCode::corrupt_data,
                          "{}: /{}/{}: expected one object, here and in no other file", file.string(), kind,
                          scenario);
      }
    }
  }
  return {};
}

Status Library::load_providers(const fs::path& file) {
  SLUICE_TRY(const object providers, parse(file));
  for (const auto [id, value] : providers) {
    Server server;
    object own;
    if (value.get(own) != SUCCESS) {
      return base::fail(ErrorCode::corrupt_data, "{}: /{}: expected an object", file.string(), id);
    }
    server.own_ = own;
    server.name = id;
    server.dialect = text_of(own, "dialect");
    const Server* dialect = find(server.dialect);
    if (dialect == nullptr) {
      return base::fail(ErrorCode::corrupt_data, "{}: /{}/dialect: no folder '{}'", file.string(), id,
                        server.dialect);
    }
    server.dialect_ = dialect->dialect_;
    server.exchanges_ = dialect->exchanges_;
    server.name = "providers/" + std::string(id);
    SLUICE_TRY_VOID(add_server(std::move(server)));
  }
  return {};
}

Status Library::add_server(Server server) {
  object shapes;
  if (server.dialect_["shapes"].get(shapes) != SUCCESS) {
    return base::fail(ErrorCode::corrupt_data, "{}: 'shapes' is missing", server.dialect);
  }
  SLUICE_TRY(server.routes, read_routes(server));
  std::string name = server.name;
  servers_.emplace(std::move(name), std::move(server));
  return {};
}

bool match_path(std::string_view form, std::string_view path, std::string& model, std::string& id) {
  while (true) {
    const std::size_t open = std::min(form.find('{'), form.size());
    if (!path.starts_with(form.substr(0, open))) return false;
    path.remove_prefix(open);
    if (open == form.size()) return path.empty();
    const std::size_t close = form.find('}', open);
    if (close == std::string_view::npos) return false;
    const std::string_view hole = form.substr(open + 1, close - open - 1);
    form.remove_prefix(close + 1);
    const std::string_view next = form.substr(0, form.find('{'));
    const std::size_t end = next.empty() ? path.size() : hole == "model" ? path.rfind(next) : path.find(next);
    if (end == std::string_view::npos || end == 0) return false;
    const std::string_view value = path.substr(0, end);
    if (hole == "model") {
      model = percent_decoded(value);
    } else if (value.contains('/')) {
      return false;
    } else if (hole == "id") {
      id = value;
    }
    path.remove_prefix(end);
  }
}

}  // namespace sluice::hub::simulator
