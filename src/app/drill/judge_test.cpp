#include "app/drill/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app::drill {
namespace {

using hub::simulator::SeenRequest;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const net::TimePoint kBegin{std::chrono::hours(1)};

Play play_of(std::string_view scenario, bool stream = false) {
  for (const Play& play : all_plays(scenario, true))
    if (play.stream == stream) return play;
  ADD_FAILURE() << scenario;
  return {};
}

SeenRequest seen_at(const Play& play, std::size_t route, int begin_ms, int end_ms) {
  SeenRequest seen;
  seen.upstream = play.upstream(route);
  seen.began = kBegin + milliseconds(begin_ms);
  seen.ended = kBegin + milliseconds(end_ms);
  seen.cost = {1000};
  return seen;
}

Got whole_by(const Play& play, std::size_t route, int end_ms) {
  Got got;
  got.end = Got::End::whole;
  got.status = 200;
  got.text = answer_of(settings_of(play, route));
  got.began = kBegin;
  got.ended = kBegin + milliseconds(end_ms);
  return got;
}

Got error_of(int status, std::string message) {
  Got got;
  got.end = Got::End::error;
  got.status = status;
  got.message = std::move(message);
  got.says_no_retry = true;
  got.began = kBegin;
  got.ended = kBegin + milliseconds(20);
  return got;
}

TEST(app_drill_judge, a_row_that_went_as_documented_is_good) {
  const Play play = play_of("500");
  const Row row =
      judge(play, whole_by(play, 1, 30), std::vector{seen_at(play, 0, 1, 5), seen_at(play, 1, 8, 25)}, {});
  EXPECT_THAT(row.problems, IsEmpty());
  EXPECT_EQ(row.served_by, 1);
  EXPECT_THAT(row.attempts, ElementsAre(1, 1));
  EXPECT_EQ(row.gap, milliseconds(7));
  EXPECT_EQ(row.cost.nanos, 2000);
}

TEST(app_drill_judge, sees_a_route_that_was_asked_twice) {
  const Play play = play_of("silence");
  const Row row = judge(
      play, whole_by(play, 1, 4100),
      std::vector{seen_at(play, 0, 0, 2000), seen_at(play, 0, 2000, 4000), seen_at(play, 1, 4010, 4090)}, {});
  EXPECT_THAT(row.problems, Contains(HasSubstr("route 1: 2 attempts, expected 1")));
}

TEST(app_drill_judge, sees_a_gap_that_is_too_long_or_too_short) {
  const Play prompt = play_of("500");
  EXPECT_THAT(judge(prompt, whole_by(prompt, 1, 3000),
                    std::vector{seen_at(prompt, 0, 0, 5), seen_at(prompt, 1, 1600, 2900)}, {})
                  .problems,
              Contains(HasSubstr("1600 ms between attempts")));
  const Play waits = play_of("429_alone_seconds");
  EXPECT_THAT(judge(waits, whole_by(waits, 0, 300),
                    std::vector{seen_at(waits, 0, 0, 5), seen_at(waits, 0, 200, 290)}, {})
                  .problems,
              ElementsAre(HasSubstr("200 ms between attempts, expected 1000")));
}

TEST(app_drill_judge, a_part_passed_off_as_whole_is_the_worst) {
  const Play play = play_of("cut_after_first_token", true);
  Got got = whole_by(play, 0, 30);
  got.text = got.text.substr(0, 10);
  EXPECT_THAT(judge(play, got, std::vector{seen_at(play, 0, 0, 10)}, {}).problems,
              Contains(HasSubstr("passed off as whole")));
  got.end = Got::End::silent_cut;
  EXPECT_THAT(judge(play, got, std::vector{seen_at(play, 0, 0, 10)}, {}).problems,
              Contains(HasSubstr("the caller was not told")));
  got.end = Got::End::told_cut;
  EXPECT_THAT(judge(play, got, std::vector{seen_at(play, 0, 0, 10)}, {}).problems, IsEmpty());
}

TEST(app_drill_judge, an_error_has_its_status_its_names_and_no_invitation_to_retry) {
  const Play play = play_of("all_down");
  const std::vector seen{seen_at(play, 0, 0, 5), seen_at(play, 1, 6, 10)};
  const std::string names = play.upstream(0) + " and " + play.upstream(1);
  EXPECT_THAT(judge(play, error_of(503, names), seen, {}).problems, IsEmpty());
  EXPECT_THAT(judge(play, error_of(502, names), seen, {}).problems, ElementsAre(HasSubstr("expected 503")));
  EXPECT_THAT(judge(play, error_of(503, play.upstream(0)), seen, {}).problems,
              ElementsAre(HasSubstr("does not name " + play.upstream(1))));
  Got invites = error_of(503, names);
  invites.says_no_retry = false;
  EXPECT_THAT(judge(play, invites, seen, {}).problems, ElementsAre("no x-should-retry: false"));
}

TEST(app_drill_judge, content_that_reached_a_forbidden_route_fails_the_row) {
  const Play play = play_of("zdr");
  EXPECT_THAT(judge(play, whole_by(play, 1, 30), std::vector{seen_at(play, 1, 0, 10)}, {}).problems,
              IsEmpty());
  EXPECT_THAT(
      judge(play, whole_by(play, 1, 30), std::vector{seen_at(play, 0, 0, 4), seen_at(play, 1, 5, 10)}, {})
          .problems,
      Contains(HasSubstr("route 1: 1 attempts, expected 0")));
}

TEST(app_drill_judge, an_upstream_must_be_closed_within_a_second_of_the_caller) {
  const Play play = play_of("leaves_waiting");
  Got got;
  got.end = Got::End::left;
  got.began = kBegin;
  got.left = got.ended = kBegin + milliseconds(300);
  SeenRequest seen = seen_at(play, 0, 0, 304);
  seen.left = seen.ended;
  const Row row = judge(play, got, std::vector{seen}, {});
  EXPECT_THAT(row.problems, IsEmpty());
  EXPECT_EQ(row.closed_after, milliseconds(4));
  seen.ended = *(seen.left = kBegin + milliseconds(1302));
  EXPECT_THAT(judge(play, got, std::vector{seen}, {}).problems,
              ElementsAre(HasSubstr("closed only 1002 ms later")));
  seen.ended = {};
  EXPECT_THAT(judge(play, got, std::vector{seen}, {}).problems, Contains(HasSubstr("is still being asked")));
}

TEST(app_drill_judge, under_load_a_route_may_be_spared_but_not_asked_more) {
  const Play play = play_of("cut_after_first_token", true);
  EXPECT_THAT(
      judge(play, whole_by(play, 1, 30), std::vector{seen_at(play, 1, 0, 10)}, {.loaded = true}).problems,
      IsEmpty());
  EXPECT_THAT(judge(play, whole_by(play, 1, 30),
                    std::vector{seen_at(play, 0, 0, 3), seen_at(play, 0, 4, 5), seen_at(play, 1, 5, 10)},
                    {.loaded = true})
                  .problems,
              ElementsAre(HasSubstr("route 1: 2 attempts")));
}

}  // namespace
}  // namespace sluice::app::drill
