#include "app/drill/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <sstream>

namespace sluice::app::drill {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Report make_report() {
  Report report;
  report.plays = all_plays("500", true);
  for (const Play& play : report.plays) {
    Row row;
    row.play = &play;
    row.got.end = Got::End::whole;
    row.got.status = 200;
    row.served_by = 1;
    row.attempts = {1, 1};
    row.gap = milliseconds(7);
    row.cost = {4400};
    report.rows.push_back(row);
  }
  report.rows[1].problems = {"it was \"late\""};
  return report;
}

TEST(app_drill_report, json_is_one_object_a_line) {
  std::istringstream lines(write_json(make_report()));
  simdjson::dom::parser parser;
  std::string line;
  std::vector<bool> good;
  while (std::getline(lines, line)) {
    simdjson::dom::element row;
    ASSERT_EQ(parser.parse(line).get(row), simdjson::SUCCESS) << line;
    EXPECT_EQ(std::string_view(row["row"]), "500");
    EXPECT_EQ(std::int64_t(row["gap_ms"]), 7);
    EXPECT_EQ(std::int64_t(row["attempts"].at(1)), 1);
    good.push_back(bool(row["ok"]));
  }
  EXPECT_THAT(good, testing::ElementsAre(true, false));
}

TEST(app_drill_report, tables_show_what_failed_and_why) {
  const Report report = make_report();
  EXPECT_EQ(report.failed(), 1u);
  EXPECT_THAT(write_table(report),
              AllOf(HasSubstr("whole, by route 2"), HasSubstr("FAILED\n    it was \"late\""),
                    HasSubstr("2 rows, 1 failed")));
  EXPECT_THAT(write_markdown(report),
              HasSubstr("| `500` | whole, by route 2 (1 + 1) | **FAILED** whole, by route 2 (1 + 1) |"));
}

TEST(app_drill_report, the_documented_table_is_the_one_in_force) {
  std::ifstream in(SLUICE_SOURCE_DIR "/docs/reference/drill.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(write_reference()))
      << "put the output of `sluice drill --reference` into docs/reference/drill.md";
}

}  // namespace
}  // namespace sluice::app::drill
