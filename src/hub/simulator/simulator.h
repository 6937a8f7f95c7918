// Simulated providers: strict servers that play the exchanges of data/simulator and remember what they were
// sent. A server answers below /<name>/ ("/anthropic/v1/messages", "/providers/groq/openai/v1/..."), wants
// the credential `sk-fake-<name>` (the last part of the name) in that dialect's own header, and refuses with
// the dialect's own 400 whatever its shape does not know.
//
// The request chooses the scenario: the model `sim/<scenario>`, or the header x-sim-scenario, else the
// server's default, "text". `sim/error-429` is answered with the dialect's own error of that status.
//
//   GET /__received[?after=N]   what came, oldest first, as a JSON array    DELETE /__received   forgets it
//   GET /__servers              names, dialects and kinds
//
// It never uses the hub's dialects or gateway: the two sides must not share a mistake. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "hub/simulator/library.h"
#include "hub/simulator/reply.h"
#include "net/server.h"

namespace sluice::hub::simulator {

class Simulator {
 public:
  // `seed` chooses where streams are cut.
  static base::Result<std::unique_ptr<Simulator>> load(const std::filesystem::path& folder,
                                                       std::uint64_t seed);

  // For net::Server; the Simulator must outlive it.
  net::Handler handler();

  // What a request is answered with; remembers it. `address` is "http://host:port".
  Reply answer(const http::Request& request, const std::string& address);

  const Library& library() const { return *library_; }

 private:
  struct Received {
    std::uint64_t number = 0;
    std::string server, kind, scenario, method, target;
    http::Headers headers;
    std::string body;
    int status = 0;
    bool left = false;  // the peer closed before the answer's end
  };
  struct Job {
    std::string scenario;
    std::size_t polls = 0;
    bool cancelled = false;
  };
  struct Matched;

  Simulator(std::unique_ptr<Library> library, std::uint64_t seed)
      : library_(std::move(library)), dice_(seed) {}

  static net::Task<base::Status> send(net::Exchange& exchange, Reply reply);
  Reply answer_matched(Matched& matched);
  Reply answer_job(Matched& matched, const simdjson::dom::object& exchange);
  Reply show_received(const http::Request& request);
  Reply show_servers() const;
  std::uint64_t remember(Received received);
  void note_left(std::uint64_t number);
  base::Random next_dice();

  // Set once.
  const std::unique_ptr<Library> library_;
  // Guarded by mutex_.
  std::mutex mutex_;
  base::Random dice_;
  std::deque<Received> received_;
  std::size_t received_bytes_ = 0;
  std::uint64_t count_ = 0;
  std::map<std::string, Job> jobs_;
};

}  // namespace sluice::hub::simulator
