#include "http/json_array_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
  std::vector<std::string> elements;
  bool closed = false;
  std::string failure;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(const std::string& text, std::size_t size, std::size_t limit = kMaxJsonElementBytes) {
  JsonArrayReader reader(limit);
  Read read;
  for (std::size_t at = 0; at < text.size() && read.failure.empty(); at += size) {
    reader.feed(Slice::copy_of(std::string_view(text).substr(at, size)));
    while (true) {
      const auto element = reader.next();
      if (!element) read.failure = element.error().message;
      if (!element || !*element) break;
      read.elements.emplace_back((*element)->text());
    }
  }
  read.closed = reader.is_closed();
  return read;
}

// The same elements whatever the chunking.
Read read_any(const std::string& text, std::size_t limit = kMaxJsonElementBytes) {
  const Read whole = read(text, std::max<std::size_t>(text.size(), 1), limit);
  for (std::size_t size = 1; size <= text.size(); ++size)
    EXPECT_EQ(read(text, size, limit), whole) << text << " in pieces of " << size;
  return whole;
}

TEST(http_json_array_reader, gives_each_element_as_it_closes) {
  const Read got = read_any("[{\"a\": [1, {}]}\r\n,\r\n{\"b\":2},{}]\n");
  EXPECT_THAT(got.elements, ElementsAre("{\"a\": [1, {}]}", "{\"b\":2}", "{}"));
  EXPECT_TRUE(got.closed);
  EXPECT_EQ(got.failure, "");
  JsonArrayReader reader;
  reader.feed(Slice::borrowed("[{\"a\":1},{\"b\""));
  EXPECT_EQ((**reader.next()).text(), "{\"a\":1}");
  EXPECT_FALSE(*reader.next());
}

TEST(http_json_array_reader, is_not_misled_by_brackets_in_strings) {
  EXPECT_THAT(read_any(R"([{"a":"]}\"{\\"},{"b":"\\\""}])").elements,
              ElementsAre(R"({"a":"]}\"{\\"})", R"({"b":"\\\""})"));
}

TEST(http_json_array_reader, takes_a_lone_object_as_the_only_element) {
  const Read got = read_any(" {\"error\":{}} \n");
  EXPECT_THAT(got.elements, ElementsAre("{\"error\":{}}"));
  EXPECT_TRUE(got.closed);
}

TEST(http_json_array_reader, knows_a_cut_array_from_a_closed_one) {
  for (const char* text : {"", " ", "[", "[{}", "[{},", "[{\"a\":\"]\"", "{"}) {
    const Read got = read_any(text);
    EXPECT_FALSE(got.closed) << text;
    EXPECT_EQ(got.failure, "") << text;
  }
  EXPECT_TRUE(read_any("[]").closed);
}

TEST(http_json_array_reader, refuses_what_is_no_array_of_objects) {
  for (const char* text :
       {"data: {}", "[1]", "[,{}]", "[{}{}]", "[{},]", "[{}]]", "{}{}", "<html>", "[\"a\"]"}) {
    EXPECT_THAT(read_any(text).failure, HasSubstr("unexpected byte")) << text;
  }
  JsonArrayReader reader;
  reader.feed(Slice::borrowed("x"));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next()) << "for good";
}

TEST(http_json_array_reader, refuses_an_element_beyond_the_limit) {
  const Read edge = read_any("[{\"a\":\"12345\"},{}]", 13);
  EXPECT_THAT(edge.elements, ElementsAre("{\"a\":\"12345\"}", "{}"));
  const Read beyond = read_any("[{},{\"a\":\"123456\"}]", 13);
  EXPECT_THAT(beyond.elements, ElementsAre("{}"));
  EXPECT_THAT(beyond.failure, HasSubstr("larger than 13 bytes"));
  EXPECT_THAT(read_any("[{\"a\":\"1234567890", 13).failure, HasSubstr("larger than 13 bytes"));
  EXPECT_EQ(kMaxJsonElementBytes, std::size_t{16} << 20);
}

TEST(http_json_array_reader, keeps_what_was_not_taken_before_the_next_feed) {
  JsonArrayReader reader;
  reader.feed(Slice::borrowed("[{\"a\":1},{\"b\":"));
  reader.feed(Slice::borrowed("2}]"));
  EXPECT_EQ((**reader.next()).text(), "{\"a\":1}");
  EXPECT_EQ((**reader.next()).text(), "{\"b\":2}");
  EXPECT_FALSE(*reader.next());
  EXPECT_TRUE(reader.is_closed());
}

}  // namespace
}  // namespace sluice::http
