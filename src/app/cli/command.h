// A subcommand of `sluice`: a name, one line of help, the options it declares and what it runs. To add one,
// write one file and a row in all_commands.cpp. Only command_line.cpp knows the argument-parsing library, so
// a command costs nothing to compile; completion walks the same declarations.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::app::cli {

// What scripts rely on.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kPrerequisiteMissing = 3,
};

// What a command declares. Every reference must live until the command has run; names are written as on the
// command line ("--json", "-q,--quiet"), positional ones in capitals as help shows them ("MODEL").
class Arguments {
 public:
  virtual ~Arguments() = default;
  virtual void flag(std::string_view names, bool& value, std::string_view help) = 0;
  virtual void option(std::string_view names, std::string& value, std::string_view help) = 0;
  virtual void option(std::string_view names, std::uint64_t& value, std::string_view help) = 0;
  virtual void option(std::string_view names, double& value, std::string_view help) = 0;
  virtual void options(std::string_view names, std::vector<std::string>& values, std::string_view help) = 0;
  virtual void required(std::string_view name, std::string& value, std::string_view help) = 0;
  virtual void optional(std::string_view name, std::string& value, std::string_view help) = 0;
  virtual void rest(std::string_view name, std::vector<std::string>& values, std::string_view help) = 0;
};

struct Command {
  std::string_view name;     // "serve", "keys create": a space makes a subcommand of a subcommand
  std::string_view summary;  // one line; empty keeps it out of help and completion
  // Declares the options and returns what runs once they are parsed; its result is the exit code.
  std::function<int()> (*declare)(Arguments& arguments);
};

// In the order help shows them.
std::span<const Command> all_commands();

// Parses the command line and runs one command. Prints help and usage errors itself.
int run_command_line(int argc, const char* const* argv);

// Prints "sluice: <message>" on standard error and returns kFailed.
int report(const base::Error& error);

}  // namespace sluice::app::cli
