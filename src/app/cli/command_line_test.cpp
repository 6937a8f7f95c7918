#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/cli/command.h"

namespace sluice::app::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

struct Ran {
  int status;
  std::string out;
  std::string error;
};

Ran run(std::vector<const char*> words) {
  words.insert(words.begin(), "sluice");
  CaptureStdout();
  CaptureStderr();
  const int status = run_command_line(static_cast<int>(words.size()), words.data());
  std::fflush(nullptr);
  std::string out = GetCapturedStdout();
  return {status, std::move(out), GetCapturedStderr()};
}

TEST(app_cli_command_line, every_command_has_a_name_of_its_own_and_help) {
  std::set<std::string_view> names;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    if (command.summary.empty()) continue;
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= command.name.size();) {
      const std::size_t end = std::min(command.name.find(' ', at), command.name.size());
      words.emplace_back(command.name.substr(at, end - at));
      at = end + 1;
    }
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    arguments.push_back("--help");
    const Ran help = run(arguments);
    EXPECT_EQ(help.status, kDone) << command.name;
    EXPECT_THAT(help.out, HasSubstr(std::string(command.summary))) << command.name;
  }
}

TEST(app_cli_command_line, wrong_usage_is_two) {
  EXPECT_EQ(run({}).status, kUsage);
  EXPECT_EQ(run({"fly"}).status, kUsage);
  EXPECT_EQ(run({"version", "--fly"}).status, kUsage);
  EXPECT_EQ(run({"keys"}).status, kUsage);
  EXPECT_EQ(run({"keys", "revoke"}).status, kUsage);
  EXPECT_EQ(run({"completion", "csh"}).status, kUsage);
}

TEST(app_cli_command_line, version_is_text_or_json) {
  EXPECT_THAT(run({"version"}).out, testing::StartsWith("sluice "));
  EXPECT_THAT(run({"version", "--json"}).out, testing::MatchesRegex("\\{\"version\":\".*\"\\}\n"));
}

TEST(app_cli_command_line, every_plain_setting_is_a_flag) {
  const std::string help = run({"serve", "--help"}).out;
  for (const char* flag : {"--host", "--port", "--local-only", "--limits-body-bytes-max", "--config"})
    EXPECT_THAT(help, HasSubstr(flag));
}

TEST(app_cli_command_line, a_wrong_value_names_the_flag) {
  const Ran shown = run({"config", "show", "--port", "many", "--config", "/dev/null"});
  EXPECT_EQ(shown.status, kFailed);
  EXPECT_THAT(shown.error, HasSubstr("flag --port: port: expected a whole number, found \"many\""));
}

TEST(app_cli_command_line, completion_knows_commands_and_options) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = run({"completion", shell}).out;
    for (const char* word : {"serve", "revoke", "local-only"}) EXPECT_THAT(script, HasSubstr(word)) << shell;
    EXPECT_THAT(script, Not(HasSubstr("quickstart-ask"))) << shell;
  }
}

}  // namespace
}  // namespace sluice::app::cli
