// The last answers, kept in memory for whoever asks what one of them took: a ring of fixed size, oldest out.
// An answer is found by its own id, its request's or its provider's, and only under the key that made it. No
// content.
// Every answer is put in and hardly one is asked for, so there is no index: a search looks through the ring,
// some tens of microseconds. Any thread; one short lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::hub::telemetry {

struct Generation {
  std::string id;          // as the client saw it
  std::string request_id;  // x-request-id
  std::string key_id;      // empty without keys
  std::string model;
  std::string provider;
  std::string route;
  std::string upstream_id;  // the provider's id of its answer, or of the request
  std::string finish_reason;
  std::string native_finish_reason;
  std::int64_t created_unix_s = 0;
  double first_token_s = 0;
  double duration_s = 0;
  bool streamed = false;
  bool cancelled = false;  // the client left
  bool has_usage = false;
  std::uint64_t input = 0, input_cached = 0, output = 0, output_reasoning = 0;
  std::optional<double> cost_usd = {};  // as the provider itself says
};

class Generations {
 public:
  explicit Generations(std::size_t capacity);

  void add(Generation generation);
  // The latest of that id which `key_id` made.
  std::optional<Generation> find(std::string_view id, std::string_view key_id) const;

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Generation> ring_;
  std::size_t next_ = 0;  // the place of the next one: the oldest, once the ring is full
};

}  // namespace sluice::hub::telemetry
