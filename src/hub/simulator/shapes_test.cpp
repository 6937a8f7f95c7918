#include "hub/simulator/shapes.h"

#include <gtest/gtest.h>

#include "hub/simulator/limits.h"

namespace sluice::hub::simulator {
namespace {

// Both texts live as long as the parsers; `shapes` has the shape under test as "it".
std::string misfit(const std::string& shapes, const std::string& value, const std::string& extra = "{}") {
  simdjson::dom::parser shape_parser, value_parser, extra_parser;
  const simdjson::dom::object all = shape_parser.parse(shapes).get_object().value();
  return find_misfit(value_parser.parse(value).value(), all["it"].value(), all,
                     extra_parser.parse(extra).get_object().value());
}

TEST(hub_simulator_shapes, takes_what_fits) {
  const std::string shapes =
      R"({"it": {"name!": "string", "count": "integer|null", "role": "=user,tool", "items": ["@item"], "*": "boolean"},
          "item": ["|", "string", {"$by": "type", "text": {"text!": "string"}}]})";
  EXPECT_EQ(misfit(shapes, R"({"name":"a"})"), "");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","count":null,"role":"tool","other":true})"), "");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","items":["x",{"type":"text","text":"y"}]})"), "");
}

TEST(hub_simulator_shapes, names_place_and_fault) {
  const std::string shapes =
      R"({"it": {"name!": "string", "n": "integer", "items": [{"$by": "type", "text": {"text!": "string"}}]}})";
  EXPECT_EQ(misfit(shapes, R"({"n":1})"), "name: missing field");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","x":1})"), "x: unknown field");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","n":1.5})"), "n: expected integer");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","items":[{"type":"picture"}]})"),
            "items.0.type: unknown value 'picture'");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","items":[{"type":"text","text":"b","c":1}]})"),
            "items.0.c: unknown field");
  EXPECT_EQ(misfit(shapes, R"({"name":"a","items":{}})"), "items: expected an array");
}

TEST(hub_simulator_shapes, extra_fields_belong_to_the_outermost_object_only) {
  const std::string shapes = R"({"it": {"inner": {"a": "string"}}})";
  EXPECT_EQ(misfit(shapes, R"({"b":1})", R"({"b":"integer"})"), "");
  EXPECT_EQ(misfit(shapes, R"({"inner":{"b":1}})", R"({"b":"integer"})"), "inner.b: unknown field");
}

TEST(hub_simulator_shapes, stops_at_the_depth_limit) {
  const std::string shapes = R"({"it": ["|", "integer", ["@it"]]})";
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  EXPECT_EQ(misfit(shapes, nested(5)), "");
  EXPECT_NE(misfit(shapes, nested(kShapeDepthMax)), "");
}

}  // namespace
}  // namespace sluice::hub::simulator
