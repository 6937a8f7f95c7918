// Writes a stream to the client and keeps it alive: when nothing was written for a while, the front
// dialect's heartbeat goes out (a comment line, say), which readers pass over and proxies take for life. One
// Heartbeat per loop looks after all its writers with one timer. Everything on the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "http/slice.h"
#include "net/loop.h"
#include "net/server.h"

namespace sluice::hub::gateway {

class StreamWriter;

class Heartbeat {
 public:
  explicit Heartbeat(net::Loop& loop);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  friend class StreamWriter;
  struct State;
  const std::shared_ptr<State> state_;
};

// One stream of one exchange. begin(), write()..., then close() before anything else happens to the exchange
// and before destruction.
class StreamWriter {
 public:
  // `period` of silence until `beat` is written, whose bytes live for ever; zero or nothing to write: never.
  StreamWriter(Heartbeat& heartbeat, net::Exchange& exchange, std::chrono::milliseconds period,
               std::string_view beat);
  ~StreamWriter();
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  net::Task<base::Status> begin(http::ResponseHead head);
  net::Task<base::Status> write(http::Body bytes);
  // Waits for a heartbeat that is being written and stops them.
  net::Task<void> close();

 private:
  friend struct Heartbeat::State;

  void beat_if_silent(net::TimePoint now);
  net::Task<void> beat();

  // Set once.
  const std::shared_ptr<Heartbeat::State> heartbeat_;
  net::Exchange& exchange_;
  const std::chrono::milliseconds period_;
  const std::string_view beat_bytes_;
  // The stream's state.
  net::TimePoint last_write_;
  bool open_ = false;     // among the heartbeat's writers
  bool writing_ = false;  // write() holds the exchange
  bool beating_ = false;  // a heartbeat holds it
  net::Event beat_done_;
  StreamWriter* previous_ = nullptr;
  StreamWriter* next_ = nullptr;
};

}  // namespace sluice::hub::gateway
