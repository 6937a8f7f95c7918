#include "app/server/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/server/access_home.h"
#include "app/server/snapshot.h"

namespace sluice::app::server {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
namespace fs = std::filesystem;

// One blocking request on a connection of its own; the whole answer, or "" when nobody listens.
std::string get(std::uint16_t port, const std::string& target, const std::string& key = "") {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  std::string answer;
  if (connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                                (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") + "\r\n";
    EXPECT_EQ(send(file, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(file, buffer, sizeof(buffer), 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
  }
  close(file);
  return answer;
}

class app_server_server : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sluice-server-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    world_.working_directory = folder_.string();
    world_.environment = {{"HOME", folder_.string()}, {"SLUICE_HOME", (folder_ / "home").string()}};
    yaml_ = "port: 0\nloops: 1\nthreads: 1\nlimits: {drain_timeout: 1s}\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  base::Result<LoadedConfig> load() {
    std::ofstream(folder_ / "sluice.yaml") << yaml_;
    return load_config({}, world_);
  }
  base::Result<std::unique_ptr<Server>> start(bool on_terminal = false) {
    said_.clear();
    auto loaded = load();
    if (!loaded) return base::fail(std::move(loaded).error());
    return Server::start(*loaded, world_, on_terminal,
                         [this](const std::string& line) { said_.push_back(line); });
  }
  std::string first_key() {
    std::ifstream in(folder_ / "home/first-key");
    std::string key;
    std::getline(in, key);
    return key;
  }

  fs::path folder_;
  Surroundings world_;
  std::string yaml_;
  std::vector<std::string> said_;
};

TEST_F(app_server_server, answers_and_drains) {
  auto server = start();
  ASSERT_TRUE(server) << server.error().message;
  const std::uint16_t port = (*server)->port();
  ASSERT_NE(port, 0);
  EXPECT_THAT(said_, Contains("listening on http://127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(said_, Contains("default route: preferred"));
  EXPECT_THAT(get(port, "/livez"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get(port, "/v1/models"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(get(port, "/v1/models", first_key()), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE((*server)->drain());
  EXPECT_THAT(get(port, "/livez"), IsEmpty());
}

TEST_F(app_server_server, shows_the_first_key_once) {
  auto server = start(true);
  ASSERT_TRUE(server) << server.error().message;
  ASSERT_THAT(said_, Contains(StartsWith("key: sk-sluice-")));
  EXPECT_FALSE(fs::exists(folder_ / "home/first-key"));
  server->reset();
  server = start(true);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT(said_, Not(Contains(StartsWith("key:")))) << "keys exist already";
}

TEST_F(app_server_server, writes_the_first_key_for_its_owner_alone) {
  fs::create_directories(folder_ / "home");
  // Something that stands in the way of the file, or points elsewhere, is replaced and not followed.
  fs::create_symlink(folder_ / "elsewhere", folder_ / "home/first-key");
  ASSERT_TRUE(start());
  struct stat file{};
  ASSERT_EQ(lstat((folder_ / "home/first-key").c_str(), &file), 0);
  EXPECT_TRUE(S_ISREG(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
  EXPECT_THAT(first_key(), StartsWith("sk-sluice-"));
  for (const std::string& line : said_) EXPECT_THAT(line, Not(HasSubstr(first_key())));
}

TEST_F(app_server_server, takes_a_preset_key_and_makes_none) {
  world_.environment["SLUICE_API_KEY"] = "sk-sluice-preset-preset-preset";
  auto server = start(true);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT(said_, Not(Contains(StartsWith("key:"))));
  EXPECT_THAT(get((*server)->port(), "/v1/models", "sk-sluice-preset-preset-preset"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(app_server_server, refuses_to_be_reachable_without_a_key) {
  yaml_ += "host: 0.0.0.0\nauth: false\n";
  const auto server = start();
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message,
              HasSubstr("host 0.0.0.0 is reachable from other machines and auth is off"));
}

TEST_F(app_server_server, says_which_variable_switched_a_provider_on) {
  world_.environment["GROQ_API_KEY"] = "gsk-secret";
  ASSERT_TRUE(start());
  EXPECT_THAT(said_, Contains(HasSubstr("GROQ_API_KEY")));
  for (const std::string& line : said_) EXPECT_THAT(line, Not(HasSubstr("gsk-secret")));
}

TEST_F(app_server_server, reload_is_all_or_nothing) {
  auto server = start();
  ASSERT_TRUE(server) << server.error().message;
  yaml_ += "log_level: debug\n";
  ASSERT_TRUE((*server)->reload(*load(), world_));

  yaml_ += "unix_socket: /tmp/other\nmodels_dir: /tmp\n";
  const auto refused = (*server)->reload(*load(), world_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, StartsWith("unix_socket, models_dir cannot change without a restart"));

  yaml_ = "port: 0\nloops: 1\nthreads: 1\nlimits: {drain_timeout: 1s}\ndefault_route: nowhere\n";
  const auto wrong = (*server)->reload(*load(), world_);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("default_route: expected a route word"));
  EXPECT_THAT(get((*server)->port(), "/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(app_server_server, a_taken_port_is_an_error_with_its_number) {
  auto first = start();
  ASSERT_TRUE(first) << first.error().message;
  yaml_ = "port: " + std::to_string((*first)->port()) + "\nloops: 1\nthreads: 1\n";
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string((*first)->port())));
}

}  // namespace
}  // namespace sluice::app::server
