#include "hub/credentials/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sluice::hub::credentials {
namespace {

using catalog::Catalog;
using catalog::ProviderSettings;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Variables = std::map<std::string, std::string, std::less<>>;

base::Result<Enablement> enable(const Variables& variables,
                                const std::vector<ProviderSettings>& settings = {}) {
  const auto catalog = Catalog::with(settings);
  EXPECT_TRUE(catalog);
  return enable_providers(**catalog, settings, [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
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
  EXPECT_TRUE(provider.credential.apply(headers));
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
  EXPECT_THAT(enablement->notes[0], HasSubstr("OPENAI_API_KEY is not used: it is a key of sluice itself"));
  EXPECT_THAT(enablement->notes[0], testing::Not(HasSubstr("abc")));

  const auto configured = enable({}, {settings_for("openai", {}, "sk-sluice-abc")});
  ASSERT_FALSE(configured);
  EXPECT_THAT(configured.error().message, HasSubstr("providers.openai.api_key"));
  EXPECT_THAT(configured.error().message, testing::Not(HasSubstr("abc")));

  http::Headers headers;
  const base::Status sent = Credential("authorization", "Bearer sk-sluice-abc").apply(headers);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, base::ErrorCode::forbidden);
  EXPECT_TRUE(headers.empty());
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
  EXPECT_THAT(odd->notes, ElementsAre(HasSubstr("GROQ_API_KEY is not used")));
  const auto keyless = enable({}, {settings_for("groq", true)});
  ASSERT_FALSE(keyless);
  EXPECT_THAT(keyless.error().message, HasSubstr("set providers.groq.api_key or GROQ_API_KEY"));
}

TEST(hub_credentials_credentials, replaces_a_header_that_is_there) {
  http::Headers headers{{"Authorization", "Bearer of-the-client"}};
  ASSERT_TRUE(Credential("authorization", "Bearer ours").apply(headers));
  EXPECT_EQ(headers.count("authorization"), 1U);
  EXPECT_EQ(headers.find("authorization"), "Bearer ours");
}

}  // namespace
}  // namespace sluice::hub::credentials
