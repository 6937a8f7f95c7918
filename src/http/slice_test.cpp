#include "http/slice.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(http_slice, keeps_its_memory_alive) {
  Slice part;
  {
    const Slice whole = Slice::of(std::string(1000, 'a') + "tail");
    part = whole.sub(1000);
  }
  EXPECT_EQ(part.text(), "tail");
}

TEST(http_slice, sub_clamps) {
  const Slice slice = Slice::copy_of("abcdef");
  EXPECT_EQ(slice.sub(2, 2).text(), "cd");
  EXPECT_EQ(slice.sub(4, 99).text(), "ef");
  EXPECT_TRUE(slice.sub(6).empty());
  EXPECT_TRUE(slice.sub(99).empty());
}

TEST(http_slice, append_joins_neighbours_only) {
  const Slice slice = Slice::copy_of("abcdef");
  Body body;
  append(body, slice.sub(0, 2));
  append(body, slice.sub(2, 2));
  ASSERT_EQ(body.size(), 1u);
  EXPECT_EQ(body[0].text(), "abcd");
  append(body, slice.sub(5));             // a gap
  append(body, Slice::copy_of("other"));  // other memory
  append(body, {});                       // nothing
  EXPECT_EQ(body.size(), 3u);
  EXPECT_EQ(to_string(body), "abcdfother");
  EXPECT_EQ(byte_count(body), 10u);
}

TEST(http_slice, flatten_copies_only_what_is_in_pieces) {
  const Slice one = Slice::copy_of("one");
  EXPECT_EQ(flatten({one}).data(), one.data());
  EXPECT_EQ(flatten({one, one}).text(), "oneone");
  EXPECT_TRUE(flatten({}).empty());
}

}  // namespace
}  // namespace sluice::http
