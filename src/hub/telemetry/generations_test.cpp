#include "hub/telemetry/generations.h"

#include <gtest/gtest.h>

namespace sluice::hub::telemetry {
namespace {

Generation made(std::string id, std::string request_id, std::string key_id) {
  Generation one;
  one.id = std::move(id);
  one.request_id = std::move(request_id);
  one.key_id = std::move(key_id);
  one.model = one.id + "/model";
  return one;
}

TEST(hub_telemetry_generations, are_found_by_either_id_and_only_by_their_key) {
  Generations generations(8);
  generations.add(made("gen-1", "req-1", "alice"));
  EXPECT_EQ(generations.find("gen-1", "alice")->model, "gen-1/model");
  EXPECT_EQ(generations.find("req-1", "alice")->id, "gen-1");
  EXPECT_FALSE(generations.find("gen-1", "bob"));
  EXPECT_FALSE(generations.find("gen-1", ""));
  EXPECT_FALSE(generations.find("gen-2", "alice"));
  EXPECT_FALSE(generations.find("", "alice"));
}

TEST(hub_telemetry_generations, hold_the_last_so_many) {
  Generations generations(3);
  for (int i = 0; i < 10; ++i)
    generations.add(made("gen-" + std::to_string(i), "req-" + std::to_string(i), "k"));
  EXPECT_FALSE(generations.find("gen-6", "k"));
  EXPECT_FALSE(generations.find("req-6", "k"));
  for (int i = 7; i < 10; ++i) EXPECT_TRUE(generations.find("req-" + std::to_string(i), "k"));
}

// Clients may choose request ids, and so take another's.
TEST(hub_telemetry_generations, of_an_id_given_twice_each_key_finds_its_own_latest) {
  Generations generations(2);
  generations.add(made("gen-1", "same", "alice"));
  generations.add(made("gen-2", "same", "bob"));
  EXPECT_EQ(generations.find("same", "alice")->id, "gen-1");
  EXPECT_EQ(generations.find("same", "bob")->id, "gen-2");
  generations.add(made("gen-3", "same", "alice"));  // takes the first one's place
  EXPECT_EQ(generations.find("same", "alice")->id, "gen-3");
  EXPECT_EQ(generations.find("same", "bob")->id, "gen-2");
  EXPECT_FALSE(generations.find("gen-1", "alice"));
}

}  // namespace
}  // namespace sluice::hub::telemetry
