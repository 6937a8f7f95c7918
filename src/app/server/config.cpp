#include "app/server/config.h"

#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/server/limits.h"
#include "app/server/settings.h"
#include "app/server/yaml_tree.h"
#include "base/json_writer.h"
#include "base/strings.h"

extern char** environ;

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
namespace fs = std::filesystem;

// Variables that are ours but no setting.
constexpr std::string_view kOtherVariables[] = {"SLUICE_HOME", "SLUICE_CONFIG", "SLUICE_CPU"};

std::string value_of(const Surroundings& surroundings, const std::string& name) {
  const auto found = surroundings.environment.find(name);
  return found == surroundings.environment.end() ? std::string() : found->second;
}

std::string home_of(const Surroundings& surroundings) {
  const std::string home = value_of(surroundings, "HOME");
  return home.empty() ? "/" : home;
}

std::string xdg_of(const Surroundings& surroundings, const std::string& variable,
                   std::string_view below_home) {
  const std::string given = value_of(surroundings, variable);
  // The XDG specification says to ignore relative paths.
  return given.starts_with('/') ? given : fmt::format("{}/{}", home_of(surroundings), below_home);
}

// Fills a Config in four passes, each over the one before, and remembers which won.
class Loader {
 public:
  Loader(const ConfigRequest& request, const Surroundings& surroundings)
      : request_(request), surroundings_(surroundings), directory_(surroundings.working_directory) {}

  Result<LoadedConfig> load() {
    SLUICE_TRY_VOID(take_defaults());
    SLUICE_TRY_VOID(take_file());
    SLUICE_TRY_VOID(take_environment());
    SLUICE_TRY_VOID(take_flags());
    SLUICE_TRY_VOID(check_whole());
    describe();
    return std::move(out_);
  }

 private:
  struct Winner {
    const Setting* setting;
    std::vector<std::string> chosen;
    std::string source;
  };

  Status take_defaults();
  Status take_file();
  Status take_environment();
  Status take_flags();
  Status check_whole() const;
  void describe();

  Status walk(const YamlNode& node, const std::string& path, const std::string& pattern,
              std::vector<std::string>& chosen);
  Status walk_entry(const YamlNode& entry, const std::string& path, const std::string& pattern,
                    std::vector<std::string>& chosen);
  Status write_value(base::JsonWriter& json, const YamlNode& node) const;
  Status take_leaf(const Setting& setting, const YamlNode& node, const std::string& path,
                   const std::vector<std::string>& chosen);
  Status check_unknown_variable(const std::string& name);

  Status set(const Setting& setting, const std::string& name, const std::vector<std::string>& chosen,
             const std::vector<std::string>& texts, const std::string& source);
  // Replaces env:NAME and file:PATH by what they point at.
  Result<std::string> resolve(const std::string& text) const;
  std::string file_name() const { return fs::path(out_.file).filename().string(); }

  const ConfigRequest& request_;
  const Surroundings& surroundings_;
  fs::path directory_;  // that relative file:PATH start from
  LoadedConfig out_;
  std::map<std::string, Winner> winners_;  // by full name
};

Status prefix(Status status, std::string_view where) {
  if (status) return status;
  base::Error error = std::move(status).error();
  error.message = fmt::format("{}: {}", where, error.message);
  return base::fail(std::move(error));
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  for (std::string_view item : base::split(text, ','))
    if (const auto trimmed = base::trim(item); !trimmed.empty()) items.emplace_back(trimmed);
  return items;
}

Status Loader::set(const Setting& setting, const std::string& name, const std::vector<std::string>& chosen,
                   const std::vector<std::string>& texts, const std::string& source) {
  std::vector<std::string> values;
  for (const std::string& text : texts) {
    auto value = resolve(text);
    if (!value) return prefix(base::fail(std::move(value).error()), fmt::format("{}: {}", source, name));
    values.push_back(*std::move(value));
  }
  SLUICE_TRY_VOID(prefix(assign(setting, out_.config, chosen, values), fmt::format("{}: {}", source, name)));
  winners_[name] = {&setting, chosen, source};
  return {};
}

Result<std::string> Loader::resolve(const std::string& text) const {
  if (text.starts_with("env:")) {
    const std::string name = text.substr(4);
    const auto found = surroundings_.environment.find(name);
    if (found == surroundings_.environment.end())
      return base::fail(ErrorCode::invalid_argument, "environment variable {} is not set", name);
    return found->second;
  }
  if (text.starts_with("file:")) {
    SLUICE_TRY(std::string content, read_text_file(directory_ / text.substr(5), kSecretFileBytesMax));
    return std::string(base::trim(content));
  }
  return text;
}

