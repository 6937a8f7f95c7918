// Randomness as an argument: code that needs a die takes a Random&, tests seed it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::base {

// xoshiro256++ (Blackman and Vigna 2019), seeded by SplitMix64. Not for secrets. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  double uniform();                          // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);  // [0, bound), bound > 0, unbiased

 private:
  std::array<std::uint64_t, 4> state_;
};

// From the kernel; for keys, ids and seeds. Any thread.
void fill_with_secure_random(std::span<std::byte> out);
std::uint64_t secure_random_u64();

}  // namespace sluice::base
