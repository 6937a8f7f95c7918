// What the hub counts about its requests, and its text for Prometheus. Counting touches one shard of its own
// per thread (a mutex nobody else holds except a scrape); a scrape adds the shards up and writes the text
// through prometheus-cpp. Names follow the Prometheus conventions: base units, _total for counters.
// Any thread. Labels come from the catalogue and fixed lists, never from a client's text, and are capped:
// beyond kMaxSeries a request counts under model and provider "other".
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::hub::telemetry {

struct TokenCounts {
  std::uint64_t input = 0;         // all of the prompt, cached ones included
  std::uint64_t input_cached = 0;  // the part of input read from a cache
  std::uint64_t output = 0;        // all of the answer, reasoning included
  std::uint64_t output_reasoning = 0;
};

// One finished request. Views need to live only for the call.
struct RequestCount {
  std::string_view route;     // "/v1/chat/completions"
  std::string_view model;     // resolved id; empty when it was never resolved
  std::string_view provider;  // who answered; empty when nobody did
  int status = 0;
  bool whole = true;  // false: the answer was cut or the client left
  std::optional<double> first_token_s = {};
  double duration_s = 0;
  std::optional<TokenCounts> tokens = {};
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count_request(const RequestCount& request);
  // A failed attempt at a provider; `kind` is one of a fixed list ("connect", "timeout", "status_5xx", ...).
  void count_upstream_error(std::string_view provider, std::string_view kind);

  // How a hedge ended: "won", "lost" (cancelled, another was faster) or "failed"; one of these each.
  void count_hedge(std::string_view outcome);
  // An answer by another model than the one asked for first.
  void count_substitution();
  // A question of our own: "whole" or "failed".
  void count_probe(std::string_view provider, std::string_view outcome);

  void begin_request() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void end_request() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  std::int64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // A value read at each scrape ("sluice_engine_queue_requests"); `read` must be thread-safe and quick.
  // All readings are added before the first scrape.
  void add_gauge(std::string name, std::string help, std::function<double()> read);
  // The same for a count that only grows ("sluice_records_dropped_total").
  void add_counter(std::string name, std::string help, std::function<double()> read);

  // The text exposition format 0.0.4.
  std::string text() const;

 private:
  struct Shard;
  struct Reading {
    std::string name;
    std::string help;
    std::function<double()> read;
    bool counts;
  };
  static constexpr std::size_t kShards = 32;

  Shard& own_shard() const;
  void count(std::size_t family, std::initializer_list<std::string_view> labels);

  // Set once.
  std::array<std::unique_ptr<Shard>, kShards> shards_;
  // Changed by any thread.
  std::atomic<std::int64_t> in_flight_ = 0;
  // Guarded by readings_mutex_.
  mutable std::mutex readings_mutex_;
  std::vector<Reading> readings_;
};

}  // namespace sluice::hub::telemetry
