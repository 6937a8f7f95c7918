#include "app/cli/route_figures.h"

#include <gtest/gtest.h>

#include "hub/api/route_health.h"

namespace sluice::app::cli {
namespace {

namespace health = hub::health;

std::string shown_by_server(health::Health& health) {
  hub::gateway::Hub hub;
  hub.health = &health;
  const hub::gateway::Settings settings;
  const http::Request request;
  return hub::api::reply_routes({.request = request,
                                 .id = "",
                                 .caller = nullptr,
                                 .settings = settings,
                                 .hub = hub,
                                 .version = "",
                                 .not_ready = ""})
      .body;
}

void expect_near(const health::Spread& read, const health::Spread& kept) {
  EXPECT_NEAR(read.weight, kept.weight, 0.05);
  EXPECT_NEAR(read.p50, kept.p50, 1e-6);
  EXPECT_NEAR(read.p99, kept.p99, 1e-6);
  EXPECT_NEAR(read.log_mean, kept.log_mean, 1e-6);
  EXPECT_NEAR(read.log_deviation, kept.log_deviation, 1e-6);
}

TEST(app_cli_route_figures, what_a_server_shows_is_read_back) {
  health::Health health;
  const auto now = std::chrono::steady_clock::now();
  const health::Key key{.route_id = "groq/llama", .provider = "groq", .model = "llama"};
  for (int i = 0; i < 3; ++i) {
    const auto ticket = health.begin(key, now);
    const health::Field fields[] = {{"x-ratelimit-limit-requests", "60"},
                                    {"x-ratelimit-remaining-requests", "7"},
                                    {"x-ratelimit-reset-requests", "30s"}};
    health.note_headers(key, *ticket, fields, 0, now);
    hub::tasks::Usage usage;
    usage.input = {10};
    usage.output = {80};
    health.end(key, *ticket, {.first_token_s = 0.25, .total_s = 1.25, .usage = usage, .retry_after_s = {}},
               now);
  }
  const auto open = health.begin(key, now);
  ASSERT_TRUE(open);
  const auto figures = RouteFigures::parse(shown_by_server(health), now);
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->size(), 1u);
  const health::Figures kept = health.figures(key, now);
  const health::Figures read = figures->find(key);
  expect_near(read.first_token_s, kept.first_token_s);
  expect_near(read.tokens_per_s, kept.tokens_per_s);
  expect_near(read.output_tokens, kept.output_tokens);
  EXPECT_EQ(read.in_flight, 1u);
  EXPECT_EQ(read.circuit, health::Circuit::closed);
  EXPECT_NEAR(read.failure_chance, kept.failure_chance, 0.01);
  ASSERT_TRUE(read.requests_left && kept.requests_left);
  EXPECT_NEAR(*read.requests_left, *kept.requests_left, 0.1);
  ASSERT_EQ(read.limits_reset_at.has_value(), kept.limits_reset_at.has_value());

  const health::Figures another =
      figures->find({.route_id = "together/llama", .provider = "together", .model = "llama"});
  EXPECT_EQ(another.attempts, 0) << "never asked";
  expect_near(another.output_tokens, kept.output_tokens);
}

TEST(app_cli_route_figures, an_open_circuit_stays_open) {
  const auto now = std::chrono::steady_clock::now();
  const auto figures = RouteFigures::parse(
      R"({"data":[{"route":"p/m","circuit":"open","retry_in_s":4.5},{"route":7},{"circuit":"open"}]})", now);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->size(), 1u);
  const health::Figures read = figures->find({.route_id = "p/m", .provider = "p", .model = "m"});
  EXPECT_EQ(read.circuit, health::Circuit::open);
  EXPECT_EQ(read.retry_at, now + std::chrono::milliseconds(4500));
}

TEST(app_cli_route_figures, refuses_what_no_sluice_says) {
  for (const char* json : {"", "{}", "[]", "<html>", R"({"data":{}})"})
    EXPECT_FALSE(RouteFigures::parse(json, {})) << json;
}

TEST(app_cli_route_figures, asks_where_the_server_listens) {
  server::Config config;
  EXPECT_EQ(server_address_of(config), "");
  config.host = "0.0.0.0";
  config.port = 8484;
  EXPECT_EQ(server_address_of(config), "http://127.0.0.1:8484");
  config.host = "::";
  config.tls.cert = "c.pem";
  EXPECT_EQ(server_address_of(config), "https://[::1]:8484");
}

}  // namespace
}  // namespace sluice::app::cli
