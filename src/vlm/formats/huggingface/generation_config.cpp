#include "vlm/formats/huggingface/generation_config.h"

#include <limits>

namespace sluice::vlm::formats {
namespace {

using base::Result;
using base::Status;

constexpr std::uint64_t kIdMax = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kStopIdsMax = 64;
// GenerationConfig's own defaults, of use only where it samples.
constexpr std::uint32_t kTopK = 50;

// One id, or a list of them.
Result<std::vector<std::int32_t>> read_stop_ids(const JsonObject& file) {
  constexpr std::string_view kKey = "eos_token_id";
  std::vector<std::int32_t> ids;
  std::vector<double> numbers;
  if (const auto listed = file.reals(kKey); listed && *listed) {
    numbers = **listed;
  } else {
    SLUICE_TRY(const auto one, file.count(kKey));
    if (one) numbers.push_back(static_cast<double>(*one));
  }
  if (numbers.size() > kStopIdsMax) return file.broken(kKey, fmt::format("at most {} ids", kStopIdsMax));
  for (const double number : numbers) {
    if (!(number >= 0 && number <= static_cast<double>(kIdMax)))
      return file.broken(kKey, fmt::format("ids from 0 to {}", kIdMax));
    ids.push_back(static_cast<std::int32_t>(number));
  }
  return ids;
}

Result<double> read_within(const JsonObject& file, std::string_view key, double fallback, double low,
                           double high) {
  SLUICE_TRY(const auto number, file.real(key));
  if (!number) return fallback;
  if (!(*number >= low && *number <= high))
    return file.broken(key, fmt::format("a number from {} to {}, found {}", low, high, *number));
  return *number;
}

}  // namespace

Result<GenerationConfig> read_generation_config(const JsonObject& file) {
  GenerationConfig config;
  SLUICE_TRY(config.stop_ids, read_stop_ids(file));
  SLUICE_TRY(const auto samples, file.boolean("do_sample"));
  config.samples = samples.value_or(false);
  SLUICE_TRY(config.repetition_penalty, read_within(file, "repetition_penalty", 1, 0.01, 10));
  SLUICE_TRY(config.temperature, read_within(file, "temperature", 1, 0, 100));
  SLUICE_TRY(config.top_p, read_within(file, "top_p", 1, 1e-6, 1));
  SLUICE_TRY(config.min_p, read_within(file, "min_p", 0, 0, 1));
  SLUICE_TRY(const auto top_k, file.count("top_k"));
  if (top_k.value_or(0) > kIdMax) return file.broken("top_k", fmt::format("at most {}", kIdMax));
  config.top_k = static_cast<std::uint32_t>(top_k.value_or(kTopK));
  return config;
}

}  // namespace sluice::vlm::formats
