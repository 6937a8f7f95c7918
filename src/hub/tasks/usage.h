// What an answer consumed, by kind. Every kind is kept apart because each has its own price; a kind the
// server did not report is zero. Tokens is a type of its own, so that no count is taken for bytes or money.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"

namespace sluice::hub::tasks {

struct Tokens {
  std::uint64_t count = 0;

  friend auto operator<=>(Tokens, Tokens) = default;
  friend Tokens operator+(Tokens a, Tokens b) { return {a.count + b.count}; }
  friend Tokens saturating_difference(Tokens a, Tokens b) {
    return {a.count > b.count ? a.count - b.count : 0};
  }
};

// How one picture of a request was read.
struct PictureUse {
  std::uint32_t width = 0;  // pixels, upright
  std::uint32_t height = 0;
  std::uint32_t tiles_used = 0;
  std::uint32_t tiles_possible = 0;  // at full detail

  friend bool operator==(const PictureUse&, const PictureUse&) = default;
};

struct Usage {
  // The prompt: `input` is all of it; the others are parts of `input` and do not overlap each other,
  // except that an image or audio token may have been cached.
  Tokens input;
  Tokens cached;            // read from the provider's prompt cache
  Tokens cache_write;       // written to it, where that is billed; the next is a part of it
  Tokens cache_write_long;  // kept for an hour rather than minutes
  Tokens input_audio;
  Tokens input_image;

  // The answer: `output` is all of it, hidden reasoning included; the others are parts of it.
  Tokens output;
  Tokens reasoning;
  Tokens output_audio;
  Tokens output_image;
  Tokens accepted_prediction;
  Tokens rejected_prediction;

  // What only the device tells: its pictures, and what may have made the answer worse.
  std::vector<PictureUse> pictures = {};
  std::vector<std::string> warnings = {};

  // What the provider itself says the call cost, where it says so.
  std::optional<base::NanoUsd> reported_cost;

  Tokens total() const { return input + output; }
  Tokens uncached() const { return saturating_difference(input, cached + cache_write); }

  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace sluice::hub::tasks
