#include "app/drill/play.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sluice::app::drill {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST(app_drill_play, every_fault_of_the_simulator_has_its_row) {
  std::set<std::string_view> played;
  for (const Scenario& scenario : all_scenarios())
    for (const Route& route : scenario.used_routes()) played.insert(route.fault);
  for (const hub::simulator::Fault& fault : hub::simulator::all_faults())
    EXPECT_TRUE(played.contains(fault.name)) << fault.name;
}

TEST(app_drill_play, every_row_is_told_apart_and_names_faults_that_exist) {
  std::set<std::string_view> names;
  std::set<std::string> providers;
  for (const Scenario& scenario : all_scenarios()) {
    EXPECT_TRUE(names.insert(scenario.name).second) << scenario.name;
    EXPECT_TRUE(scenario.plain || scenario.stream) << scenario.name;
    EXPECT_FALSE(scenario.story.empty()) << scenario.name;
    for (const Route& route : scenario.used_routes()) {
      const auto* fault = hub::simulator::find_fault(route.fault);
      ASSERT_NE(fault, nullptr) << scenario.name;
      EXPECT_FALSE(fault->streams_only && scenario.plain) << scenario.name;
    }
  }
  for (const Play& play : all_plays("", true))
    for (std::size_t i = 0; i < play.scenario->route_count; ++i)
      EXPECT_TRUE(providers.insert(play.upstream(i)).second) << "rows must not learn from each other";
}

TEST(app_drill_play, one_row_can_be_asked_for) {
  EXPECT_THAT(all_plays("500", true), SizeIs(2));
  EXPECT_THAT(all_plays("duplicated", true), SizeIs(1));
  EXPECT_THAT(all_plays("nonsense", true), SizeIs(0));
  EXPECT_THAT(all_plays("pin", false), SizeIs(0)) << "only sluice has pins";
}

TEST(app_drill_play, addresses_lead_to_the_upstream_or_to_nobody) {
  EXPECT_EQ(base_url_of(all_plays("500", true)[0], 0, 7), "http://127.0.0.1:7/drill-500-plain-a/v1");
  EXPECT_EQ(base_url_of(all_plays("refused_connection", true)[1], 0, 7),
            "http://127.0.0.1:1/drill-refused-connection-stream-a/v1");
  EXPECT_THAT(base_url_of(all_plays("tls_failure", true)[0], 0, 7), HasSubstr("https://127.0.0.1:7/"));
  EXPECT_THAT(base_url_of(all_plays("dns_failure", true)[0], 0, 7), HasSubstr("https://drill.invalid/"));
}

TEST(app_drill_play, configurations_name_every_upstream) {
  const auto plays = all_plays("", true);
  for (const auto form : {ConfigForm::sluice, ConfigForm::litellm, ConfigForm::list}) {
    const std::string text = write_config(plays, 7, form);
    for (const Play& play : plays)
      for (std::size_t i = 0; i < play.scenario->route_count; ++i)
        EXPECT_THAT(text, HasSubstr("/" + play.upstream(i))) << "form " << static_cast<int>(form);
  }
  EXPECT_THAT(write_config(plays, 7, ConfigForm::sluice),
              AllOf(HasSubstr("\"first_byte_timeout\":\"2000ms\""),
                    HasSubstr("\"data_policy\":{\"retains\":false,\"trains\":false}")));
  EXPECT_EQ(config_form_of("litellm"), ConfigForm::litellm);
  EXPECT_EQ(config_form_of("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace sluice::app::drill
