#include "hub/dialects/drop_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {
namespace {

using testing::ElementsAre;

TEST(hub_dialects_drop_list, keeps_each_name_once_in_order) {
  DropList dropped;
  dropped.add("seed");
  dropped.add_others({{.name = "x", .json = "1"}, {.name = "seed", .json = "2"}});
  dropped.add_others({{.name = "x", .json = "1"}}, "messages.");
  EXPECT_THAT(dropped.take(), ElementsAre("seed", "x", "messages.x"));
}

TEST(hub_dialects_drop_list, ends_at_its_limit) {
  DropList dropped;
  for (std::size_t i = 0; i < kDroppedNamesMax; ++i) dropped.add(std::to_string(i));
  DropList more = dropped;
  EXPECT_EQ(dropped.take().back(), std::to_string(kDroppedNamesMax - 1));
  more.add("one more");
  more.add("and more");
  const auto names = more.take();
  EXPECT_EQ(names.size(), kDroppedNamesMax + 1);
  EXPECT_EQ(names.back(), "...");
}

}  // namespace
}  // namespace sluice::hub::dialects
