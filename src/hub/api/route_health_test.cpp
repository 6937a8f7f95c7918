#include "hub/api/route_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "hub/api/limits.h"

namespace sluice::hub::api {
namespace {

using testing::HasSubstr;
using testing::Not;

health::Ended answer() {
  tasks::Usage usage;
  usage.output = {.count = 80};
  return {.first_token_s = 0.25, .total_s = 1.25, .usage = usage, .retry_after_s = {}};
}

std::string routes_json(health::Health* health) {
  gateway::Hub hub;
  hub.health = health;
  const gateway::Settings settings;
  const http::Request request;
  return reply_routes({.request = request,
                       .id = "",
                       .caller = nullptr,
                       .settings = settings,
                       .hub = hub,
                       .version = "",
                       .not_ready = ""})
      .body;
}

TEST(hub_api_route_health, shows_every_route_with_figures_circuit_and_limits) {
  health::Health health;
  const health::TimePoint now = std::chrono::steady_clock::now();
  const health::Key key{.route_id = "groq/llama", .provider = "groq", .model = "llama"};
  const auto ticket = health.begin(key, now);
  const health::Field fields[] = {{"x-ratelimit-limit-requests-minute", "60"},
                                  {"x-ratelimit-remaining-requests-minute", "0"},
                                  {"x-ratelimit-reset-requests-minute", "30"}};
  health.note_headers(key, *ticket, fields, 0, now);
  health.end(key, *ticket, answer(), now);

  simdjson::dom::parser parser;
  const auto root = parser.parse(routes_json(&health));
  const auto row = root["data"].at(0);
  EXPECT_EQ(row["route"].get_string().value(), "groq/llama");
  EXPECT_EQ(row["circuit"].get_string().value(), "closed");
  EXPECT_GT(row["retry_in_s"].get_double().value(), 20);
  EXPECT_EQ(row["outcomes"]["whole"].get_uint64().value(), 1);
  EXPECT_NEAR(row["first_token_s"]["p50"].get_double().value(), 0.25, 0.01);
  EXPECT_TRUE(row["gap_s"].is_null());
  EXPECT_EQ(row["limits"].at(0)["scope"].get_string().value(), "route");
  EXPECT_EQ(row["limits"].at(0)["limit"].get_double().value(), 60);
  EXPECT_EQ(row["limits"].at(0)["remaining"].get_double().value(), 0);
}

TEST(hub_api_route_health, is_empty_where_nothing_is_learned) {
  EXPECT_EQ(routes_json(nullptr), R"({"object":"list","data":[]})");
}

TEST(hub_api_route_health, writes_labels_that_cannot_break_a_line) {
  health::Row row;
  row.route_id = "p/evil\"} 1\n# x\\";
  row.provider = "p";
  row.attempts_total = 3;
  const std::string text = route_metrics(std::vector<health::Row>(1, row));
  EXPECT_THAT(text, HasSubstr(R"(sluice_route_attempts_total{route="p/evil\"} 1?# x\\",provider="p"} 3)"));
  EXPECT_THAT(text, HasSubstr("# TYPE sluice_route_circuit gauge\n"));
  EXPECT_THAT(text, Not(HasSubstr("first_token"))) << "nothing was seen";
  EXPECT_EQ(route_metrics({}), "");
}

TEST(hub_api_route_health, measures_so_many_routes_the_latest) {
  std::vector<health::Row> rows(kRoutesMeasuredMax + 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].route_id = "r" + std::to_string(i);
    rows[i].idle_s = static_cast<double>(i);
  }
  const std::string text = route_metrics(rows);
  EXPECT_THAT(text,
              HasSubstr("sluice_route_in_flight{route=\"r" + std::to_string(kRoutesMeasuredMax - 1) + "\""));
  EXPECT_THAT(text, Not(HasSubstr("route=\"r" + std::to_string(kRoutesMeasuredMax) + "\"")));
}

}  // namespace
}  // namespace sluice::hub::api
