#include "hub/credentials/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "hub/credentials/limits.h"
#include "hub/credentials/test_account.h"

namespace sluice::hub::credentials {
namespace {

using catalog::Catalog;
using catalog::ProviderSettings;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Variables = std::map<std::string, std::string, std::less<>>;

base::Result<Enablement> enable(const Variables& variables,
                                const std::vector<ProviderSettings>& settings = {},
                                const Outside& outside = {}) {
  const Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  const auto catalog = Catalog::with(settings, environment);
  EXPECT_TRUE(catalog);
  return enable_providers(**catalog, settings, environment, outside);
}

ProviderSettings settings_for(std::string id, std::optional<bool> enabled = {},
                              std::optional<std::string> key = {}) {
  ProviderSettings settings;
  settings.id = std::move(id);
  settings.enabled = enabled;
  settings.api_key = std::move(key);
  return settings;
}

std::string sent_by(const EnabledProvider& provider, std::string_view header = "authorization") {
  http::Headers headers;
  EXPECT_TRUE(provider.credentials.front().credential.apply(headers));
  return std::string(headers.find(header).value_or("(none)"));
}

TEST(hub_credentials_credentials, switches_on_by_the_usual_variable_and_says_so) {
  const auto enablement = enable({{"GROQ_API_KEY", "gsk_1\n"}, {"CLARIFAI_PAT", "pat"}, {"UNRELATED", "x"}});
  ASSERT_TRUE(enablement);
  EXPECT_THAT(enablement->ids(), ElementsAre("clarifai", "groq"));
  EXPECT_EQ(describe(*enablement->find("groq")), "provider groq: on (GROQ_API_KEY)");
  EXPECT_EQ(sent_by(*enablement->find("groq")), "Bearer gsk_1");
  EXPECT_EQ(sent_by(*enablement->find("clarifai")), "Key pat");
  EXPECT_EQ(enablement->find("openai"), nullptr);
}

TEST(hub_credentials_credentials, configuration_goes_before_the_environment) {
  const auto enablement = enable({{"GROQ_API_KEY", "from-env"}, {"OPENAI_API_KEY", "sk-1"}},
                                 {settings_for("groq", {}, "from-config"), settings_for("openai", false)});
  ASSERT_TRUE(enablement);
  EXPECT_THAT(enablement->ids(), ElementsAre("groq"));
  EXPECT_EQ(sent_by(*enablement->find("groq")), "Bearer from-config");
  EXPECT_EQ(describe(*enablement->find("groq")), "provider groq: on (providers.groq.api_key)");
}

TEST(hub_credentials_credentials, hf_token_pays_only_when_enabled_by_name) {
  const auto silent = enable({{"HF_TOKEN", "hf_x"}});
  ASSERT_TRUE(silent);
  EXPECT_THAT(silent->providers, IsEmpty());
  ASSERT_EQ(silent->notes.size(), 2U) << "hf-router and hf-inference";
  for (const std::string& note : silent->notes)
    EXPECT_THAT(note, HasSubstr("HF_TOKEN is set, but it pays for this provider only with"));
  const auto named = enable({{"HF_TOKEN", "hf_x"}}, {settings_for("hf-router", true)});
  ASSERT_TRUE(named);
  EXPECT_THAT(named->ids(), ElementsAre("hf-router"));
}

TEST(hub_credentials_credentials, local_servers_are_enabled_by_name_only) {
  EXPECT_THAT(enable({})->providers, IsEmpty());
  const auto named = enable({}, {settings_for("ollama", true)});
  ASSERT_TRUE(named);
  EXPECT_THAT(named->ids(), ElementsAre("ollama"));
  EXPECT_EQ(sent_by(*named->find("ollama")), "(none)");
  EXPECT_EQ(describe(*named->find("ollama")), "provider ollama: on (providers.ollama.enabled)");
  EXPECT_EQ(sent_by(*enable({}, {settings_for("ollama", {}, "k")})->find("ollama")), "Bearer k");
}

TEST(hub_credentials_credentials, never_sends_a_key_of_our_own) {
  // The shell of somebody who pointed an SDK at sluice: the variable holds *our* key.
  const auto enablement =
      enable({{"OPENAI_API_KEY", "sk-sluice-abc"}, {"OPENAI_BASE_URL", "http://127.0.0.1:8484/v1"}});
  ASSERT_TRUE(enablement);
  EXPECT_THAT(enablement->providers, IsEmpty());
  ASSERT_EQ(enablement->notes.size(), 1U);
  EXPECT_THAT(enablement->notes[0], HasSubstr("OPENAI_API_KEY cannot be used: it is a key of sluice itself"));
  EXPECT_THAT(enablement->notes[0], testing::Not(HasSubstr("abc")));

  const auto configured = enable({}, {settings_for("openai", {}, "sk-sluice-abc")});
  ASSERT_FALSE(configured);
  EXPECT_THAT(configured.error().message, HasSubstr("providers.openai.api_key"));
  EXPECT_THAT(configured.error().message, testing::Not(HasSubstr("abc")));
}

TEST(hub_credentials_credentials, another_sluice_may_be_a_provider) {
  ProviderSettings other = settings_for("other-hub", {}, "sk-sluice-theirs");
  other.dialect = "openai";
  other.base_url = "https://hub.example/v1";
  const Outside outside{.is_own_key = [](std::string_view secret) { return secret == "sk-sluice-ours"; }};
  const auto theirs = enable({}, {other}, outside);
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_EQ(sent_by(*theirs->find("other-hub")), "Bearer sk-sluice-theirs");
  other.api_key = "sk-sluice-ours";
  const auto ours = enable({}, {other}, outside);
  ASSERT_FALSE(ours);
  EXPECT_EQ(ours.error().message,
            "providers.other-hub.api_key cannot be used: it is a key of sluice itself, which is "
            "never sent to a provider");
  // A key that we issued need not look like one: SLUICE_API_KEY presets any text.
  const Outside preset{.is_own_key = [](std::string_view secret) { return secret == "house-key"; }};
  EXPECT_FALSE(enable({}, {settings_for("groq", {}, "house-key")}, preset));
  EXPECT_THAT(enable({{"GROQ_API_KEY", "house-key"}}, {}, preset)->providers, IsEmpty());
}

TEST(hub_credentials_credentials, a_server_of_the_users_own_may_need_no_key) {
  ProviderSettings own = settings_for("box", true);
  own.dialect = "openai";
  own.base_url = "http://10.0.0.7:8000/v1";
  const auto enablement = enable({}, {own});
  ASSERT_TRUE(enablement) << enablement.error().message;
  EXPECT_EQ(sent_by(*enablement->find("box")), "(none)");
  EXPECT_EQ(describe(*enablement->find("box")), "provider box: on (providers.box.enabled)");
}

TEST(hub_credentials_credentials, takes_several_keys_with_weights) {
  ProviderSettings groq = settings_for("groq");
  groq.api_keys = {{.key = "one", .weight = 3}, {.key = "two", .weight = 1}};
  const auto enablement = enable({{"GROQ_API_KEY", "from-env"}}, {groq});
  ASSERT_TRUE(enablement) << enablement.error().message;
  const EnabledProvider& enabled = *enablement->find("groq");
  ASSERT_EQ(enabled.credentials.size(), 2U);
  EXPECT_EQ(enabled.credentials[0].weight, 3U);
  EXPECT_EQ(describe(enabled), "provider groq: on (providers.groq.api_keys: 2)");
  EXPECT_EQ(enabled.credentials[0].credential.id().find("one"), std::string::npos);

  const auto complaint = [&] {
    const auto refused = enable({}, {groq});
    return refused ? "" : refused.error().message;
  };
  groq.api_keys[1].weight = 0;
  EXPECT_EQ(complaint(), "providers.groq.api_keys.1: weight: expected 1 to 1000, found 0");
  groq.api_keys[1].weight = kWeightMax;
  EXPECT_EQ(complaint(), "");
  groq.api_keys[1].weight = kWeightMax + 1;
  EXPECT_THAT(complaint(), HasSubstr("expected 1 to 1000"));
  groq.api_keys[1] = {.key = "one", .weight = 1};
  EXPECT_EQ(complaint(), "providers.groq.api_keys.1: the same key is given twice");
  groq.api_keys[1].key = "a b";
  EXPECT_THAT(complaint(), HasSubstr("providers.groq.api_keys.1 cannot be used: it holds spaces"));
  groq.api_keys[1].key = "two";
  groq.api_key = "three";
  EXPECT_EQ(complaint(), "providers.groq: give api_key or api_keys, not both");
  groq.api_key.reset();
  groq.api_keys.clear();
  for (std::size_t i = 0; i < kCredentialsOfProviderMax; ++i)
    groq.api_keys.push_back({.key = "k" + std::to_string(i), .weight = 1});
  EXPECT_EQ(complaint(), "");
  groq.api_keys.push_back({.key = "more", .weight = 1});
  EXPECT_EQ(complaint(), "providers.groq.api_keys: expected at most 64, found 65");
}

TEST(hub_credentials_credentials, reads_a_service_accounts_file_only_when_named) {
  const std::string file = make_test_account_file("https://oauth2.googleapis.com/token");
  std::vector<std::string> read;
  const Outside outside{.read_file = [&](std::string_view path) -> base::Result<std::string> {
    read.emplace_back(path);
    if (path == "/keys/a.json") return file;
    return base::fail(base::ErrorCode::not_found, "{}: no such file", path);
  }};
  Variables variables{{"GOOGLE_APPLICATION_CREDENTIALS", "/keys/a.json"},
                      {"GOOGLE_CLOUD_LOCATION", "europe-west4"}};
  const auto silent = enable(variables, {}, outside);
  ASSERT_TRUE(silent);
  EXPECT_THAT(silent->providers, IsEmpty());
  EXPECT_THAT(read, IsEmpty());

  const auto named = enable(variables, {settings_for("vertex-gemini", true)}, outside);
  ASSERT_TRUE(named) << named.error().message;
  const EnabledProvider* vertex = named->find("vertex-gemini");
  ASSERT_NE(vertex, nullptr);
  EXPECT_NE(vertex->credentials[0].credential.account(), nullptr);
  EXPECT_THAT(vertex->provider->unresolved, IsEmpty()) << "the file tells the project";
  EXPECT_THAT(vertex->provider->primary().paths.at(tasks::Kind::chat), HasSubstr("/projects/proj-1/"));
  http::Headers headers;
  EXPECT_FALSE(vertex->credentials[0].credential.apply(headers)) << "nothing is sent without a token";
  ASSERT_TRUE(vertex->credentials[0].credential.apply(headers, "tok"));
  EXPECT_EQ(headers.find("authorization"), "Bearer tok");

  // The file's text as api_key (file:PATH), and a token of the user's own.
  EXPECT_TRUE(enable(variables, {settings_for("vertex-gemini", {}, file)}, outside));
  variables["GOOGLE_CLOUD_PROJECT"] = "p";
  const auto own = enable(variables, {settings_for("vertex-gemini", {}, "ya29.token")}, outside);
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(sent_by(*own->find("vertex-gemini")), "Bearer ya29.token");

  variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/keys/b.json";
  const auto missing = enable(variables, {settings_for("vertex-gemini", true)}, outside);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("providers.vertex-gemini.enabled: no key"));
}

TEST(hub_credentials_credentials, never_switches_on_what_cannot_be_asked) {
  const auto silent = enable({{"FAL_KEY", "k"}, {"AWS_BEARER_TOKEN_BEDROCK", "b"}});
  ASSERT_TRUE(silent);
  EXPECT_THAT(silent->providers, IsEmpty());
  EXPECT_THAT(
      silent->notes,
      ElementsAre(
          "provider aws-bedrock: off: AWS_BEARER_TOKEN_BEDROCK is set, but its address is not complete: "
          "set providers.aws-bedrock.variables.region or AWS_REGION",
          HasSubstr("provider fal-ai: off: FAL_KEY is set, but not built yet: its protocol")));
  const auto named = enable({}, {settings_for("fal-ai", {}, "k")});
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().message, HasSubstr("providers.fal-ai: cannot be switched on: not built yet"));
}

