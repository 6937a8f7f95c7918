#include "vlm/generation/memory_forecast.h"

#include "base/strings.h"
#include "vlm/generation/kv_cache.h"
#include "vlm/generation/limits.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::generation {

MemoryForecast forecast_memory(const ModelFacts& facts, std::size_t positions, std::size_t sessions,
                               std::size_t threads) {
  const models::Description& text = facts.text;
  if (positions == 0) positions = text.shape.context;
  if (sessions == 0) sessions = kSessionsMax;
  if (threads == 0) threads = tensor::default_threads();
  MemoryForecast forecast{
      .weights = text.weights_bytes,
      .embedding = text.embedding_bytes,
      .cache = KvCache::bytes_for(text.shape, positions),
      .work = models::workspace_bytes(text.shape, kPrefillRowsMax + sessions, sessions, threads)};
  if (facts.vision) {
    forecast.vision_weights = facts.vision->weights_bytes;
    // The frame as numbers stands beside what the tower works in.
    const std::size_t pixels = image::kChannels * facts.vision->shape.image * facts.vision->shape.image;
    forecast.vision_work =
        facts.vision->workspace_bytes + threads * facts.vision->lane_bytes + pixels * sizeof(float);
  }
  return forecast;
}

base::Status check_fits(const MemoryForecast& forecast, std::size_t available, std::string_view name) {
  if (forecast.total() <= available) return {};
  return base::fail(base::ErrorCode::unavailable,
                    "{}: needs {} of memory ({} for weights, {} to work in), {} is free", name,
                    base::format_bytes(forecast.total()),
                    base::format_bytes(forecast.weights + forecast.vision_weights),
                    base::format_bytes(forecast.cache + forecast.work + forecast.vision_work),
                    base::format_bytes(available));
}

}  // namespace sluice::vlm::generation
