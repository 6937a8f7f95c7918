// Completion scripts for shells, written from the same declarations that parse the command line.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>

#include "app/cli/command.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

// Takes down the option names instead of parsing anything.
class Recorder final : public Arguments {
 public:
  void flag(std::string_view names, bool&, std::string_view help) override { take(names, help); }
  void option(std::string_view names, std::string&, std::string_view help) override { take(names, help); }
  void option(std::string_view names, std::uint64_t&, std::string_view help) override { take(names, help); }
  void option(std::string_view names, double&, std::string_view help) override { take(names, help); }
  void options(std::string_view names, std::vector<std::string>&, std::string_view help) override {
    take(names, help);
  }
  void required(std::string_view, std::string&, std::string_view) override {}
  void optional(std::string_view, std::string&, std::string_view) override {}
  void rest(std::string_view, std::vector<std::string>&, std::string_view) override {}

  std::vector<std::pair<std::string, std::string>> taken;  // name and help

 private:
  void take(std::string_view given, std::string_view help) {
    for (std::string_view name : base::split(given, ','))
      if (name.starts_with('-')) taken.emplace_back(name, help);
  }
};

struct Level {
  std::vector<std::pair<std::string, std::string>> words;  // subcommands
  std::vector<std::pair<std::string, std::string>> options;
};

// Words typed so far -> what may follow.
std::map<std::string, Level> describe_levels() {
  std::map<std::string, Level> levels;
  std::set<std::string> known;
  for (const Command& command : all_commands()) {
    if (command.summary.empty()) continue;
    std::string path;
    for (std::string_view word : base::split(command.name, ' ')) {
      const std::string longer = path.empty() ? std::string(word) : fmt::format("{} {}", path, word);
      if (known.insert(longer).second)
        levels[path].words.emplace_back(word, longer == command.name ? command.summary : "");
      path = longer;
    }
    Recorder recorder;
    command.declare(recorder);
    levels[path].options = std::move(recorder.taken);
  }
  return levels;
}

std::string names_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  for (const auto& [name, help] : entries) out += (out.empty() ? "" : " ") + name;
  return out;
}

std::string make_bash_completion() {
  std::string out =
      "# bash completion for sluice: source <(sluice completion bash)\n"
      "_sluice() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path= word words=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] && continue\n"
      "    case \"${path:+$path }$word\" in\n";
  for (const auto& [path, level] : describe_levels())
    if (!path.empty()) out += fmt::format("      '{}') path='{}' ;;\n", path, path);
  out += "    esac\n  done\n  case $path in\n";
  for (const auto& [path, level] : describe_levels())
    out += fmt::format("    '{}') words='{} {} --help' ;;\n", path, names_of(level.words),
                       names_of(level.options));
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -F _sluice sluice\n";
}

std::string make_zsh_completion() {
  // zsh runs bash completions through its own bridge.
  return "#compdef sluice\nautoload -U +X bashcompinit && bashcompinit\n" + make_bash_completion();
}

std::string quote_for_fish(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string make_fish_completion() {
  std::string out = "# fish completion for sluice: sluice completion fish | source\ncomplete -c sluice -f\n";
  for (const auto& [path, level] : describe_levels()) {
    std::string condition = path.empty() ? "__fish_use_subcommand" : "";
    for (std::string_view word : base::split(path, ' '))
      if (!path.empty())
        condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", word);
    for (const auto& [word, help] : level.words)
      out += fmt::format("complete -c sluice -n '{}' -a {} -d {}\n", condition, word, quote_for_fish(help));
    for (const auto& [name, help] : level.options)
      if (name.starts_with("--"))
        out += fmt::format("complete -c sluice -n '{}' -l {} -d {}\n", condition, name.substr(2),
                           quote_for_fish(help));
  }
  return out;
}

}  // namespace

std::function<int()> declare_completion(Arguments& arguments) {
  auto shell = std::make_shared<std::string>();
  arguments.required("SHELL", *shell, "bash, zsh or fish");
  return [shell] {
    if (*shell == "bash") {
      fmt::print("{}", make_bash_completion());
    } else if (*shell == "zsh") {
      fmt::print("{}", make_zsh_completion());
    } else if (*shell == "fish") {
      fmt::print("{}", make_fish_completion());
    } else {
      fmt::print(stderr, "sluice: completion: expected bash, zsh or fish, found '{}'\n", *shell);
      return static_cast<int>(kUsage);
    }
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
