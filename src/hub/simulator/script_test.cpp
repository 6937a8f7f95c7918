#include "hub/simulator/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sluice::hub::simulator {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const Script& script) {
  std::string out;
  for (const Beat& beat : script.beats)
    for (std::uint32_t i = 0; i < beat.repeat; ++i) out += beat.bytes.text();
  return out;
}

std::uint32_t tokens_of(const Script& script) {
  std::uint32_t tokens = 0;
  for (const Beat& beat : script.beats) tokens += beat.tokens;
  return tokens;
}

UpstreamSettings north() {
  return {.name = "north"};
}

Script write(std::string_view fault, Asked asked) {
  asked.model = "m";
  return write_script(north(), *find_fault(fault), asked);
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(hub_simulator_script, a_healthy_answer_holds_its_words_in_both_forms) {
  EXPECT_EQ(answer_of(north()), "north one two three four five six seven");
  const Script whole = write("none", {});
  EXPECT_THAT(text_of(whole), HasSubstr(answer_of(north())));
  EXPECT_FALSE(whole.in_pieces);
  const Script stream = write("none", {.stream = true, .wants_usage = true});
  EXPECT_THAT(text_of(stream), AllOf(HasSubstr("\" seven\""), HasSubstr("\"completion_tokens\":8"),
                                     EndsWith("data: [DONE]\n\n")));
  EXPECT_EQ(tokens_of(stream), 8u);
  EXPECT_EQ(tokens_of(whole), 8u);
  EXPECT_THAT(text_of(write("none", {.stream = true})), Not(HasSubstr("usage")));
}

TEST(hub_simulator_script, a_429_says_when_in_the_form_of_its_row) {
  UpstreamSettings upstream = north();
  upstream.retry_after = Millis(1500);
  const auto headers = [&](std::string_view fault) {
    return write_script(upstream, *find_fault(fault), {.unix_s = 784111777}).headers;
  };
  EXPECT_FALSE(headers("429").contains("retry-after"));
  EXPECT_EQ(headers("429_seconds").find("retry-after"), "2");
  EXPECT_EQ(headers("429_ms").find("retry-after-ms"), "1500");
  EXPECT_EQ(headers("429_date").find("retry-after"), "Sun, 06 Nov 1994 08:49:40 GMT");
}

TEST(hub_simulator_script, broken_answers_say_only_what_came_before_the_break) {
  for (const std::string_view name : {"cut_after_first_token", "unterminated", "malformed"}) {
    for (const bool stream : {false, true}) {
      const Script script = write(name, {.stream = stream});
      EXPECT_EQ(tokens_of(script), kTokensBeforeCut) << name;
      EXPECT_THAT(text_of(script), AllOf(Not(HasSubstr("seven")), Not(HasSubstr("[DONE]")))) << name;
      EXPECT_EQ(script.end, name == "cut_after_first_token" ? Script::End::cut : Script::End::whole);
    }
  }
  EXPECT_EQ(tokens_of(write("cut_before_first_token", {.stream = true})), 0u);
}

TEST(hub_simulator_script, silence_is_before_or_after_the_head) {
  EXPECT_FALSE(write("silence", {}).says_head);
  const Script after = write("silence_after_head", {});
  EXPECT_TRUE(after.says_head && after.in_pieces && after.beats.empty());
  EXPECT_EQ(after.end, Script::End::silent);
  EXPECT_EQ(tokens_of(write("keepalives", {.stream = true})), 0u);
}

TEST(hub_simulator_script, duplicates_and_disorder_keep_every_word) {
  const std::string twice = text_of(write("duplicated", {.stream = true, .wants_usage = true}));
  EXPECT_EQ(count(twice, "\"finish_reason\":\"stop\""), 2u);
  EXPECT_EQ(count(twice, "\"completion_tokens\""), 2u);
  EXPECT_EQ(count(twice, "\" seven\""), 1u);
  const std::string mixed = text_of(write("reordered", {.stream = true, .wants_usage = true}));
  EXPECT_LT(mixed.find("\"content\":\"north\""), mixed.find("\"role\""));
  EXPECT_LT(mixed.find("completion_tokens"), mixed.find("\"stop\""));
}

TEST(hub_simulator_script, the_giants_are_beyond_the_limits_of_any_reader) {
  EXPECT_GT(text_of(write("giant", {.stream = true})).size(), std::size_t{16} << 20);
  EXPECT_GT(text_of(write("giant", {})).size(), std::size_t{64} << 20);
}

TEST(hub_simulator_script, a_slow_answer_takes_that_many_times_as_long) {
  UpstreamSettings upstream = north();
  upstream.first_token = Millis(10);
  upstream.per_token = Millis(2);
  const Script quick = write_script(upstream, *find_fault("none"), {});
  const Script slow = write_script(upstream, *find_fault("none"), {.slowness = 10});
  EXPECT_EQ(quick.head_after, Millis(26));
  EXPECT_EQ(slow.head_after, Millis(260));
}

TEST(hub_simulator_script, a_schedule_is_played_in_order_and_then_ends) {
  const std::vector<Step> schedule{{.fault = find_fault("500"), .requests = 2},
                                   {.fault = find_fault("429"), .requests = 1}};
  EXPECT_EQ(fault_at(schedule, 0).name, "500");
  EXPECT_EQ(fault_at(schedule, 1).name, "500");
  EXPECT_EQ(fault_at(schedule, 2).name, "429");
  EXPECT_EQ(fault_at(schedule, 3).name, "none");
  const std::vector<Step> ever{{.fault = find_fault("503")}};
  EXPECT_EQ(fault_at(ever, kForEver - 1).name, "503");
}

TEST(hub_simulator_script, every_fault_is_found_by_its_name_and_told) {
  std::set<std::string_view> names;
  for (const Fault& fault : all_faults()) {
    EXPECT_EQ(find_fault(fault.name), &fault);
    EXPECT_FALSE(fault.story.empty()) << fault.name;
    EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
  }
  EXPECT_EQ(find_fault("nonsense"), nullptr);
}

}  // namespace
}  // namespace sluice::hub::simulator
