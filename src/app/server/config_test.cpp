#include "app/server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "app/server/limits.h"
#include "app/server/settings.h"

namespace sluice::app::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class app_server_config : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sluice-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    world_.working_directory = folder_.string();
    world_.environment = {{"HOME", folder_.string()}};
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  base::Result<LoadedConfig> load(std::map<std::string, std::string> flags = {},
                                  const std::string& file = "") {
    return load_config({.file = file, .flags = std::move(flags)}, world_);
  }
  // The message of the refusal that `yaml` gets.
  std::string refuse(const std::string& yaml) {
    write("sluice.yaml", yaml);
    const auto loaded = load();
    return loaded ? "accepted" : loaded.error().message;
  }
  Config accept(const std::string& yaml) {
    write("sluice.yaml", yaml);
    auto loaded = load();
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? loaded->config : Config{};
  }
  static std::string source_of(const LoadedConfig& loaded, const std::string& name) {
    for (const Origin& origin : loaded.origins)
      if (origin.name == name) return origin.source;
    return "none";
  }

  fs::path folder_;
  Surroundings world_;
};

TEST_F(app_server_config, works_without_any_configuration) {
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.host, "127.0.0.1");
  EXPECT_EQ(loaded->config.port, 8484U);
  EXPECT_TRUE(loaded->config.auth);
  EXPECT_FALSE(loaded->config.local_only);
  EXPECT_EQ(loaded->file, "");
}