Status Loader::take_defaults() {
  for (const Setting& setting : all_settings()) {
    if (!is_plain(setting)) continue;
    const std::string fallback(setting.fallback);
    const auto texts = setting.kind == Kind::list ? split_list(fallback) : std::vector{fallback};
    SLUICE_TRY_VOID(set(setting, std::string(setting.name), {}, texts, "default"));
  }
  return {};
}

Status Loader::take_file() {
  const fs::path here = surroundings_.working_directory;
  std::string from_environment = value_of(surroundings_, "SLUICE_CONFIG");
  if (!request_.file.empty() || !from_environment.empty()) {
    out_.file = here / (request_.file.empty() ? from_environment : request_.file);
  } else {
    for (const fs::path& candidate :
         {here / "sluice.yaml",
          fs::path(xdg_of(surroundings_, "XDG_CONFIG_HOME", ".config")) / "sluice/sluice.yaml",
          fs::path("/etc/sluice/sluice.yaml")}) {
      std::error_code error;
      if (!fs::exists(candidate, error)) continue;
      out_.file = candidate;
      break;
    }
    if (out_.file.empty()) return {};
  }
  SLUICE_TRY(const std::string text, read_text_file(out_.file, kConfigBytesMax));
  SLUICE_TRY(const YamlNode root, parse_yaml(text, file_name()));
  if (root.kind == YamlNode::Kind::nothing) return {};
  if (root.kind != YamlNode::Kind::map)
    return base::fail(ErrorCode::invalid_argument, "{}:{}: expected settings, such as 'port: 8484'",
                      file_name(), root.line);
  directory_ = fs::path(out_.file).parent_path();
  std::vector<std::string> chosen;
  const Status status = walk(root, "", "", chosen);
  directory_ = surroundings_.working_directory;
  return status;
}

std::string join(const std::string& path, std::string_view piece) {
  return path.empty() ? std::string(piece) : fmt::format("{}.{}", path, piece);
}

// What may stand below `pattern`: the next pieces of the settings' names.
std::vector<std::string> pieces_below(const std::string& pattern) {
  std::vector<std::string> pieces;
  for (const Setting& setting : all_settings()) {
    std::string_view name = setting.name;
    if (!pattern.empty()) {
      if (!name.starts_with(pattern + '.')) continue;
      name.remove_prefix(pattern.size() + 1);
    }
    const std::string piece(name.substr(0, name.find('.')));
    if (std::ranges::count(pieces, piece) == 0) pieces.push_back(piece);
  }
  return pieces;
}

Status Loader::walk(const YamlNode& node, const std::string& path, const std::string& pattern,
                    std::vector<std::string>& chosen) {
  const std::string where = fmt::format("{}:{}", file_name(), node.line);
  if (const Setting* leaf = find_setting(pattern)) return take_leaf(*leaf, node, path, chosen);
  if (node.kind == YamlNode::Kind::nothing) return {};  // a section with every line commented out
  if (pieces_below(pattern) == std::vector<std::string>{"#"}) {
    if (node.kind != YamlNode::Kind::list)
      return base::fail(ErrorCode::invalid_argument, "{}: {}: expected a list ('- ...' lines)", where, path);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      chosen.push_back(std::to_string(i));
      SLUICE_TRY_VOID(walk(node.items[i], join(path, chosen.back()), join(pattern, "#"), chosen));
      chosen.pop_back();
    }
    return {};
  }
  if (node.kind != YamlNode::Kind::map)
    return base::fail(ErrorCode::invalid_argument, "{}: {}: expected a section of settings ({})", where, path,
                      fmt::join(pieces_below(pattern), ", "));
  for (const YamlNode& entry : node.items) SLUICE_TRY_VOID(walk_entry(entry, path, pattern, chosen));
  return {};
}

