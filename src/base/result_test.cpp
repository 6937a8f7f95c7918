#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "base/ids.h"
#include "base/random.h"

namespace sluice::base {
namespace {

Result<std::unique_ptr<int>> half_of(int value) {
  if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "expected an even number, got {}", value);
  return std::make_unique<int>(value / 2);
}

Result<int> quarter_of(int value) {
  SLUICE_TRY(auto half, half_of(value));
  SLUICE_TRY(const auto quarter, half_of(*half));
  return *quarter;
}

TEST(base_result, passes_values_and_errors_up) {
  EXPECT_EQ(quarter_of(8), 2);
  const auto failed = quarter_of(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "expected an even number, got 3");
  EXPECT_EQ(http_status_of(failed.error().code), 400);
  EXPECT_EQ(name_of(failed.error().code), "invalid_argument");
}

TEST(base_result, random_is_repeatable_and_in_bounds) {
  Random a(7);
  Random b(7);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.next(), b.next());
    EXPECT_LT(a.below(3), 3U);
    b.below(3);
    const double u = a.uniform();
    b.uniform();
    EXPECT_TRUE(u >= 0 && u < 1);
  }
}

TEST(base_result, ids_are_unique_and_of_version_seven) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_uuid7();
    EXPECT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], '7');
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_TRUE(make_id("req_").starts_with("req_"));
}

}  // namespace
}  // namespace sluice::base
