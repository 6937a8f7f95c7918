#include "hub/credentials/memory.h"

#include <gtest/gtest.h>

#include "hub/credentials/limits.h"
#include "hub/credentials/test_account.h"

namespace sluice::hub::credentials {
namespace {

constexpr Memory::TimePoint kNow{std::chrono::seconds(1'800'000'000)};

EnabledProvider provider_with(std::initializer_list<std::pair<const char*, std::uint32_t>> keys) {
  EnabledProvider enabled;
  for (const auto& [key, weight] : keys)
    enabled.credentials.push_back(
        {.credential = Credential("authorization", "Bearer", key), .weight = weight});
  return enabled;
}

std::vector<int> count_choices(const Memory& memory, const EnabledProvider& enabled, int tickets) {
  std::vector<int> counts(enabled.credentials.size());
  for (int i = 0; i < tickets; ++i) {
    const Credential& chosen = memory.choose(enabled, "req_" + std::to_string(i), kNow);
    for (std::size_t k = 0; k < counts.size(); ++k)
      counts[k] += &enabled.credentials[k].credential == &chosen ? 1 : 0;
  }
  return counts;
}

TEST(hub_credentials_memory, chooses_by_weight_and_the_same_for_the_same_ticket) {
  const EnabledProvider enabled = provider_with({{"a", 1}, {"b", 2}, {"c", 5}});
  const Memory memory;
  const auto counts = count_choices(memory, enabled, 8000);
  EXPECT_NEAR(counts[0], 1000, 120);
  EXPECT_NEAR(counts[1], 2000, 160);
  EXPECT_NEAR(counts[2], 5000, 200);
  EXPECT_EQ(&memory.choose(enabled, "req_7", kNow), &Memory().choose(enabled, "req_7", kNow + kSetAside));
}

TEST(hub_credentials_memory, passes_over_what_was_refused_for_a_while) {
  const EnabledProvider enabled = provider_with({{"a", 1}, {"b", 1}});
  Memory memory;
  memory.set_aside(enabled.credentials[0].credential, kNow);
  EXPECT_EQ(count_choices(memory, enabled, 200)[0], 0);
  EXPECT_TRUE(
      memory.is_set_aside(enabled.credentials[0].credential, kNow + kSetAside - std::chrono::seconds(1)));
  EXPECT_FALSE(memory.is_set_aside(enabled.credentials[0].credential, kNow + kSetAside));
  // A reload makes new credentials; the same secret is still the one that was refused.
  EXPECT_TRUE(memory.is_set_aside(Credential("x-api-key", "", "a"), kNow));
  // When all are refused there is nothing better than to ask again.
  memory.set_aside(enabled.credentials[1].credential, kNow);
  const auto counts = count_choices(memory, enabled, 200);
  EXPECT_GT(counts[0], 50);
  EXPECT_GT(counts[1], 50);
}

TEST(hub_credentials_memory, keeps_tokens_until_they_are_nearly_over) {
  const auto account = parse_service_account(make_test_account_file("https://oauth2.example/token"), "k");
  ASSERT_TRUE(account);
  const Credential credential("authorization", "Bearer", std::make_shared<const ServiceAccount>(*account));
  Memory memory;
  EXPECT_EQ(memory.token(credential, kNow), std::nullopt);
  const auto expires = std::chrono::floor<std::chrono::seconds>(kNow) + std::chrono::seconds(600);
  memory.keep_token(credential, {.value = "t", .expires = expires}, kNow);
  EXPECT_EQ(memory.token(credential, kNow), "t");
  EXPECT_EQ(memory.token(credential, expires - kTokenMargin - std::chrono::seconds(1)), "t");
  EXPECT_EQ(memory.token(credential, expires - kTokenMargin), std::nullopt);
  memory.forget_token(credential);
  EXPECT_EQ(memory.token(credential, kNow), std::nullopt);
}

TEST(hub_credentials_memory, remembers_a_bounded_number) {
  Memory memory;
  for (std::size_t i = 0; i <= kRememberedMax; ++i)
    memory.set_aside(Credential("authorization", "Bearer", "k" + std::to_string(i)), kNow);
  std::size_t remembered = 0;
  for (std::size_t i = 0; i <= kRememberedMax; ++i)
    remembered +=
        memory.is_set_aside(Credential("authorization", "Bearer", "k" + std::to_string(i)), kNow) ? 1 : 0;
  EXPECT_EQ(remembered, kRememberedMax);
}

}  // namespace
}  // namespace sluice::hub::credentials