Status Loader::walk_entry(const YamlNode& entry, const std::string& path, const std::string& pattern,
                          std::vector<std::string>& chosen) {
  const std::string& key = entry.key;
  const std::vector<std::string> known = pieces_below(pattern);
  if (std::ranges::count(known, key) > 0 && key != "*" && key != "#")
    return walk(entry, join(path, key), join(pattern, key), chosen);
  if (known == std::vector<std::string>{"*"}) {
    chosen.push_back(key);
    SLUICE_TRY_VOID(walk(entry, join(path, key), join(pattern, "*"), chosen));
    chosen.pop_back();
    return {};
  }
  const auto near = base::near_names(key, known);
  return base::fail(ErrorCode::invalid_argument, "{}:{}: {}: no such setting; {} {}", file_name(), entry.line,
                    join(path, key), near.empty() ? "known here:" : "did you mean",
                    near.empty() ? fmt::format("{}", fmt::join(known, ", ")) : near.front() + "?");
}

// Scalars have no type in a YamlNode; JSON's words and numbers are what they look like, all else is text.
bool is_json_word(std::string_view text) {
  if (text == "true" || text == "false" || text == "null") return true;
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  return parser.parse(simdjson::padded_string(text)).get(value) == simdjson::SUCCESS && value.is_number();
}

Status Loader::write_value(base::JsonWriter& json, const YamlNode& node) const {
  switch (node.kind) {
    case YamlNode::Kind::nothing:
      json.null();
      break;
    case YamlNode::Kind::scalar: {
      SLUICE_TRY(const std::string text, resolve(node.text));
      is_json_word(text) ? json.raw(text) : json.string(text);
      break;
    }
    case YamlNode::Kind::list:
      json.begin_array();
      for (const YamlNode& item : node.items) SLUICE_TRY_VOID(write_value(json, item));
      json.end_array();
      break;
    case YamlNode::Kind::map:
      json.begin_object();
      for (const YamlNode& item : node.items) {
        json.key(item.key);
        SLUICE_TRY_VOID(write_value(json, item));
      }
      json.end_object();
      break;
  }
  return {};
}

Status Loader::take_leaf(const Setting& setting, const YamlNode& node, const std::string& path,
                         const std::vector<std::string>& chosen) {
  const std::string source = fmt::format("{}:{}", file_name(), node.line);
  if (setting.kind == Kind::object && node.kind != YamlNode::Kind::nothing) {
    if (node.kind != YamlNode::Kind::map)
      return base::fail(ErrorCode::invalid_argument,
                        "{}: {}: expected a mapping, such as {{sort: price}}, found {}", source, path,
                        node.kind == YamlNode::Kind::list ? "a list" : "text");
    std::string text;
    base::JsonWriter json(text);
    if (!node.items.empty())
      SLUICE_TRY_VOID(prefix(write_value(json, node), fmt::format("{}: {}", source, path)));
    // A value that looks like a reference to another place is text here: it was followed above.
    SLUICE_TRY_VOID(
        prefix(assign(setting, out_.config, chosen, {text}), fmt::format("{}: {}", source, path)));
    winners_[path] = {&setting, chosen, source};
    return {};
  }
  switch (node.kind) {
    case YamlNode::Kind::nothing:
      return base::fail(ErrorCode::invalid_argument,
                        "{}: {}: has no value; write one, \"\" for empty text, or remove the line", source,
                        path);
    case YamlNode::Kind::map:
      return base::fail(ErrorCode::invalid_argument, "{}: {}: expected a value, found a section", source,
                        path);
    case YamlNode::Kind::scalar:
      return set(setting, path, chosen,
                 setting.kind == Kind::list ? split_list(node.text) : std::vector{node.text}, source);
    case YamlNode::Kind::list:
      break;
  }
  std::vector<std::string> texts;
  for (const YamlNode& item : node.items) {
    if (item.kind != YamlNode::Kind::scalar)
      return base::fail(ErrorCode::invalid_argument, "{}:{}: {}: expected text", file_name(), item.line,
                        path);
    texts.push_back(item.text);
  }
  return set(setting, path, chosen, texts, source);
}

Status Loader::take_environment() {
  for (const Setting& setting : all_settings()) {
    if (!is_plain(setting)) continue;
    const std::string name = environment_name_of(setting);
    std::string text = value_of(surroundings_, name);
    std::string source = "environment " + name;
    if (const std::string file = value_of(surroundings_, name + "_FILE");
        text.empty() && !file.empty() && setting.kind == Kind::secret) {
      text = "file:" + file;
      source += "_FILE";
    }
    if (text.empty()) continue;  // an empty variable is how scripts unset one
    // Kubernetes gives every pod SLUICE_PORT=tcp://... when a service is called sluice.
    if (name == "SLUICE_PORT" && text.starts_with("tcp://")) continue;
    SLUICE_TRY_VOID(set(setting, std::string(setting.name), {},
                        setting.kind == Kind::list ? split_list(text) : std::vector{text}, source));
  }
  for (const auto& [name, value] : surroundings_.environment) SLUICE_TRY_VOID(check_unknown_variable(name));
  return {};
}

