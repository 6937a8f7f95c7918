#include "hub/catalog/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/limits.h"
#include "hub/catalog/resolve.h"

namespace sluice::hub::catalog {
namespace {

using testing::HasSubstr;

TEST(hub_catalog_provider, refuses_reserved_and_odd_ids) {
  for (const char* id : {"groq", "hf-router", "my_own.box2", "x"})
    EXPECT_EQ(refuse_provider_id(id), "") << id;
  for (const std::string_view word : kRouteWords)
    EXPECT_THAT(refuse_provider_id(word), HasSubstr("reserved")) << word;
  for (const char* id : {"", "Groq", "a b", "a:b", "a/b", "caf\xC3\xA9"})
    EXPECT_NE(refuse_provider_id(id), "") << id;
  EXPECT_EQ(refuse_provider_id(std::string(kProviderIdBytesMax, 'a')), "");
  EXPECT_NE(refuse_provider_id(std::string(kProviderIdBytesMax + 1, 'a')), "");
}

TEST(hub_catalog_provider, refuses_addresses_that_would_show_the_key) {
  for (const char* url : {"https://api.groq.com", "https://a.b:8443/base/v1", "http://localhost:11434",
                          "http://127.0.0.1:9/v1", "http://[::1]:8000", "http://10.1.2.3",
                          "http://192.168.0.7:1", "http://172.16.0.1", "http://172.31.255.1"}) {
    EXPECT_EQ(refuse_base_url(url), "") << url;
  }
  for (const char* url : {"", "api.groq.com", "ftp://x", "http://api.groq.com", "http://10.evil.com",
                          "http://127.0.0.1.evil.com", "http://172.32.0.1", "http://172.15.0.1",
                          "http://8.8.8.8", "http://fd.example", "http://localhost.evil.com",
                          "https://user:pw@host", "https://host/#x", "https://host?x=1", "https://host/"}) {
    EXPECT_NE(refuse_base_url(url), "") << url;
  }
}

TEST(hub_catalog_provider, puts_a_model_into_a_path_and_lets_none_walk_it) {
  Provider provider;
  provider.id = "x";
  Surface& surface = provider.surfaces.emplace_back();
  surface.base_url = "https://x.example";
  surface.paths = {{tasks::Kind::chat, "/m/{model}/chat?v=1"}};
  const auto url = [&](std::string_view model) {
    const auto made = url_of(provider, surface, tasks::Kind::chat, model, false);
    return made ? *made : made.error().message;
  };
  EXPECT_EQ(url("meta/llama-3.1_8B~x"), "https://x.example/m/meta/llama-3.1_8B~x/chat?v=1");
  EXPECT_EQ(url("a b?c#d%e:f\n\xC3\xA9"), "https://x.example/m/a%20b%3Fc%23d%25e%3Af%0A%C3%A9/chat?v=1");
  EXPECT_EQ(url("..."), "https://x.example/m/.../chat?v=1");
  for (const char* odd : {"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "../../admin"})
    EXPECT_THAT(url(odd), HasSubstr("cannot be a model of x")) << odd;
  // Where no path holds the model, any name may be asked for.
  surface.paths = {{tasks::Kind::chat, "/chat"}};
  EXPECT_EQ(url("../.."), "https://x.example/chat");
}

TEST(hub_catalog_provider, says_what_keeps_it_from_being_asked) {
  Provider provider;
  provider.id = "x";
  EXPECT_EQ(refuse_unready(provider), "");
  provider.variables = {{"region", {.env = {"X_REGION"}, .fallback = {}}}, {"zone", {}}};
  provider.unresolved = {"region", "zone"};
  EXPECT_EQ(refuse_unready(provider),
            "its address is not complete: set providers.x.variables.region or X_REGION, "
            "providers.x.variables.zone");
  provider.not_built = "its queue";
  EXPECT_EQ(refuse_unready(provider), "not built yet: its queue");
}

}  // namespace
}  // namespace sluice::hub::catalog
