// The subcommands of `sluice`, one file each.
#include "app/cli/command.h"

namespace sluice::app::cli {

std::function<int()> declare_version(Arguments& arguments);

namespace {

constexpr Command kCommands[] = {
    {"version", "print the version", declare_version},
};

}  // namespace

std::span<const Command> all_commands() {
  return kCommands;
}

}  // namespace sluice::app::cli
