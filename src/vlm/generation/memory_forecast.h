// What running a model takes, from the heads of its files: `sluice show` prints it, loading is refused by it,
// and the C library hands it out. One sum, so that what is said is what is refused.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "vlm/generation/language_model.h"

namespace sluice::vlm::generation {

// By what it is for; all of it is touched in full use. Pages of the embedding are the file's: they come as
// tokens are read, the system may drop them again, and they are not part of the sum.
struct MemoryForecast {
  std::size_t weights = 0;    // of the decoder, laid out for the kernels
  std::size_t embedding = 0;  // left in the file
  std::size_t cache = 0;      // keys and values
  std::size_t work = 0;       // activations of one step
  std::size_t vision_weights = 0;
  std::size_t vision_work = 0;

  std::size_t total() const { return weights + cache + work + vision_weights + vision_work; }
};
// `positions` of all sessions together; 0: one session with the model's whole context. `sessions` and
// `threads` as EngineOptions has them (0: its defaults).
MemoryForecast forecast_memory(const ModelFacts& facts, std::size_t positions = 0, std::size_t sessions = 0,
                               std::size_t threads = 0);

// `unavailable`, with both numbers and what they are made of, when the forecast is more than `available`
// bytes.
base::Status check_fits(const MemoryForecast& forecast, std::size_t available, std::string_view name);

}  // namespace sluice::vlm::generation
