#include "hub/health/limit_book.h"

#include <gtest/gtest.h>

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
}

HeadNews news(LimitNews limit) {
  HeadNews news;
  news.limits[0] = limit;
  news.count = 1;
  return news;
}

TEST(hub_health_limit_book, counts_those_that_left_after_the_one_that_was_answered) {
  LimitBook book;
  const LimitMark first = book.note_begin(0, at(0));
  book.note_begin(0, at(0));
  book.note_begin(0, at(0));
  book.note_head(news({.limit = 10, .remaining = 9, .reset_s = 60}), false, first, at(1));
  EXPECT_EQ(book.left(0, at(1)).requests, 7);
  EXPECT_FALSE(book.left(0, at(1)).retry_at);
}

TEST(hub_health_limit_book, is_used_up_until_the_reset) {
  LimitBook book;
  const LimitMark mark = book.note_begin(0, at(0));
  book.note_head(news({.limit = 2, .remaining = 1, .reset_s = 60}), false, mark, at(1));
  book.note_begin(0, at(2));
  EXPECT_EQ(book.left(0, at(2)).requests, 0);
  EXPECT_EQ(book.left(0, at(2)).retry_at,
            at(60.1));  // counted from when that request left, and a little more
  EXPECT_FALSE(book.left(0, at(60.1)).requests);
}

TEST(hub_health_limit_book, lets_a_bucket_refill_little_by_little) {
  LimitBook book;
  const LimitMark mark = book.note_begin(0, at(0));
  book.note_head(news({.limit = 60, .remaining = 0, .reset_s = 60, .refills = true}), false, mark, at(0));
  EXPECT_EQ(book.left(0, at(0)).retry_at, at(1));
  EXPECT_NEAR(*book.left(0, at(30)).requests, 30, 1e-6);
}

TEST(hub_health_limit_book, weighs_a_request_by_its_tokens) {
  LimitBook book;
  const LimitMark mark = book.note_begin(500, at(0));
  book.note_head(news({.resource = Resource::tokens, .limit = 10'000, .remaining = 900, .reset_s = 10}),
                 false, mark, at(0));
  EXPECT_FALSE(book.left(900, at(0)).retry_at);
  EXPECT_EQ(book.left(901, at(0)).retry_at, at(10.1));
  book.note_begin(800, at(1));
  EXPECT_EQ(book.left(0, at(1)).tokens, 100);
  // More than the whole limit would wait for ever.
  LimitBook full;
  full.note_head(news({.resource = Resource::tokens, .limit = 1'000, .remaining = 1'000, .reset_s = 10}),
                 false, full.note_begin(0, at(0)), at(0));
  EXPECT_FALSE(full.left(5'000, at(0)).retry_at);
}

TEST(hub_health_limit_book, believes_the_head_of_the_later_request) {
  LimitBook book;
  const LimitMark first = book.note_begin(0, at(0)), second = book.note_begin(0, at(0));
  book.note_head(news({.limit = 10, .remaining = 3, .reset_s = 60}), false, second, at(1));
  book.note_head(news({.limit = 10, .remaining = 9, .reset_s = 60}), false, first, at(2));
  EXPECT_EQ(book.left(0, at(2)).requests, 3);
}

TEST(hub_health_limit_book, believes_a_figure_without_reset_for_a_minute) {
  LimitBook book;
  book.note_head(news({.limit = {}, .remaining = 0, .reset_s = {}}), false, book.note_begin(0, at(0)), at(0));
  EXPECT_EQ(book.left(0, at(1)).retry_at, at(60));
  EXPECT_FALSE(book.left(0, at(60)).retry_at);
}

TEST(hub_health_limit_book, learns_a_rate_only_where_no_head_explains_the_refusal) {
  LimitBook explained;
  const LimitMark mark = explained.note_begin(0, at(0));
  explained.note_head(news({.limit = 1, .remaining = 0, .reset_s = 5}), false, mark, at(0));
  explained.note_refused({}, at(0));
  EXPECT_FALSE(explained.left(0, at(5.1)).retry_at);

  LimitBook silent;
  silent.note_begin(0, at(0));
  silent.note_refused({}, at(0));
  EXPECT_TRUE(silent.left(0, at(0.1)).retry_at);
}

TEST(hub_health_limit_book, keeps_to_its_number_of_limits) {
  LimitBook book;
  for (std::size_t i = 0; i <= kLimitsOfRouteMax; ++i)
    book.note_head(
        news({.window_s = 1.0 + static_cast<double>(i), .limit = {}, .remaining = 5, .reset_s = {}}), false,
        book.note_begin(0, at(0)), at(0));
  std::vector<LimitRow> rows;
  book.append_rows(rows, false, at(0.5));
  EXPECT_EQ(rows.size(), kLimitsOfRouteMax);
}

}  // namespace
}  // namespace sluice::hub::health