TEST(hub_credentials_credentials, takes_no_address_from_the_environment) {
  const auto enablement =
      enable({{"OPENAI_API_KEY", "sk-1"}, {"OPENAI_BASE_URL", "https://elsewhere.example"}});
  ASSERT_TRUE(enablement);
  EXPECT_EQ(enablement->find("openai")->provider->primary().base_url, "https://api.openai.com");
}

TEST(hub_credentials_credentials, refuses_secrets_that_cannot_be_sent) {
  for (const char* secret : {"", "a b", "a\r\nx-evil: 1", "caf\xC3\xA9"}) {
    EXPECT_FALSE(enable({}, {settings_for("groq", {}, secret)})) << secret;
  }
  EXPECT_FALSE(enable({}, {settings_for("groq", {}, std::string(16 * 1024 + 1, 'a'))}));
  EXPECT_TRUE(enable({}, {settings_for("groq", {}, std::string(16 * 1024, 'a'))}));
  const auto odd = enable({{"GROQ_API_KEY", "a b"}});
  ASSERT_TRUE(odd);
  EXPECT_THAT(odd->providers, IsEmpty());
  EXPECT_THAT(odd->notes, ElementsAre(HasSubstr("GROQ_API_KEY cannot be used")));
  const auto keyless = enable({}, {settings_for("groq", true)});
  ASSERT_FALSE(keyless);
  EXPECT_THAT(keyless.error().message, HasSubstr("set providers.groq.api_key or GROQ_API_KEY"));
}

TEST(hub_credentials_credentials, replaces_a_header_that_is_there) {
  http::Headers headers{{"Authorization", "Bearer of-the-client"}};
  ASSERT_TRUE(Credential("authorization", "Bearer", "ours").apply(headers));
  EXPECT_EQ(headers.count("authorization"), 1U);
  EXPECT_EQ(headers.find("authorization"), "Bearer ours");
}

}  // namespace
}  // namespace sluice::hub::credentials
