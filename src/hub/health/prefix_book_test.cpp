#include "hub/health/prefix_book.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(1e12 + seconds * 1e9)));
}

std::string prompt(std::size_t bytes, char first = 'a') {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + (i * i + i / 7) % 26);
  if (!text.empty()) text[0] = first;
  return text;
}

TEST(hub_health_prefix_book, a_longer_prompt_begins_like_the_one_it_goes_on_from) {
  const std::string whole = prompt(5'000);
  const auto of = [&](std::size_t bytes) {
    return Prefixes::of(std::string_view(whole).substr(0, bytes), 7);
  };
  EXPECT_EQ(of(kPrefixBytesLeast - 1).count, 0U);
  EXPECT_EQ(of(kPrefixBytesLeast).count, 1U);
  EXPECT_EQ(of(4'095).count, 2U);
  EXPECT_EQ(of(4'096).count, 3U);
  const Prefixes longest = of(5'000);
  for (const std::size_t bytes : {1'024, 2'000, 2'048, 4'999}) {
    const Prefixes shorter = of(bytes);
    for (std::size_t i = 0; i < shorter.count; ++i) EXPECT_EQ(shorter.hashes[i], longest.hashes[i]) << bytes;
    EXPECT_EQ(shorter.whole, longest.whole) << bytes;
  }
  EXPECT_EQ(Prefixes::of(std::string(8 << 20, 'x'), 7).count, kPrefixSizes);
}

TEST(hub_health_prefix_book, other_texts_and_other_salts_have_other_hashes) {
  std::set<std::uint64_t> seen;
  std::size_t made = 0;
  for (const std::uint64_t salt : {1, 2})
    for (const char first : {'a', 'b'})
      for (const std::size_t bytes : {0, 1, 2, 8, 9, 1'023, 4'096}) {
        const Prefixes prefixes = Prefixes::of(prompt(bytes, first), salt);
        EXPECT_NE(prefixes.whole, 0U);
        for (std::size_t i = 0; i < prefixes.count; ++i) seen.insert(prefixes.hashes[i]), ++made;
        if (prefixes.count == 0 && bytes > 0) seen.insert(prefixes.whole), ++made;
      }
  EXPECT_EQ(seen.size(), made);
}

TEST(hub_health_prefix_book, knows_who_read_how_much_of_it_and_forgets_it_with_time) {
  PrefixBook book;
  const std::string text = prompt(5'000);
  const Prefixes short_one = book.prefixes_of(std::string_view(text).substr(0, 2'500));
  const Prefixes long_one = book.prefixes_of(text);
  ASSERT_EQ(short_one.count, 2U);
  ASSERT_EQ(long_one.count, 3U);
  EXPECT_EQ(book.held("groq/m", long_one, at(0)), 0U);
  book.note("groq/m", short_one, at(0));
  EXPECT_EQ(book.held("groq/m", long_one, at(1)), 2U);
  EXPECT_EQ(book.held("novita/m", long_one, at(1)), 0U);
  book.note("novita/m", long_one, at(10));
  EXPECT_EQ(book.held("novita/m", long_one, at(11)), 3U);
  EXPECT_EQ(book.held("groq/m", book.prefixes_of(prompt(5'000, 'z')), at(11)), 0U);
  const double life_s = std::chrono::duration<double>(kPrefixLife).count();
  EXPECT_EQ(book.held("groq/m", long_one, at(life_s)), 2U);
  EXPECT_EQ(book.held("groq/m", long_one, at(life_s + 1)), 0U);
  book.note("groq/m", short_one, at(life_s + 1));
  EXPECT_EQ(book.held("groq/m", long_one, at(life_s + 2)), 2U) << "read again";
}

TEST(hub_health_prefix_book, holds_at_most_so_many_and_forgets_the_oldest) {
  PrefixBook book(10);
  const Prefixes first = book.prefixes_of(prompt(2'048, '0'));
  book.note("r", first, at(0));
  for (int i = 1; i < 5; ++i)
    book.note("r", book.prefixes_of(prompt(2'048, static_cast<char>('0' + i))), at(i));
  EXPECT_EQ(book.size(), 10U);
  EXPECT_EQ(book.held("r", first, at(5)), 2U);
  book.note("r", first, at(5));
  book.note("r", book.prefixes_of(prompt(1'024, '7')), at(6));
  EXPECT_EQ(book.size(), 10U);
  EXPECT_EQ(book.held("r", first, at(6)), 2U) << "it was touched";
  EXPECT_EQ(book.held("r", book.prefixes_of(prompt(2'048, '1')), at(6)), 1U) << "its longest went first";
}

}  // namespace
}  // namespace sluice::hub::health