// A misspelt SLUICE_LOCAL_ONLY must not be silence: names close to a setting are errors, others a warning.
Status Loader::check_unknown_variable(const std::string& name) {
  if (!name.starts_with("SLUICE_") || name.starts_with("SLUICE_TEST_") || name.starts_with("SLUICE_PORT_") ||
      name.starts_with("SLUICE_SERVICE_") || name == "SLUICE_REQUIRE_MODEL" ||
      std::ranges::count(kOtherVariables, name) > 0)
    return {};
  std::vector<std::string> known;
  for (const Setting& setting : all_settings()) {
    if (!is_plain(setting)) continue;
    const std::string variable = environment_name_of(setting);
    if (name == variable || (setting.kind == Kind::secret && name == variable + "_FILE")) return {};
    known.push_back(variable.substr(7));
  }
  const auto near = base::near_names(std::string_view(name).substr(7), known, 1);
  if (!near.empty())
    return base::fail(ErrorCode::invalid_argument, "environment {}: no such setting; did you mean SLUICE_{}?",
                      name, near.front());
  out_.warnings.push_back(fmt::format("environment {}: no such setting, ignored", name));
  return {};
}

Status Loader::take_flags() {
  for (const auto& [name, text] : request_.flags) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr || !is_plain(*setting))
      return base::fail(ErrorCode::invalid_argument, "flag for {}: no such setting", name);
    SLUICE_TRY_VOID(set(*setting, name, {},
                        setting->kind == Kind::list ? split_list(text) : std::vector{text},
                        "flag " + flag_of(*setting)));
  }
  return {};
}

Status Loader::check_whole() const {
  const Config& c = out_.config;
  if (c.tls.cert.empty() != c.tls.key.empty())
    return base::fail(ErrorCode::invalid_argument, "{}: needs {} as well",
                      c.tls.cert.empty() ? "tls.key" : "tls.cert",
                      c.tls.cert.empty() ? "tls.cert" : "tls.key");
  if (c.host.empty() && c.unix_socket.empty())
    return base::fail(ErrorCode::invalid_argument,
                      "nothing to listen on: host and unix_socket are both empty");
  for (const auto& [model, routes] : c.models)
    for (std::size_t i = 0; i < routes.routes.size(); ++i)
      if (routes.routes[i].provider.empty())
        return base::fail(ErrorCode::invalid_argument, "models.{}.routes.{}: names no provider", model, i);
  return {};
}

void Loader::describe() {
  for (const auto& [name, winner] : winners_)
    out_.origins.push_back(
        {name, describe_value(*winner.setting, out_.config, winner.chosen), winner.source});
  const auto rank = [&](const Origin& origin) {
    return winners_.at(origin.name).setting - all_settings().data();
  };
  std::ranges::stable_sort(out_.origins, {}, rank);
}

}  // namespace

Result<std::string> read_text_file(const fs::path& path, std::size_t bytes_max) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error || !fs::exists(status))
    return base::fail(ErrorCode::not_found, "{}: no such file", path.string());
  if (fs::is_directory(status))
    return base::fail(ErrorCode::invalid_argument, "{}: is a folder, expected a file", path.string());
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::fail(ErrorCode::io_failed, "{}: cannot be read", path.string());
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > bytes_max)
    return base::fail(ErrorCode::too_large, "{}: larger than {}", path.string(),
                      base::format_bytes(bytes_max));
  return text;
}

Surroundings surroundings_of_process() {
  Surroundings out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto equals = text.find('='); equals != std::string_view::npos)
      out.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::error_code error;
  out.working_directory = fs::current_path(error).string();
  if (error) out.working_directory = "/";
  return out;
}

Result<LoadedConfig> load_config(const ConfigRequest& request, const Surroundings& surroundings) {
  return Loader(request, surroundings).load();
}

std::string home_directory(const Surroundings& surroundings) {
  const std::string given = value_of(surroundings, "SLUICE_HOME");
  return given.empty() ? xdg_of(surroundings, "XDG_STATE_HOME", ".local/state") + "/sluice" : given;
}

std::string default_models_directory(const Surroundings& surroundings) {
  return xdg_of(surroundings, "XDG_DATA_HOME", ".local/share") + "/sluice/models";
}

}  // namespace sluice::app::server
