#include "hub/health/limit_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::hub::health {
namespace {

constexpr std::int64_t kWall = 1'795'378'530;  // 2026-11-22T20:15:30Z

HeadNews read(std::initializer_list<Field> fields) {
  return read_limit_headers(std::vector<Field>(fields), kWall);
}

TEST(hub_health_limit_headers, reads_every_form_of_a_reset) {
  const std::pair<std::string_view, double> kForms[] = {
      {"1m2.5s", 62.5},
      {"120ms", 0.12},
      {"6h0m1s", 21601},
      {"17.399999999s", 17.399999999},
      {"26ms", 0.026},
      {"0s", 0},
      {"500\xc2\xb5s", 0.0005},
      {"17", 17},
      {" 33.75 ", 33.75},
      {"2026-11-22T20:16:30Z", 60},
      {"2026-11-22T20:16:30.5Z", 60.5},
      {"2026-11-22T21:16:30+01:00", 60},
      {"2026-11-22T20:15:00Z", 0},  // gone by
      {"Sun, 22 Nov 2026 20:17:30 GMT", 120},
      {"1795378590", 60},
      {"1795378590000", 60},
  };
  for (const auto& [text, expected] : kForms) {
    const auto seconds = parse_reset(text, kWall);
    ASSERT_TRUE(seconds) << text;
    EXPECT_NEAR(*seconds, expected, 1e-6) << text;
  }
}

TEST(hub_health_limit_headers, refuses_what_is_no_reset) {
  for (const std::string_view text :
       {"", " ", "-1", "soon", "1x", "m", "1m2", "nan", "inf", "1e400", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-11-22T20:16:30", "2026-11-22T25:00:00Z",
        "Sun, 22 Nox 2026 20:17:30 GMT", "9999-01-01T00:00:00Z", "99999999h"})
    EXPECT_FALSE(parse_reset(text, kWall)) << text;
}

TEST(hub_health_limit_headers, reads_openai_and_groq) {
  const auto news = read({{"x-ratelimit-limit-requests", "60"},
                          {"x-ratelimit-remaining-requests", "59"},
                          {"x-ratelimit-reset-requests", "1s"},
                          {"X-RateLimit-Limit-Tokens", "150000"},
                          {"X-RateLimit-Remaining-Tokens", "149984"},
                          {"X-RateLimit-Reset-Tokens", "6m0s"}});
  ASSERT_EQ(news.count, 2);
  EXPECT_EQ(news.limits[0].resource, Resource::requests);
  EXPECT_EQ(news.limits[0].limit, 60);
  EXPECT_EQ(news.limits[0].remaining, 59);
  EXPECT_EQ(news.limits[0].reset_s, 1);
  EXPECT_TRUE(news.limits[0].refills);
  EXPECT_FALSE(news.limits[0].of_account);
  EXPECT_EQ(news.limits[1].resource, Resource::tokens);
  EXPECT_EQ(news.limits[1].reset_s, 360);
}

TEST(hub_health_limit_headers, reads_cerebras_and_mistral_with_their_windows) {
  const auto news = read({{"x-ratelimit-limit-requests-day", "14400"},
                          {"x-ratelimit-remaining-requests-day", "14399"},
                          {"x-ratelimit-reset-requests-day", "33011.382867"},
                          {"x-ratelimit-limit-tokens-minute", "60000"},
                          {"x-ratelimit-remaining-tokens-minute", "58000"},
                          {"x-ratelimit-reset-tokens-minute", "11.38"},
                          {"x-ratelimit-limit-req-10-second", "5"},
                          {"x-ratelimit-remaining-req-10-second", "4"},
                          {"x-ratelimit-tokens-query-cost", "12"}});
  ASSERT_EQ(news.count, 3);
  EXPECT_EQ(news.limits[0].window_s, 86'400);
  EXPECT_NEAR(*news.limits[0].reset_s, 33011.382867, 1e-6);
  EXPECT_FALSE(news.limits[0].refills);
  EXPECT_EQ(news.limits[1].resource, Resource::tokens);
  EXPECT_EQ(news.limits[1].window_s, 60);
  EXPECT_EQ(news.limits[2].window_s, 10);
  EXPECT_EQ(news.limits[2].remaining, 4);
}

TEST(hub_health_limit_headers, reads_anthropic_and_fireworks_by_kind_of_token) {
  const auto news = read({{"anthropic-ratelimit-requests-limit", "50"},
                          {"anthropic-ratelimit-requests-remaining", "49"},
                          {"anthropic-ratelimit-requests-reset", "2026-11-22T20:15:40Z"},
                          {"anthropic-ratelimit-input-tokens-remaining", "1000"},
                          {"x-ratelimit-remaining-tokens-generated", "7"},
                          {"x-ratelimit-remaining-tokens-prompt", "8"},
                          {"x-ratelimit-over-limit", "no"}});
  ASSERT_EQ(news.count, 3);
  EXPECT_EQ(news.limits[0].reset_s, 10);
  EXPECT_EQ(news.limits[1].resource, Resource::input_tokens);
  EXPECT_EQ(news.limits[1].remaining, 8);  // the later field of the same limit
  EXPECT_EQ(news.limits[2].resource, Resource::output_tokens);
}

TEST(hub_health_limit_headers, takes_a_limit_without_a_resource_for_the_accounts) {
  for (const std::string family : {"ratelimit-", "x-ratelimit-"}) {
    const std::string remaining = family + "remaining", reset = family + "reset";
    const auto news = read({{remaining, "3"}, {reset, "9"}});
    ASSERT_EQ(news.count, 1) << family;
    EXPECT_TRUE(news.limits[0].of_account);
    EXPECT_EQ(news.limits[0].remaining, 3);
    EXPECT_EQ(news.limits[0].reset_s, 9);
  }
  EXPECT_EQ(read({{"RateLimit-Limit", "100, 100;w=60"}, {"RateLimit-Remaining", "5"}}).limits[0].limit, 100);
}

TEST(hub_health_limit_headers, reads_structured_fields) {
  auto news = read(
      {{"RateLimit", R"("api";r=42;t=17)"}, {"RateLimit-Policy", R"("fixed window";"api";q=500;w=300)"}});
  ASSERT_EQ(news.count, 1);
  EXPECT_TRUE(news.limits[0].of_account);
  EXPECT_EQ(news.limits[0].remaining, 42);
  EXPECT_EQ(news.limits[0].reset_s, 17);
  EXPECT_EQ(news.limits[0].limit, 500);
  EXPECT_EQ(news.limits[0].window_s, 300);

  news =
      read({{"RateLimit-Policy", R"("burst";q=100;w=60, "daily";q=1000;w=86400, "b";q=5;qu="content-bytes")"},
            {"RateLimit", R"("burst";r=1;t=5, "daily";r=900;t=3600)"}});
  ASSERT_EQ(news.count, 2);
  EXPECT_EQ(news.limits[0].remaining, 1);
  EXPECT_EQ(news.limits[1].remaining, 900);

  news = read({{"RateLimit", "limit=100, remaining=50, reset=5"}});
  ASSERT_EQ(news.count, 1);
  EXPECT_EQ(news.limits[0].limit, 100);
  EXPECT_EQ(news.limits[0].remaining, 50);
  EXPECT_EQ(news.limits[0].reset_s, 5);
}

TEST(hub_health_limit_headers, reads_retry_after_in_seconds_dates_and_milliseconds) {
  EXPECT_EQ(read({{"retry-after", "7"}}).retry_after_s, 7);
  EXPECT_EQ(read({{"Retry-After", "1.5"}}).retry_after_s, 1.5);
  EXPECT_EQ(read({{"Retry-After", "Sun, 22 Nov 2026 20:15:40 GMT"}}).retry_after_s, 10);
  EXPECT_EQ(read({{"retry-after-ms", "250"}}).retry_after_s, 0.25);
  EXPECT_EQ(read({{"retry-after", "1"}, {"retry-after-ms", "250"}}).retry_after_s, 0.25);
  EXPECT_EQ(read({{"retry-after-ms", "250"}, {"retry-after", "1"}}).retry_after_s, 0.25);
  EXPECT_FALSE(read({{"retry-after", "later"}}).retry_after_s);
}

TEST(hub_health_limit_headers, keeps_to_its_limits) {
  EXPECT_EQ(read({{"retry-after", "86400"}}).retry_after_s, kRetryAfterMostS);
  EXPECT_FALSE(read({{"retry-after", "86401"}}).retry_after_s);
  EXPECT_TRUE(parse_reset("2764800", kWall));
  EXPECT_FALSE(parse_reset("2764801", kWall));

  const std::string at_most = std::string(kLimitValueBytesMax - 1, ' ') + "7";
  EXPECT_EQ(read({{"retry-after", at_most}}).retry_after_s, 7);
  const std::string over = " " + at_most;
  EXPECT_FALSE(read({{"retry-after", over}}).retry_after_s);

  std::vector<Field> fields(kLimitFieldsMax, {"x-ratelimit-remaining-requests", "1"});
  fields.push_back({"x-ratelimit-remaining-requests", "2"});
  EXPECT_EQ(read_limit_headers(fields, kWall).limits[0].remaining, 1);

  std::vector<std::string> names;
  for (std::size_t i = 1; i <= kLimitsOfRouteMax + 1; ++i)
    names.push_back("x-ratelimit-remaining-requests-" + std::to_string(i) + "-second");
  fields.clear();
  for (const auto& name : names) fields.push_back({name, "1"});
  EXPECT_EQ(read_limit_headers(fields, kWall).count, kLimitsOfRouteMax);
}

}  // namespace
}  // namespace sluice::hub::health
