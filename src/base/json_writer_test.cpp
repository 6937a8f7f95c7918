#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::base {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(base_json_writer, places_commas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("a", 1).key("b").begin_array().number(1.5).null().boolean(true).end_array();
  json.key("c").begin_object().end_object().field("d", "x").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[1.5,null,true],"c":{},"d":"x"})");
}

TEST(base_json_writer, escapes_controls_and_keeps_utf8) {
  EXPECT_EQ(quoted("a\"b\\\n\x01\x1f é 👍"), R"("a\"b\\\n\u0001\u001f é 👍")");
}

TEST(base_json_writer, replaces_each_byte_that_is_not_utf8) {
  constexpr const char* kBad = "\xEF\xBF\xBD";
  EXPECT_EQ(quoted("a\xFF"
                   "b"),
            std::string("\"a") + kBad + "b\"");
  EXPECT_EQ(quoted("\xC3"), std::string("\"") + kBad + "\"");                        // cut
  EXPECT_EQ(quoted("\xED\xA0\x80"), std::string("\"") + kBad + kBad + kBad + "\"");  // surrogate
  EXPECT_EQ(quoted("\xC0\xAF"), std::string("\"") + kBad + kBad + "\"");             // overlong
}

TEST(base_json_writer, writes_extreme_numbers) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  json.number(std::numeric_limits<std::int64_t>::min()).number(std::numeric_limits<std::uint64_t>::max());
  json.number(std::numeric_limits<double>::infinity()).number(1e300).number(0.1);
  json.end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,null,1e+300,0.1]");
}

}  // namespace
}  // namespace sluice::base
