// Simulated OpenAI-compatible providers that fail as they are told and write down what they saw. Each answers
// POST /<name>/v1/chat/completions with its own words, pace, price and schedule of faults (script.h); others
// are 404. A request carries a mark, the text of its last message, by which whoever sent it finds what the
// upstreams saw of it. Any thread; the records are behind one mutex.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "hub/simulator/script.h"
#include "net/server.h"

namespace sluice::hub::simulator {

// One request as an upstream saw it. Times are of the steady clock.
struct SeenRequest {
  std::uint64_t number = 0;
  std::string upstream = {}, mark = {};
  std::string_view fault = {};  // that was played
  bool stream = false;
  net::TimePoint began{}, ended{};          // ended: the epoch while it runs
  std::optional<net::TimePoint> left = {};  // when the peer closed before the end
  bool finished = false;                    // everything was said that the script holds
  std::size_t bytes = 0;                    // of the answer's body
  base::NanoUsd cost{};                     // what a provider would put on the bill
};

class Upstreams {
 public:
  Upstreams(std::vector<UpstreamSettings> settings, std::uint64_t seed);

  // For net::Server; this must outlive it.
  net::Handler handler();

  // With that mark ("": all), in the order they came.
  std::vector<SeenRequest> seen(std::string_view mark = "") const;
  void forget();

  const UpstreamSettings* find(std::string_view name) const;

 private:
  struct Served {
    UpstreamSettings settings;
    std::uint64_t count = 0;
  };
  struct Played {  // what serving one request needs; `number` finds its record
    std::uint64_t number = 0;
    Script script;
    base::NanoUsd price_output;
  };

  std::optional<Played> begin(const http::Request& request);
  net::Task<void> play(net::Exchange& exchange, Played played);
  net::Task<base::Status> speak(net::Exchange& exchange, Played& played);
  void note(std::uint64_t number, std::size_t bytes, base::NanoUsd cost);
  void note_end(std::uint64_t number, bool finished, bool left);
  SeenRequest* find_record(std::uint64_t number);

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::map<std::string, Served, std::less<>> served_;
  std::deque<SeenRequest> seen_;
  std::uint64_t count_ = 0;
  base::Random dice_;
};

}  // namespace sluice::hub::simulator
