#include "vlm/generation/stop_filter.h"

#include <gmock/gmock.h>

#include "base/random.h"
#include "vlm/generation/limits.h"

namespace sluice::vlm::generation {
namespace {

std::string run(StopFilter& filter, std::initializer_list<std::string_view> pieces) {
  std::string shown;
  for (const std::string_view piece : pieces) shown += filter.feed(piece);
  return shown + filter.finish();
}

TEST(vlm_generation_stop_filter, passes_text_through_without_stop_strings) {
  StopFilter filter({});
  EXPECT_EQ(filter.feed("abc"), "abc");
  EXPECT_FALSE(filter.stopped());
}

TEST(vlm_generation_stop_filter, holds_back_what_may_become_a_stop_string) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.feed("the E"), "the ");
  EXPECT_EQ(filter.feed("N"), "");
  EXPECT_EQ(filter.feed("V"), "ENV");
  EXPECT_EQ(filter.feed("E"), "");
  EXPECT_EQ(filter.finish(), "E");
}

TEST(vlm_generation_stop_filter, never_shows_part_of_a_stop_string) {
  StopFilter filter({"\n\nUser:"});
  EXPECT_EQ(run(filter, {"Yes.", "\n", "\nUs", "er", ":", " more"}), "Yes.");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.match(), "\n\nUser:");
}

TEST(vlm_generation_stop_filter, the_match_that_is_complete_first_wins) {
  StopFilter filter({"abcd", "bc"});
  EXPECT_EQ(filter.feed("xabcd"), "xa");
  EXPECT_EQ(filter.match(), "bc");
}

TEST(vlm_generation_stop_filter, of_those_that_end_together_the_longest_wins) {
  StopFilter filter({"c", "abc"});
  EXPECT_EQ(run(filter, {"xab", "c"}), "x");
  EXPECT_EQ(filter.match(), "abc");
}

TEST(vlm_generation_stop_filter, does_not_depend_on_how_the_text_is_cut) {
  base::Random random(7);
  for (int round = 0; round < 2000; ++round) {
    const auto word = [&](std::size_t length_max) {
      std::string text;
      for (std::size_t n = random.below(length_max) + 1; n > 0; --n) text.push_back("ab"[random.below(2)]);
      return text;
    };
    const std::vector<std::string> stops{word(4), word(5)};
    const std::string text = word(16);
    StopFilter whole(stops);
    const std::string expected = whole.feed(text) + whole.finish();
    StopFilter cut(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = random.below(3) + 1;
      shown += cut.feed(std::string_view(text).substr(at, length));
      at += length;
    }
    ASSERT_EQ(shown + cut.finish(), expected) << text << " " << stops[0] << " " << stops[1];
    ASSERT_EQ(cut.match(), whole.match());
    for (const std::string& stop : stops) ASSERT_EQ(expected.find(stop), std::string::npos);
  }
}

TEST(vlm_generation_stop_filter, refuses_beyond_its_limits) {
  EXPECT_TRUE(check_stop_strings(std::vector<std::string>(kStopStringsMax, "x")));
  EXPECT_FALSE(check_stop_strings(std::vector<std::string>(kStopStringsMax + 1, "x")));
  EXPECT_TRUE(check_stop_strings({std::string(kStopStringBytesMax, 'x')}));
  const auto refused = check_stop_strings({std::string(kStopStringBytesMax + 1, 'x')});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().parameter, "stop");
  EXPECT_FALSE(check_stop_strings({""}));
}

}  // namespace
}  // namespace sluice::vlm::generation
