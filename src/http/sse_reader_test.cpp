#include "http/sse_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using namespace std::string_literals;

struct Got {
  std::string event, data, id;
  bool has_data, terminated;
  friend bool operator==(const Got&, const Got&) = default;
};

std::ostream& operator<<(std::ostream& out, const Got& got) {
  return out << "{event '" << got.event << "' data '" << got.data << "' id '" << got.id << "' "
             << got.has_data << got.terminated << "}";
}

// Reads `text` in pieces of `size` bytes (0: whole) and gives every block; their raw slices must be the text.
std::vector<Got> read(const std::string& text, std::size_t size = 0) {
  SseReader reader;
  std::vector<Got> got;
  std::string raw;
  const auto keep = [&](const SseEvent& event) {
    got.push_back({std::string(event.event.text()), std::string(event.data.text()),
                   std::string(event.id.text()), event.has_data, event.terminated});
    raw += event.raw.text();
  };
  if (size == 0) size = std::max<std::size_t>(text.size(), 1);
  for (std::size_t at = 0; at < text.size(); at += size) {
    reader.feed(Slice::copy_of(std::string_view(text).substr(at, size)));
    while (auto event = *reader.next()) keep(*event);
  }
  if (const auto last = reader.finish()) keep(*last);
  EXPECT_EQ(raw, text) << "relaying the raw slices must give the very bytes that came";
  return got;
}

// The same events whatever the chunking.
std::vector<Got> read_any(const std::string& text) {
  const auto whole = read(text);
  for (std::size_t size = 1; size <= text.size(); ++size)
    EXPECT_EQ(read(text, size), whole) << "pieces of " << size;
  return whole;
}

Got data(std::string text) {
  return {"", std::move(text), "", true, true};
}
Got none() {
  return {"", "", "", false, true};
}

TEST(http_sse_reader, takes_every_line_end) {
  EXPECT_THAT(read_any("data: a\n\ndata: b\n\n"), ElementsAre(data("a"), data("b")));
  EXPECT_THAT(read_any("data: a\r\n\r\ndata: b\r\n\r\n"), ElementsAre(data("a"), data("b")));
  EXPECT_THAT(read_any("data: a\r\rdata: b\r\r"), ElementsAre(data("a"), data("b")));
  EXPECT_THAT(read_any("data: a\ndata: b\r\n\ndata: c\r\r"), ElementsAre(data("a\nb"), data("c")));
}

TEST(http_sse_reader, a_cr_only_event_does_not_wait_for_the_next) {
  SseReader reader;
  reader.feed(Slice::copy_of("data: now\r\r"));
  EXPECT_TRUE(reader.next()->has_value());
}

TEST(http_sse_reader, the_space_after_the_colon_is_optional_and_single) {
  EXPECT_THAT(read_any("data:{\"a\":1}\n\ndata:  two\n\ndata\n\n"),
              ElementsAre(data("{\"a\":1}"), data(" two"), data("")));
}

TEST(http_sse_reader, joins_data_lines) {
  EXPECT_THAT(read_any("data: a\ndata:\ndata: b\n\n"), ElementsAre(data("a\n\nb")));
}

TEST(http_sse_reader, event_may_follow_data) {
  EXPECT_THAT(read_any("data: {}\nevent: done\nid: 7\n\n"), ElementsAre(Got{"done", "{}", "7", true, true}));
}

TEST(http_sse_reader, gives_comments_and_keep_alives_as_blocks_without_data) {
  EXPECT_THAT(read_any(": OPENROUTER PROCESSING\n\ndata: a\n\n: hi\ndata: b\n\nevent: ping\n\n"),
              ElementsAre(none(), data("a"), data("b"), Got{"ping", "", "", false, true}));
}

TEST(http_sse_reader, skips_a_byte_order_mark) {
  EXPECT_THAT(read_any("\xEF\xBB\xBF"s + "data: a\n\ndata: b\n\n"), ElementsAre(data("a"), data("b")));
  EXPECT_THAT(read_any("\xEF\xBB"s + "data: a\n\n"), ElementsAre(none()));
  EXPECT_THAT(read_any("\xEF\xBB\xBF"s + "\n\ndata: a\n\n"), ElementsAre(none(), none(), data("a")));
}

