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

}  // namespace
}  // namespace sluice::hub::catalog
