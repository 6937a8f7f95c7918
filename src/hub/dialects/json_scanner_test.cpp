#include "hub/dialects/json_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/random.h"

namespace sluice::hub::dialects {
namespace {

using testing::HasSubstr;

bool accepts(std::string_view text, std::size_t depth_max = kJsonDepthMax) {
  JsonScanner scanner(text, depth_max);
  scanner.take_value();
  return scanner.finish();
}

std::string complaint(std::string_view text) {
  JsonScanner scanner(text);
  scanner.take_value();
  return scanner.finish() ? "" : scanner.error().message;
}

TEST(hub_dialects_json_scanner, accepts_what_the_grammar_allows) {
  for (const char* text :
       {"{}", "[]", " [ ] ", "0", "-0", "-0.5e+10", "1e400", "123456789012345678901234567890", "true",
        "false", "null", R"("")", R"("\u0041\"\\\/\b\f\n\r\t")", R"("\ud800")",
        R"({"a":{"a":1},"a":[1,[2,{}],{"b":[]}]})", "\r\n\t {\"k\" :\t[ 1 , 2 ]\n}",
        "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
}

TEST(hub_dialects_json_scanner, refuses_what_it_does_not) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "{]",
                           "[}",
                           "[1,]",
                           "[,1]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "[1 2]",
                           "{\"a\":1 \"b\":2}",
                           "01",
                           "1.",
                           ".5",
                           "-",
                           "+1",
                           "1e",
                           "1e+",
                           "0x1",
                           "NaN",
                           "tru",
                           "nul",
                           "truely",
                           "1 2",
                           "{}{}",
                           "\"",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12G4\"",
                           "\"a\nb\"",
                           "\"\x01\"",
                           "\xEF\xBB\xBF{}",
                           "[1]]",
                           "[[1}]",
                           "/* c */1",
                           "\x80"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(hub_dialects_json_scanner, refuses_bytes_that_are_not_utf8) {
  for (const char* bad : {"\x80", "\xC0\x80", "\xC3", "\xE2\x82", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    const std::string text = std::string("[\"\xC3\xA9 fine\", \"") + bad + "\", 1]";
    EXPECT_FALSE(accepts(text)) << bad;
    EXPECT_THAT(complaint(text), HasSubstr("expected UTF-8")) << bad;
    EXPECT_THAT(complaint(text), HasSubstr("at byte 13 ")) << bad;
  }
}

TEST(hub_dialects_json_scanner, says_what_and_where) {
  EXPECT_EQ(complaint("{\"a\": 1,\n  \"b\" 2}"),
            "malformed JSON: expected ':', found '2' at byte 15 (line 2, column 7)");
  EXPECT_EQ(complaint("[1, 2"),
            "malformed JSON: expected ',' or ']', the text ends at byte 5 (line 1, column 6)");
  EXPECT_EQ(complaint("\"abc"),
            "malformed JSON: expected '\"' to end a string, the text ends at byte 4 (line 1, column 5)");
  EXPECT_EQ(complaint(std::string_view("[\0]", 3)),
            "malformed JSON: expected a value, found byte 0x00 at byte 1 (line 1, column 2)");
}

TEST(hub_dialects_json_scanner, allows_the_stated_depth_and_no_more) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(accepts(nested(kJsonDepthMax)));
  EXPECT_FALSE(accepts(nested(kJsonDepthMax + 1)));
  JsonScanner scanner("[[[]]]", 2);
  scanner.take_value();
  ASSERT_TRUE(scanner.failed());
  EXPECT_EQ(scanner.error().code, base::ErrorCode::too_large);
  EXPECT_THAT(scanner.error().message, HasSubstr("at most 2 levels, exceeded at byte 2"));
  // Entering counts like taking, and leaving gives the level back.
  JsonScanner walker("[[[]],[[]]]", 3);
  ASSERT_TRUE(walker.enter_array());
  while (walker.next_element()) walker.take_value();
  EXPECT_TRUE(walker.finish());
  EXPECT_TRUE(accepts("[" + nested(1000) + "," + nested(1001) + "]", 1002));
}

TEST(hub_dialects_json_scanner, gives_spans_of_keys_and_values) {
  const std::string_view text = R"( { "a" : [1, {"x":2}] , "b\u0063":"v" } )";
  JsonScanner scanner(text);
  ASSERT_TRUE(scanner.enter_object());
  auto key = scanner.next_key();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->in(text), "a");
  EXPECT_EQ(scanner.take_value().in(text), R"([1, {"x":2}])");
  key = scanner.next_key();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->in(text), R"(b\u0063)");
  EXPECT_TRUE(json_text_equals(key->in(text), "bc"));
  EXPECT_EQ(scanner.peek(), JsonType::string);
  EXPECT_EQ(scanner.take_value().in(text), R"("v")");
  EXPECT_FALSE(scanner.next_key());
  EXPECT_TRUE(scanner.finish());
}

TEST(hub_dialects_json_scanner, undoes_escapes) {
  EXPECT_EQ(unescape_json(R"("a\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00z")"),
            "a\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
  EXPECT_EQ(unescape_json(R"("\ud83dx\ude00\ud800\ud800")"),
            "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(unescape_json(R"("\u0000")"), std::string(1, '\0'));
}

// simdjson is the oracle: same verdict on every mutation, except that it also refuses numbers too large for
// it.
TEST(hub_dialects_json_scanner, agrees_with_simdjson_on_mutations) {
  const std::string seed =
      R"({"model":"m\u00e9\n","messages":[{"role":"user","content":[{"type":"text","text":"h)"
      "\xC3\xA9\xF0\x9F\x98\x80"
      R"("}]}],"t":-1.5e3,"f":[true,false,null,{},[]],"long":"0123456789abcdef0123456789abcdef\\\"0123456789"})";
  constexpr std::string_view kBytes = "{}[]\",:\\0123456789eE+-.tfnu \n\x01\x80\xC3";
  simdjson::dom::parser parser;
  base::Random random(20261122);
  std::size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = seed;
    for (std::uint64_t edits = 1 + random.below(2); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      const char byte = kBytes[random.below(kBytes.size())];
      switch (random.below(3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1);
      }
    }
    const auto code = parser.parse(text).error();
    const bool is_range = code == simdjson::NUMBER_ERROR && accepts(text);
    accepted += accepts(text) ? 1 : 0;
    EXPECT_EQ(accepts(text), code == simdjson::SUCCESS || is_range) << text << "\n"
                                                                    << code << " " << complaint(text);
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(hub_dialects_json_scanner, takes_the_space_between_tokens_out_and_no_other) {
  EXPECT_EQ(compact_json(" {\n \"a b\" :\t[ 1 , \"x \\\" y\\\\\" , true ]\r\n}"),
            R"({"a b":[1,"x \" y\\",true]})");
  EXPECT_EQ(compact_json("\"\\\\\" "), R"("\\")");
  EXPECT_EQ(compact_json(""), "");
}

}  // namespace
}  // namespace sluice::hub::dialects
