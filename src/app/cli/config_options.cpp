#include "app/cli/config_options.h"

#include <fmt/format.h>

#include "app/server/settings.h"

namespace sluice::app::cli {

void ConfigOptions::declare_setting(Arguments& arguments, std::string_view name) {
  const server::Setting& setting = *server::find_setting(name);
  Given& given = given_.emplace_back(Given{.name = std::string(name)});
  const std::string help = setting.fallback.empty() ? std::string(setting.help)
                                                    : fmt::format("{} [{}]", setting.help, setting.fallback);
  // A default of false is raised by the bare flag; other settings take a value.
  if (setting.kind == server::Kind::flag && setting.fallback == "false")
    arguments.flag(server::flag_of(setting), given.raised, help);
  else
    arguments.option(server::flag_of(setting), given.text, help);
}

void ConfigOptions::declare(Arguments& arguments, bool with_settings) {
  arguments.option("--config", file_, "configuration file");
  if (!with_settings) return;
  for (const server::Setting& setting : server::all_settings())
    if (server::is_plain(setting)) declare_setting(arguments, setting.name);
}

void ConfigOptions::declare_only(Arguments& arguments, std::span<const std::string_view> settings) {
  arguments.option("--config", file_, "configuration file");
  for (std::string_view name : settings) declare_setting(arguments, name);
}

server::ConfigRequest ConfigOptions::request() const {
  server::ConfigRequest request{.file = file_, .flags = {}};
  for (const Given& given : given_) {
    if (given.raised) request.flags[given.name] = "true";
    if (!given.text.empty()) request.flags[given.name] = given.text;
  }
  return request;
}

base::Result<server::LoadedConfig> ConfigOptions::load() const {
  return server::load_config(request(), server::surroundings_of_process());
}

}  // namespace sluice::app::cli
