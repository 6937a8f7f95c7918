#include "vlm/tensor/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::vlm::tensor {
namespace {

TEST(vlm_tensor_arena, parts_are_aligned_apart_and_zero) {
  Arena arena = *Arena::make(1000);
  const auto first = *arena.take(3);
  const auto second = *arena.take_floats(10);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) % Arena::kAlignment, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.data()) % Arena::kAlignment, 0u);
  EXPECT_NE(static_cast<const void*>(first.data()), static_cast<const void*>(second.data()));
  EXPECT_TRUE(std::ranges::all_of(second, [](float value) { return value == 0; }));
  EXPECT_EQ(arena.bytes_taken(), 128u);
}

TEST(vlm_tensor_arena, small_parts_do_not_lie_between_large_ones) {
  Arena arena = *Arena::make(std::size_t{8} << 20);
  const auto first = *arena.take(1 << 20);
  const auto norm = *arena.take_floats(576);
  const auto second = *arena.take(1 << 20);
  EXPECT_EQ(second.data(), first.data() + first.size());
  EXPECT_GT(static_cast<const void*>(norm.data()), static_cast<const void*>(second.data()));
  EXPECT_EQ(arena.bytes_taken(), (std::size_t{2} << 20) + 576 * 4);
  std::size_t parts = 0;
  while (arena.take(1000).has_value()) ++parts;  // the two ends meet and never cross
  EXPECT_EQ(parts, (arena.bytes_max() - (std::size_t{2} << 20) - 576 * 4) / 1024);
}

TEST(vlm_tensor_arena, the_bound_holds_at_its_edge) {
  Arena arena = *Arena::make(4096);
  EXPECT_TRUE(arena.take(arena.bytes_max()).has_value());
  EXPECT_EQ(arena.take(1).error().code, base::ErrorCode::overloaded);
  EXPECT_TRUE(arena.take(0).has_value());
}

TEST(vlm_tensor_arena, impossible_sizes_are_errors) {
  EXPECT_FALSE(Arena::make(~std::size_t{0}).has_value());
  EXPECT_FALSE(Arena::make(std::size_t{1} << 60).has_value());
  Arena arena = *Arena::make(64);
  EXPECT_FALSE(arena.take(~std::size_t{0}).has_value());
  EXPECT_FALSE(arena.take_floats(~std::size_t{0} / 2).has_value());
  EXPECT_FALSE(Arena().take(1).has_value());
}

TEST(vlm_tensor_arena, moving_hands_the_memory_over) {
  Arena arena = *Arena::make(100);
  const auto part = *arena.take(100);
  Arena other = std::move(arena);
  part[99] = std::byte{7};
  EXPECT_EQ(other.bytes_taken(), 128u);
  arena = std::move(other);
  EXPECT_EQ(part[99], std::byte{7});
}

}  // namespace
}  // namespace sluice::vlm::tensor
