#include "hub/dialects/token_counts.h"

#include <gtest/gtest.h>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {
namespace {

TEST(hub_dialects_token_counts, distrusts_what_it_reads) {
  const auto element = parse_json(
      R"({"a":3,"b":12.0,"c":-1,"d":"7","e":null,"f":281474976710656,"g":281474976710657,"h":1e30,"i":-2.5})");
  const JsonObject object = element->get_object();
  const auto count = [&](const char* key) { return tokens_of(object, key).count; };
  EXPECT_EQ(count("a"), 3U);
  EXPECT_EQ(count("b"), 12U);
  EXPECT_EQ(count("f"), kTokenCountMax);
  for (const char* key : {"c", "d", "e", "g", "h", "i", "none"}) EXPECT_EQ(count(key), 0U) << key;
  EXPECT_EQ(tokens_of(std::nullopt, "a").count, 0U);
}

}  // namespace
}  // namespace sluice::hub::dialects
