// The flags that the table of settings gives to every command that reads the configuration.
#pragma once

#include <list>
#include <memory>

#include "app/cli/command.h"
#include "app/server/config.h"

namespace sluice::app::cli {

// Declares --config and, when `with_settings`, one flag for each plain setting. Keep it until load().
class ConfigOptions {
 public:
  void declare(Arguments& arguments, bool with_settings = true);
  void declare_only(Arguments& arguments, std::span<const std::string_view> settings);
  base::Result<server::LoadedConfig> load() const;
  server::ConfigRequest request() const;

 private:
  struct Given {
    std::string name;
    std::string text = {};
    bool raised = false;  // of a setting that is true or false
  };
  void declare_setting(Arguments& arguments, std::string_view name);

  std::string file_;
  std::list<Given> given_;  // addresses are bound to the parser
};

}  // namespace sluice::app::cli
