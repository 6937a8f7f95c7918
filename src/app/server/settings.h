// Every setting once: its name, type, default and help. Parsing, flags, environment names, `config init`,
// `config show`, the JSON Schema and --help are all derived from this table.
#pragma once

#include <span>
#include <variant>

#include "app/server/config.h"

namespace sluice::app::server {

// An object is a mapping in the file and JSON text everywhere else.
enum class Kind { text, secret, flag, count, number, bytes, duration, list, object };

using Slot = std::variant<std::string*, bool*, std::optional<bool>*, std::uint64_t*, std::optional<double>*,
                          std::chrono::milliseconds*, std::vector<std::string>*>;

struct Setting {
  // Dotted. A "*" stands for a name that the user chooses, a "#" for the items of a list; such settings have
  // neither flag nor environment variable.
  std::string_view name;
  Kind kind;
  std::string_view fallback;  // as written in the file
  bool restart;               // a reload cannot change it
  std::string_view help;
  // Where the value lives. `chosen` holds what stood at each "*" and "#".
  Slot (*slot)(Config& config, std::span<const std::string> chosen);
  std::uint64_t most = 0;         // of a count or a number; 0: no bound
  std::string_view choices = {};  // separated by spaces; empty: any text
};

std::span<const Setting> all_settings();
const Setting* find_setting(std::string_view name);  // a plain one, by its whole name

bool is_plain(const Setting& setting);                    // no "*" or "#" in its name
std::string flag_of(const Setting& setting);              // "--limits-body-bytes-max"
std::string environment_name_of(const Setting& setting);  // "SLUICE_LIMITS_BODY_BYTES_MAX"

// Writes `text` (or, for a list, its items) into the setting's place. The error says what was expected.
base::Status assign(const Setting& setting, Config& config, std::span<const std::string> chosen,
                    const std::vector<std::string>& texts);
// The value as a file would write it; secrets masked.
std::string describe_value(const Setting& setting, const Config& config, std::span<const std::string> chosen);

// Names of the settings that differ and cannot change without a restart.
std::vector<std::string> changes_needing_restart(const Config& running, const Config& wanted);

std::string make_config_template();   // `config init`: every setting, commented out
std::string make_config_schema();     // JSON Schema, for editors
std::string make_config_reference();  // Markdown table

}  // namespace sluice::app::server
