#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "app/cli/command.h"
#include "base/strings.h"
#include "base/without_memory.h"

namespace sluice::app::cli {
namespace {

class ParsedArguments final : public Arguments {
 public:
  explicit ParsedArguments(CLI::App& app) : app_(app) {}

  void flag(std::string_view names, bool& value, std::string_view help) override {
    app_.add_flag(std::string(names), value, std::string(help));
  }
  void option(std::string_view names, std::string& value, std::string_view help) override {
    app_.add_option(std::string(names), value, std::string(help))->type_name("TEXT");
  }
  void option(std::string_view names, std::uint64_t& value, std::string_view help) override {
    app_.add_option(std::string(names), value, std::string(help))->type_name("NUMBER");
  }
  void option(std::string_view names, double& value, std::string_view help) override {
    app_.add_option(std::string(names), value, std::string(help))->type_name("NUMBER");
  }
  void options(std::string_view names, std::vector<std::string>& values, std::string_view help) override {
    app_.add_option(std::string(names), values, std::string(help))
        ->type_name("TEXT")
        ->allow_extra_args(false);
  }
  void required(std::string_view name, std::string& value, std::string_view help) override {
    app_.add_option(std::string(name), value, std::string(help))->required()->type_name("");
  }
  void optional(std::string_view name, std::string& value, std::string_view help) override {
    app_.add_option(std::string(name), value, std::string(help))->type_name("");
  }
  void rest(std::string_view name, std::vector<std::string>& values, std::string_view help) override {
    app_.add_option(std::string(name), values, std::string(help))->type_name("");
  }

 private:
  CLI::App& app_;
};

// The parsed tree: one CLI::App for each word of a command's name.
class Tree {
 public:
  Tree() : root_("One endpoint over every inference provider and the model on this machine.", "sluice") {
    root_.set_version_flag("--version", SLUICE_VERSION);
    root_.require_subcommand(1);
    for (const Command& command : all_commands()) add(command);
  }

  CLI::App& root() { return root_; }

  // Null when the words name only a group ("sluice keys").
  const std::function<int()>* chosen() const {
    const CLI::App* app = &root_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    const auto found = runs_.find(app);
    return found == runs_.end() ? nullptr : &found->second;
  }

 private:
  void add(const Command& command) {
    CLI::App* app = &root_;
    for (std::string_view word : base::split(command.name, ' ')) app = child(*app, std::string(word));
    app->description(std::string(command.summary));
    if (command.summary.empty()) app->group("");
    app->require_subcommand(0);
    ParsedArguments arguments(*app);
    runs_[app] = command.declare(arguments);
  }

  static CLI::App* child(CLI::App& parent, const std::string& word) {
    for (CLI::App* known : parent.get_subcommands([&](CLI::App* app) { return app->get_name() == word; }))
      return known;
    CLI::App* made = parent.add_subcommand(word, fmt::format("see sluice {} --help", word));
    made->require_subcommand(1);
    return made;
  }

  CLI::App root_;
  std::map<const CLI::App*, std::function<int()>> runs_;
};

}  // namespace

int report(const base::Error& error) {
  fmt::print(stderr, "sluice: {}\n", error.message);
  return kFailed;
}

int run_command_line(int argc, const char* const* argv) {
  Tree tree;
  try {
    tree.root().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tree.root().exit(error) == 0 ? kDone : kUsage;
  }
  const std::function<int()>* run = tree.chosen();
  if (run == nullptr) {
    fmt::print(stderr, "{}", tree.root().help());
    return kUsage;
  }
  const auto status = base::refuse_without_memory([&]() -> base::Result<int> { return (*run)(); });
  return status ? *status : report(status.error());
}

}  // namespace sluice::app::cli