TEST_F(app_server_config, flags_win_over_environment_over_file_over_defaults) {
  write("sluice.yaml", "port: 1\nloops: 1\nthreads: 1\n");
  world_.environment["SLUICE_PORT"] = "2";
  world_.environment["SLUICE_LOOPS"] = "2";
  const auto loaded = load({{"port", "3"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.port, 3U);
  EXPECT_EQ(loaded->config.loops, 2U);
  EXPECT_EQ(loaded->config.threads, 1U);
  EXPECT_EQ(source_of(*loaded, "port"), "flag --port");
  EXPECT_EQ(source_of(*loaded, "loops"), "environment SLUICE_LOOPS");
  EXPECT_EQ(source_of(*loaded, "threads"), "sluice.yaml:3");
  EXPECT_EQ(source_of(*loaded, "host"), "default");
}

TEST_F(app_server_config, reads_exactly_one_file_in_the_documented_order) {
  write(".config/sluice/sluice.yaml", "port: 1\nloops: 5\n");
  EXPECT_EQ(load()->config.port, 1U);
  write("sluice.yaml", "port: 2\n");
  EXPECT_EQ(load()->config.port, 2U);
  EXPECT_EQ(load()->config.loops, 0U) << "the second file was read as well";
  write("third.yaml", "port: 3\n");
  world_.environment["SLUICE_CONFIG"] = "third.yaml";
  EXPECT_EQ(load()->config.port, 3U);
  write("fourth.yaml", "port: 4\n");
  EXPECT_EQ(load({}, "fourth.yaml")->config.port, 4U);
  const auto missing = load({}, "none.yaml");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("none.yaml: no such file"));
}

TEST_F(app_server_config, refuses_unknown_keys_with_line_and_near_name) {
  EXPECT_EQ(refuse("host: 127.0.0.1\nlocal_onyl: true\n"),
            "sluice.yaml:2: local_onyl: no such setting; did you mean local_only?");
  EXPECT_THAT(refuse("limits:\n  body_bytes: 3\n"), HasSubstr("did you mean body_bytes_max?"));
  EXPECT_THAT(refuse("providers:\n  groq:\n    apikey: x\n"), HasSubstr("providers.groq.apikey"));
  EXPECT_THAT(refuse("zzz: 1\n"), HasSubstr("known here: host, port"));
}

TEST_F(app_server_config, resolves_env_and_file_anywhere) {
  write("secrets/key", "  gsk-123\n");
  world_.environment["MY_KEY"] = "gsk-456";
  world_.environment["MY_PORT"] = "99";
  const Config config = accept(
      "port: env:MY_PORT\nproviders: {groq: {api_key: file:secrets/key}}\nallowed_hosts: [env:MY_KEY, b]\n");
  EXPECT_EQ(config.port, 99U);
  EXPECT_EQ(config.providers.at("groq").api_key, "gsk-123");
  EXPECT_THAT(config.allowed_hosts, ::testing::ElementsAre("gsk-456", "b"));
  EXPECT_EQ(refuse("providers:\n  groq:\n    api_key: env:NOT_THERE\n"),
            "sluice.yaml:3: providers.groq.api_key: environment variable NOT_THERE is not set");
  EXPECT_THAT(refuse("api_key: file:nowhere\n"), HasSubstr("nowhere: no such file"));
}

TEST_F(app_server_config, secrets_in_files_have_their_edge) {
  write("key", std::string(kSecretFileBytesMax, 'x'));
  EXPECT_EQ(accept("api_key: file:key\n").api_key.size(), kSecretFileBytesMax);
  write("key", std::string(kSecretFileBytesMax + 1, 'x'));
  EXPECT_THAT(refuse("api_key: file:key\n"), HasSubstr("larger than"));
}

TEST_F(app_server_config, takes_secrets_from_a_file_variable) {
  write("k", "sk-sluice-from-a-file\n");
  world_.environment["SLUICE_API_KEY_FILE"] = (folder_ / "k").string();
  EXPECT_EQ(load()->config.api_key, "sk-sluice-from-a-file");
}

TEST_F(app_server_config, never_shows_a_secret) {
  write("sluice.yaml", "api_key: hunter2-hunter2\nproviders:\n  groq:\n    api_key: gsk-hunter3\n");
  for (const Origin& origin : load()->origins) {
    EXPECT_THAT(origin.value, Not(HasSubstr("hunter"))) << origin.name;
  }
}

TEST_F(app_server_config, avoids_the_typing_traps_of_yaml) {
  const Config config = accept(
      "auth: No\nmodels:\n  no:\n    routes:\n      - provider: 1.10\n        model: 1e3\n  \"2024-01-01\":\n"
      "    routes: [{provider: on, model: 0x10}]\n");
  EXPECT_FALSE(config.auth);
  EXPECT_EQ(config.models.at("no").routes.at(0).provider, "1.10");
  EXPECT_EQ(config.models.at("no").routes.at(0).model, "1e3");
  EXPECT_EQ(config.models.at("2024-01-01").routes.at(0).provider, "on");
  EXPECT_EQ(config.models.at("2024-01-01").routes.at(0).model, "0x10");
  for (const char* port : {"010", "1_000", "0x50", "1:30", "8e3", "-1", "+1", "1.0", "\"\"", "65536", "true"})
    EXPECT_THAT(refuse(std::string("port: ") + port), HasSubstr("expected a whole number")) << port;
}

TEST_F(app_server_config, wishes_are_a_mapping) {
  world_.environment["PRIVACY"] = "true";
  const Config config = accept(R"(
wishes: {sort: price, hedge: {quantile: 0.97}, zdr: env:PRIVACY}
models:
  fast:
    routes: [{provider: groq}]
    wishes:
      policy: fastest
      only: [groq, "device"]
      max_cost_usd: 0.01
      regions: [010, "no"]
      explain: ~
)");
  EXPECT_EQ(config.wishes, R"({"sort":"price","hedge":{"quantile":0.97},"zdr":true})");
  EXPECT_EQ(
      config.models.at("fast").wishes,
      R"({"policy":"fastest","only":["groq","device"],"max_cost_usd":0.01,"regions":["010","no"],"explain":null})");
  EXPECT_EQ(accept("wishes: {}\n").wishes, "");
  EXPECT_EQ(load({{"wishes", R"({"zdr":true})"}})->config.wishes, R"({"zdr":true})") << "a flag is JSON";
}

TEST_F(app_server_config, wishes_of_another_shape_are_refused) {
  EXPECT_THAT(refuse("port: 1\nwishes: '{\"sort\":\"price\"}'\n"),
              HasSubstr("sluice.yaml:2: wishes: expected a mapping, such as {sort: price}, found text"));
  EXPECT_THAT(refuse("models: {m: {wishes: [price]}}\n"), HasSubstr("models.m.wishes: expected a mapping"));
  EXPECT_THAT(refuse("wishes:\n"), HasSubstr("has no value"));
  EXPECT_THAT(refuse("wishes: {zdr: env:NOT_THERE}\n"), HasSubstr("NOT_THERE is not set"));
}

TEST_F(app_server_config, reads_units) {
  const Config config =
      accept("limits: {body_bytes_max: 20 MB, connections_max: 7, idle_timeout: 90s, drain_timeout: 0s}");
  EXPECT_EQ(config.limits.body_bytes_max, 20'000'000U);
  EXPECT_EQ(config.limits.connections_max, 7U);
  EXPECT_EQ(config.limits.idle_timeout, std::chrono::seconds(90));
  EXPECT_EQ(config.limits.drain_timeout, std::chrono::seconds(0));
  EXPECT_THAT(refuse("limits: {idle_timeout: 90}"), HasSubstr("a time with its unit, such as 30s"));
  EXPECT_THAT(refuse("limits: {idle_timeout: 99999999999999h}"), HasSubstr("a time with its unit"));
  EXPECT_THAT(refuse("limits: {body_bytes_max: lots}"), HasSubstr("bytes, such as 16MiB"));
}

TEST_F(app_server_config, refuses_empty_values_but_allows_empty_sections) {
  EXPECT_THAT(refuse("host:\n"), HasSubstr("host: has no value"));
  EXPECT_EQ(accept("limits:\nproviders:\n").port, 8484U);
  EXPECT_EQ(accept("# nothing but a comment\n").port, 8484U);
  EXPECT_EQ(accept("host: \"\"\nunix_socket: /tmp/s\n").host, "");
}

TEST_F(app_server_config, refuses_a_misspelt_variable) {
  world_.environment["SLUICE_LOCALONLY"] = "1";
  EXPECT_THAT(load().error().message, HasSubstr("did you mean SLUICE_LOCAL_ONLY?"));
  world_.environment.erase("SLUICE_LOCALONLY");
  world_.environment["SLUICE_QQQQQQQQ"] = "1";
  ASSERT_TRUE(load());
  EXPECT_THAT(load()->warnings, ::testing::Contains(HasSubstr("SLUICE_QQQQQQQQ")));
}

TEST_F(app_server_config, survives_the_variables_that_kubernetes_injects) {
  world_.environment["SLUICE_PORT"] = "tcp://10.0.0.1:80";
  world_.environment["SLUICE_PORT_80_TCP_ADDR"] = "10.0.0.1";
  world_.environment["SLUICE_SERVICE_HOST"] = "10.0.0.1";
  ASSERT_TRUE(load()) << load().error().message;
  EXPECT_EQ(load()->config.port, 8484U);
}

TEST_F(app_server_config, checks_what_settings_say_together) {
  EXPECT_EQ(refuse("tls: {cert: a}"), "tls.cert: needs tls.key as well");
  EXPECT_THAT(refuse("host: \"\""), HasSubstr("nothing to listen on"));
  EXPECT_THAT(refuse("models: {a: {routes: [{model: x}]}}"),
              HasSubstr("models.a.routes.0: names no provider"));
  EXPECT_THAT(refuse("log_level: loud"), HasSubstr("expected one of: debug info warning error"));
}

TEST_F(app_server_config, names_what_needs_a_restart) {
  const Config before = accept("port: 1\n");
  const Config after =
      accept("port: 2\nhost: 127.0.0.2\nlog_level: debug\nproviders: {groq: {api_key: x}}\n");
  EXPECT_THAT(changes_needing_restart(before, after), ::testing::ElementsAre("host", "port"));
  EXPECT_THAT(changes_needing_restart(before, before), ::testing::IsEmpty());
}

TEST_F(app_server_config, its_own_template_is_good_and_changes_nothing) {
  write("sluice.yaml", make_config_template());
  const auto commented = load();
  ASSERT_TRUE(commented) << commented.error().message;
  std::string bare;
  for (std::string rest = make_config_template(); !rest.empty();) {
    const std::string line = rest.substr(0, rest.find('\n'));
    rest.erase(0, line.size() + 1);
    const bool prose = line.size() > 2 && line[1] == ' ' && line[2] != ' ';
    bare += prose || line.empty() ? "\n" : line.substr(1) + "\n";
  }
  world_.environment["MY_GROQ_KEY"] = "gsk";
  write("sluice.yaml", bare);
  const auto uncommented = load();
  ASSERT_TRUE(uncommented) << uncommented.error().message << "\n" << bare;
  for (const Setting& setting : all_settings()) {
    if (!is_plain(setting)) continue;
    EXPECT_EQ(describe_value(setting, uncommented->config, {}),
              describe_value(setting, commented->config, {}));
  }
  EXPECT_EQ(uncommented->config.models.at("assistant").routes.size(), 2U);
}

TEST_F(app_server_config, committed_documents_are_current) {
  for (const auto& [file, text] : {std::pair{"config.schema.json", make_config_schema()},
                                   std::pair{"configuration.md", make_config_reference()}}) {
    std::ifstream in(fs::path(SLUICE_SOURCE_DIR) / "docs/reference" / file);
    const std::string committed{std::istreambuf_iterator<char>(in), {}};
    EXPECT_TRUE(committed == text) << file << " is stale: run tools/make_reference";
  }
}

TEST_F(app_server_config, homes_follow_the_environment) {
  EXPECT_EQ(home_directory(world_), (folder_ / ".local/state/sluice").string());
  world_.environment["XDG_STATE_HOME"] = "/x";
  EXPECT_EQ(home_directory(world_), "/x/sluice");
  world_.environment["SLUICE_HOME"] = "/y";
  EXPECT_EQ(home_directory(world_), "/y");
}

}  // namespace
}  // namespace sluice::app::server
