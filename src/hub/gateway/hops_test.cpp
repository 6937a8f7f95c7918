#include "hub/gateway/hops.h"

#include <gtest/gtest.h>

#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;

TEST(hub_gateway_hops, a_first_hub_sends_its_own_id) {
  const auto hops = read_hops(http::Headers{}, "me");
  ASSERT_TRUE(hops);
  EXPECT_EQ(add_hop(*hops, "me"), "me");
}

TEST(hub_gateway_hops, ids_are_appended_in_order) {
  const auto hops = read_hops(http::Headers{{"X-Sluice-Via", "a,b"}, {"x-sluice-via", " c "}}, "me");
  ASSERT_TRUE(hops);
  EXPECT_EQ(add_hop(*hops, "me"), "a, b, c, me");
}

TEST(hub_gateway_hops, meeting_oneself_is_a_loop) {
  for (const char* value : {"me", "a, me", "me ,b", "a,b,\tme"}) {
    const auto hops = read_hops(http::Headers{{"x-sluice-via", value}}, "me");
    ASSERT_FALSE(hops) << value;
    EXPECT_EQ(hops.error().code, ErrorCode::loop_detected);
  }
  EXPECT_TRUE(read_hops(http::Headers{{"x-sluice-via", "me2, notme"}}, "me"));
}

TEST(hub_gateway_hops, has_a_limit) {
  std::string value = "a";
  for (std::size_t i = 1; i < kMaxHops; ++i) value += ",a";
  EXPECT_TRUE(read_hops(http::Headers{{"x-sluice-via", value}}, "me"));
  EXPECT_FALSE(read_hops(http::Headers{{"x-sluice-via", value + ",a"}}, "me"));
}

}  // namespace
}  // namespace sluice::hub::gateway
