#include "hub/simulator/conditions.h"

#include <gtest/gtest.h>

namespace sluice::hub::simulator {
namespace {

constexpr std::string_view kBody =
    R"({"n":1,"messages":[{"role":"user","content":"Hi"},{"role":"tool","content":[{"text":"a"},{"text":"b"}],"call":"{\"x\":2}"}]})";

bool holds(const std::string& condition) {
  simdjson::dom::parser body, conditions;
  const http::Headers headers{{"x-mode", "fast"}};
  const RequestView request{.body = body.parse(std::string(kBody)).value(), .headers = &headers};
  return find_unmet(conditions.parse("[" + condition + "]"), request).empty();
}

TEST(hub_simulator_conditions, follow_a_path) {
  EXPECT_TRUE(holds(R"({"at":"messages.0.role","is":"user"})"));
  EXPECT_TRUE(holds(R"({"at":"messages.-1.role","is":"tool"})"));
  EXPECT_TRUE(holds(R"({"at":"messages.*.content.*.text","is":"b"})"));
  EXPECT_TRUE(holds(R"({"at":"messages.1.call.<json>.x","is":2.0})"));
  EXPECT_FALSE(holds(R"({"at":"messages.2.role","is":"user"})"));
  EXPECT_FALSE(holds(R"({"at":"messages.-3.role","is":"user"})"));
}

TEST(hub_simulator_conditions, test_what_is_there) {
  EXPECT_TRUE(holds(R"({"at":"messages","count":2})"));
  EXPECT_FALSE(holds(R"({"at":"messages","count":3})"));
  EXPECT_TRUE(holds(R"({"at":"messages.0","includes":{"role":"user"}})"));
  EXPECT_FALSE(holds(R"({"at":"messages.0","is":{"role":"user"}})"));
  EXPECT_TRUE(holds(R"({"at":"messages.0.content","has":"H"})"));
  EXPECT_TRUE(holds(R"({"at":"n","type":"number"})"));
  EXPECT_TRUE(holds(R"({"at":"stop","exists":false})"));
  EXPECT_FALSE(holds(R"({"at":"stop","exists":true})"));
  EXPECT_FALSE(holds(R"({"at":"n","exists":false})"));
}

TEST(hub_simulator_conditions, want_one_or_every) {
  EXPECT_TRUE(holds(R"({"at":"messages.*.content","type":"string"})"));
  EXPECT_FALSE(holds(R"({"at":"messages.*.content","type":"string","every":true})"));
}

TEST(hub_simulator_conditions, look_at_headers_and_apply_conditionally) {
  EXPECT_TRUE(holds(R"({"header":"X-Mode","is":"fast"})"));
  EXPECT_FALSE(holds(R"({"header":"x-mode","is":"slow"})"));
  EXPECT_TRUE(holds(R"({"header":"x-other","exists":false})"));
  EXPECT_TRUE(holds(R"({"if":[{"at":"n","is":2}],"at":"stop","exists":true})"));
  EXPECT_FALSE(holds(R"({"if":[{"at":"n","is":1}],"at":"stop","exists":true})"));
  EXPECT_TRUE(holds(R"({"any_of":[{"at":"n","is":2},{"at":"n","is":1}]})"));
  EXPECT_FALSE(holds(R"({"any_of":[{"at":"n","is":2},{"at":"n","is":3}]})"));
}

}  // namespace
}  // namespace sluice::hub::simulator
