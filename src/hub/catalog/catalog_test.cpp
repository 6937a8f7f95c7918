#include "hub/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using testing::HasSubstr;

ProviderSettings settings_for(std::string id) {
  ProviderSettings settings;
  settings.id = std::move(id);
  return settings;
}

std::string complaint(const ProviderSettings& settings) {
  const auto catalog = Catalog::with(std::span(&settings, 1));
  return catalog ? "" : catalog.error().message;
}

TEST(hub_catalog_catalog, finds_its_providers) {
  const auto catalog = Catalog::built_in();
  ASSERT_NE(catalog->find("groq"), nullptr);
  EXPECT_EQ(catalog->find("groq")->primary().base_url, "https://api.groq.com");
  EXPECT_EQ(catalog->find("nobody"), nullptr);
  EXPECT_EQ(catalog->find(""), nullptr);
  EXPECT_TRUE(std::ranges::is_sorted(catalog->ids()));
  EXPECT_TRUE(catalog->find("hf-router")->auth.only_by_name);
}

TEST(hub_catalog_catalog, moves_a_provider_and_forgets_what_held_for_its_address) {
  ProviderSettings settings = settings_for("ollama");
  settings.base_url = "https://ollama.example";
  const auto catalog = Catalog::with(std::span(&settings, 1));
  ASSERT_TRUE(catalog) << catalog.error().message;
  const ProviderPtr moved = (*catalog)->find("ollama");
  EXPECT_EQ(*url_of(*moved, moved->primary(), tasks::Kind::chat, "m", false),
            "https://ollama.example/v1/chat/completions");
  EXPECT_FALSE(moved->local);
  EXPECT_TRUE(moved->data_policy.trains);
  EXPECT_TRUE(Catalog::built_in()->find("ollama")->local) << "the built-in one is untouched";
}

TEST(hub_catalog_catalog, adds_a_provider_of_the_users_own) {
  ProviderSettings settings = settings_for("my-box");
  settings.dialect = "openai";
  settings.base_url = "http://192.168.1.5:8000/v1";
  const auto catalog = Catalog::with(std::span(&settings, 1));
  ASSERT_TRUE(catalog) << catalog.error().message;
  EXPECT_EQ(*url_of(*(*catalog)->find("my-box"), (*catalog)->find("my-box")->primary(), tasks::Kind::chat,
                    "m", true),
            "http://192.168.1.5:8000/v1/chat/completions");
  EXPECT_TRUE((*catalog)->find("my-box")->data_policy.retains);
  EXPECT_TRUE(std::ranges::is_sorted((*catalog)->ids()));
  settings.base_url.reset();
  EXPECT_THAT(complaint(settings), HasSubstr("needs a base_url"));
}

TEST(hub_catalog_catalog, refuses_settings_it_cannot_use) {
  EXPECT_THAT(complaint(settings_for("grok")),
              HasSubstr("providers.grok: no such provider; did you mean 'groq'?"));
  EXPECT_THAT(complaint(settings_for("device")), HasSubstr("reserved"));
  EXPECT_THAT(complaint(settings_for("cheapest")), HasSubstr("reserved"));
  ProviderSettings settings = settings_for("groq");
  settings.base_url = "http://api.groq.com";
  EXPECT_THAT(complaint(settings), HasSubstr("providers.groq.base_url: 'http://api.groq.com'"));
}

TEST(hub_catalog_catalog, holds_a_bounded_number) {
  std::vector<ProviderSettings> settings;
  for (std::size_t i = Catalog::built_in()->providers().size(); i < kProvidersMax; ++i) {
    settings.push_back(settings_for("own" + std::to_string(i)));
    settings.back().dialect = "openai";
    settings.back().base_url = "http://localhost:1";
  }
  EXPECT_TRUE(Catalog::with(settings));
  settings.push_back(settings.back());
  settings.back().id = "one-more";
  EXPECT_FALSE(Catalog::with(settings));
}

}  // namespace
}  // namespace sluice::hub::catalog
