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

TEST(hub_catalog_catalog, lays_an_own_provider_out_as_its_dialect_usually_is) {
  const std::tuple<const char*, const char*, const char*> kCases[] = {
      {"openai", "https://own.example/chat/completions", "authorization"},
      {"responses", "https://own.example/responses", "authorization"},
      {"anthropic", "https://own.example/v1/messages", "x-api-key"},
      {"gemini", "https://own.example/v1beta/models/m:streamGenerateContent?alt=sse", "x-goog-api-key"},
      {"cohere", "https://own.example/v2/chat", "authorization"},
  };
  for (const auto& [dialect, url, header] : kCases) {
    ProviderSettings settings = settings_for("own");
    settings.dialect = dialect;
    settings.base_url = "https://own.example";
    const auto catalog = Catalog::with(std::span(&settings, 1));
    ASSERT_TRUE(catalog) << catalog.error().message;
    const ProviderPtr own = (*catalog)->find("own");
    EXPECT_EQ(*url_of(*own, own->primary(), tasks::Kind::chat, "m", true), url);
    EXPECT_EQ(own->auth.header, header);
  }
}

TEST(hub_catalog_catalog, moves_every_surface_and_keeps_what_lies_below_the_address) {
  ProviderSettings settings = settings_for("deepseek");
  settings.base_url = "http://127.0.0.1:9";
  const auto catalog = Catalog::with(std::span(&settings, 1));
  ASSERT_TRUE(catalog) << catalog.error().message;
  const ProviderPtr moved = (*catalog)->find("deepseek");
  EXPECT_EQ(moved->surface_for("openai", tasks::Kind::chat)->base_url, "http://127.0.0.1:9");
  EXPECT_EQ(moved->surface_for("anthropic", tasks::Kind::chat)->base_url, "http://127.0.0.1:9/anthropic");
}

TEST(hub_catalog_catalog, prefers_another_dialect_that_the_provider_speaks) {
  ProviderSettings settings = settings_for("deepseek");
  settings.dialect = "anthropic";
  const auto catalog = Catalog::with(std::span(&settings, 1));
  ASSERT_TRUE(catalog) << catalog.error().message;
  EXPECT_EQ((*catalog)->find("deepseek")->primary().dialect, "anthropic");
  EXPECT_NE((*catalog)->find("deepseek")->surface_for("openai", tasks::Kind::chat), nullptr);
  settings.dialect = "gemini";
  EXPECT_THAT(
      complaint(settings),
      HasSubstr("providers.deepseek.dialect: deepseek speaks openai, responses, anthropic, not 'gemini'"));
}

TEST(hub_catalog_catalog, sets_headers_over_the_files_own) {
  ProviderSettings settings = settings_for("anthropic");
  settings.headers = {{"Anthropic-Version", "2024-01-01"}, {"anthropic-beta", "a,b"}};
  const auto catalog = Catalog::with(std::span(&settings, 1));
  ASSERT_TRUE(catalog) << catalog.error().message;
  using Header = std::pair<std::string, std::string>;
  EXPECT_THAT(
      (*catalog)->find("anthropic")->primary().headers,
      testing::ElementsAre(Header{"anthropic-version", "2024-01-01"}, Header{"anthropic-beta", "a,b"}));
  for (const auto& [name, value] : std::map<std::string, std::string>{{"host", "x"},
                                                                      {"Content-Length", "0"},
                                                                      {"a b", "x"},
                                                                      {"x", "a\r\nb: c"},
                                                                      {"", "x"},
                                                                      {"y", "\xC3\xA9"}}) {
    settings.headers = {{name, value}};
    EXPECT_THAT(complaint(settings), HasSubstr("providers.anthropic.headers." + name)) << name;
  }
  settings.headers = {{"x-long", std::string(kHeaderValueBytesMax, 'a')}};
  EXPECT_EQ(complaint(settings), "");
  settings.headers = {{"x-long", std::string(kHeaderValueBytesMax + 1, 'a')}};
  EXPECT_NE(complaint(settings), "");
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
