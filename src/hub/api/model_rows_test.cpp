#include "hub/api/model_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/offers.h"
#include "hub/health/health.h"

namespace sluice::hub::api {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kList = R"({"provider": "groq", "author_of": ["org"], "offers": [
  {"id": "m-1", "model": "org/M", "kind": "chat", "context_length": 131072, "output_max": 4096, "images": true,
   "tools": true, "structured_output": false, "quantization": "fp8",
   "price": {"source": "a list", "date": "2026-08-01", "doubt": "outlier",
             "usd_per_million": {"input": 0.071, "output": 0.1, "cache_read": 0.0028}}},
  {"id": "bare", "model": "org/bare", "source": "docs"}]})";

struct Rows {
  Rows() {
    gateway::Settings made;
    const std::vector<catalog::PriceList> lists{catalog::parse_price_list(kList, "groq.json").value()};
    made.offers = catalog::Offers::of(lists, 0).value();
    made.price_max_age = std::chrono::days(90);
    settings = std::move(made);
    hub.health = &health;
  }
  std::string row(std::string_view model) {
    const catalog::OfferPtr offer = settings.offers->find_at("groq", model);
    const gateway::ModelRow row{
        .id = std::string(model),
        .candidates = {
            {.provider = settings.catalog->find("groq"), .model = offer->provider_model, .offer = offer}}};
    std::string text;
    base::JsonWriter json(text);
    write_model_row(json, row, settings, hub, {.now = health::TimePoint(), .today_s = today_s});
    return text;
  }

  gateway::Settings settings;
  gateway::Hub hub;
  health::Health health;
  std::int64_t today_s = *catalog::day_s("2026-08-11");
};

TEST(hub_api_model_rows, shows_what_is_known_with_source_and_age) {
  EXPECT_EQ(
      Rows().row("org/M"),
      R"({"id":"org/M","object":"model","created":0,"owned_by":"org",)"
      R"("architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},)"
      R"("providers":[{"provider":"groq","status":"live","model":"m-1","context_length":131072,)"
      R"("max_output_tokens":4096,"pricing":{"input":0.071,"output":0.1,"cache_read":0.0028},"is_free":false,)"
      R"("price":{"source":"a list","date":"2026-08-01","age_days":10,"too_old":false,"doubt":"outlier"},)"
      R"("supports_tools":true,"supports_structured_output":false,"quantization":"fp8","is_model_author":true}]})");
}

TEST(hub_api_model_rows, never_writes_zero_for_what_it_does_not_know) {
  EXPECT_EQ(Rows().row("org/bare"), R"({"id":"org/bare","object":"model","created":0,"owned_by":"org",)"
                                    R"("providers":[{"provider":"groq","status":"live","model":"bare",)"
                                    R"("is_model_author":true}]})");
}

TEST(hub_api_model_rows, says_when_a_price_is_too_old) {
  Rows rows;
  rows.today_s = *catalog::day_s("2026-10-30");  // 90 days
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("age_days":90,"too_old":false)"));
  rows.today_s += 86'400;
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("age_days":91,"too_old":true)"));
  rows.settings.price_max_age = std::chrono::seconds(0);
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("too_old":false)"));
}

TEST(hub_api_model_rows, shows_what_traffic_taught) {
  Rows rows;
  const health::Key key{.route_id = "groq/m-1", .provider = "groq", .model = "org/M"};
  const auto now = health::TimePoint();
  const auto ticket = rows.health.begin(key, now);
  ASSERT_TRUE(ticket);
  health::Ended ended;
  ended.first_token_s = 0.25;
  ended.total_s = 1.25;
  ended.usage.emplace();
  ended.usage->output.count = 50;
  rows.health.end(key, *ticket, ended, now);
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("first_token_latency_ms":)"));
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("throughput":)"));
  EXPECT_THAT(rows.row("org/bare"), Not(HasSubstr("first_token_latency_ms")));
  health::Ended failed;
  failed.verdict = health::Verdict::overloaded;
  for (int i = 0; i < 50; ++i) {
    if (const auto failing = rows.health.begin(key, now, 0, true))
      rows.health.end(key, *failing, failed, now);
  }
  EXPECT_THAT(rows.row("org/M"), HasSubstr(R"("status":"error")"));
}

}  // namespace
}  // namespace sluice::hub::api
