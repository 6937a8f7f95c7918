#include "hub/catalog/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/catalog.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Environment environment_of(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

ProviderPtr find(std::string_view id, const Environment& environment,
                 std::map<std::string, std::string> given = {}, std::optional<std::string> base_url = {}) {
  ProviderSettings settings;
  settings.id = std::string(id);
  settings.variables = std::move(given);
  settings.base_url = std::move(base_url);
  const auto catalog = Catalog::with(std::span(&settings, 1), environment);
  EXPECT_TRUE(catalog) << catalog.error().message;
  return catalog ? (*catalog)->find(id) : nullptr;
}

std::string complaint(std::map<std::string, std::string> given) {
  ProviderSettings settings;
  settings.id = "aws-bedrock";
  settings.variables = std::move(given);
  const auto catalog = Catalog::with(std::span(&settings, 1));
  return catalog ? "" : catalog.error().message;
}

TEST(hub_catalog_variables, come_from_the_configuration_then_the_environment_then_the_file) {
  const auto address = [](const ProviderPtr& provider) {
    return *url_of(*provider, provider->primary(), tasks::Kind::chat, "gpt", false);
  };
  const Environment environment = environment_of({{"AZURE_OPENAI_RESOURCE", "ours"}});
  EXPECT_EQ(address(find("azure-openai", environment)),
            "https://ours.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(address(find("azure-openai", environment,
                         {{"resource", "other"}, {"api_version", "2026-01-01-preview"}})),
            "https://other.openai.azure.com/openai/deployments/gpt/chat/"
            "completions?api-version=2026-01-01-preview");
  EXPECT_EQ(find("azure-openai", environment)->surface_for("responses", tasks::Kind::chat)->base_url,
            "https://ours.openai.azure.com");
}

TEST(hub_catalog_variables, a_default_may_name_others) {
  const Environment environment =
      environment_of({{"GOOGLE_CLOUD_LOCATION", "europe-west4"}, {"GOOGLE_CLOUD_PROJECT", "p-1"}});
  const ProviderPtr regional = find("vertex-gemini", environment);
  EXPECT_THAT(regional->unresolved, IsEmpty());
  EXPECT_EQ(*url_of(*regional, regional->primary(), tasks::Kind::chat, "gemini-x", true),
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4/"
            "publishers/google/"
            "models/gemini-x:streamGenerateContent?alt=sse");
  const ProviderPtr global =
      find("vertex-gemini", environment, {{"location", "global"}, {"host", "aiplatform.googleapis.com"}});
  EXPECT_EQ(global->primary().base_url, "https://aiplatform.googleapis.com");
}

TEST(hub_catalog_variables, are_named_when_they_are_missing) {
  EXPECT_THAT(Catalog::built_in()->find("aws-bedrock")->unresolved, ElementsAre("region"));
  EXPECT_THAT(Catalog::built_in()->find("vertex-gemini")->unresolved, ElementsAre("location", "project"));
  // A value that cannot stand in an address is none; the next variable may have one.
  const ProviderPtr bedrock =
      find("aws-bedrock",
           environment_of({{"AWS_REGION", "evil.example/x?"}, {"AWS_DEFAULT_REGION", " eu-west-1\n"}}));
  EXPECT_EQ(bedrock->primary().base_url, "https://bedrock-mantle.eu-west-1.api.aws");
  // An address of the user's own needs no region.
  EXPECT_THAT(find("aws-bedrock", {}, {}, "https://gateway.example")->unresolved, IsEmpty());
}

TEST(hub_catalog_variables, refuse_what_cannot_stand_in_an_address) {
  EXPECT_EQ(complaint({{"region", "eu-west-1"}}), "");
  for (const char* value :
       {"", "a/b", "a?b", "a#b", "a@b", "a b", "..", ".a", "a..b", "{region}", "caf\xC3\xA9"}) {
    EXPECT_THAT(complaint({{"region", value}}), HasSubstr("providers.aws-bedrock.variables.region: "))
        << value;
  }
  EXPECT_EQ(complaint({{"region", std::string(kVariableBytesMax, 'a')}}), "");
  EXPECT_NE(complaint({{"region", std::string(kVariableBytesMax + 1, 'a')}}), "");
  EXPECT_THAT(complaint({{"zone", "x"}}),
              HasSubstr("variables.zone: no such variable; aws-bedrock has region"));
}

}  // namespace
}  // namespace sluice::hub::catalog