TEST(http_sse_reader, gives_a_last_block_without_its_blank_line) {
  EXPECT_THAT(read_any("data: a\n\ndata: [DONE]"),
              ElementsAre(data("a"), Got{"", "[DONE]", "", true, false}));
  EXPECT_THAT(read_any("data: [DONE]\n"), ElementsAre(Got{"", "[DONE]", "", true, false}));
  EXPECT_THAT(read_any("data: [DONE]\r\n\r"), ElementsAre(data("[DONE]")));
  EXPECT_THAT(read_any(""), ElementsAre());
}

TEST(http_sse_reader, ignores_unknown_fields_and_ids_with_nul) {
  EXPECT_THAT(read_any("retry: 5\nfoo: bar\nid: a\0b\ndata: x\n\n"s), ElementsAre(data("x")));
}

TEST(http_sse_reader, extra_blank_lines_are_blocks_of_their_own) {
  EXPECT_THAT(read_any("\n\ndata: a\n\n\n"), ElementsAre(none(), none(), data("a"), none()));
}

TEST(http_sse_reader, neighbours_of_one_read_leave_in_one_piece) {
  SseReader reader;
  reader.feed(Slice::copy_of("data: a\n\ndata: b\n\n: c\n\ndata: unfin"));
  Body out;
  while (auto event = *reader.next()) append(out, event->raw);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].text(), "data: a\n\ndata: b\n\n: c\n\n");
}

TEST(http_sse_reader, data_of_one_line_is_not_copied) {
  SseReader reader;
  reader.feed(Slice::copy_of("event: e\ndata: abc\n\n"));
  const auto event = *reader.next();
  EXPECT_EQ(event->data.owner(), event->raw.owner());
  EXPECT_EQ(event->data.data(), event->raw.data() + 15);
}

TEST(http_sse_reader, may_be_fed_before_all_was_taken) {
  SseReader reader;
  reader.feed(Slice::copy_of("data: a\n\ndata: b"));
  reader.feed(Slice::copy_of("c\n\n"));
  EXPECT_EQ((*reader.next())->data.text(), "a");
  EXPECT_EQ((*reader.next())->data.text(), "bc");
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(http_sse_reader, refuses_an_event_over_the_limit_for_good) {
  const std::string fits = "data: " + std::string(100 - 8, 'x') + "\n\n";
  SseReader at_edge(100);
  at_edge.feed(Slice::copy_of(fits));
  EXPECT_TRUE(at_edge.next()->has_value());
  for (const std::size_t size : {1, 7, 200}) {
    SseReader over(100);
    const std::string text = "data: " + std::string(101 - 8, 'x') + "\n\n";
    bool failed = false;
    for (std::size_t at = 0; at < text.size(); at += size) {
      over.feed(Slice::copy_of(std::string_view(text).substr(at, size)));
      const auto event = over.next();
      failed = failed || !event;
      if (event) EXPECT_FALSE(event->has_value());
    }
    EXPECT_TRUE(failed) << size;
    over.feed(Slice::copy_of("data: a\n\n"));
    EXPECT_EQ(over.next().error().code, base::ErrorCode::upstream_failed);
  }
}

TEST(http_sse_reader, sixteen_megabytes_is_the_default_limit) {
  SseReader reader;
  const Slice megabyte = Slice::of(std::string(1 << 20, 'x'));
  reader.feed(Slice::copy_of("data: "));
  ASSERT_TRUE(reader.next().has_value());
  for (int i = 0; i < 15; ++i) {
    reader.feed(megabyte);
    ASSERT_TRUE(reader.next().has_value()) << i;
  }
  reader.feed(megabyte);
  EXPECT_FALSE(reader.next().has_value());
}

}  // namespace
}  // namespace sluice::http
