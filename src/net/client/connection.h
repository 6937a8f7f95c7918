// One connection to an origin, and the exchange under way on it: writes the request, reads the head, gives
// the body piece by piece. A deadline or a Cancel closes the socket, which ends whatever waits on it.
#pragma once

#include <optional>
#include <string>

#include "http/chunked_reader.h"
#include "http/response_head.h"
#include "net/alarms.h"
#include "net/client/proxy.h"
#include "net/client/state.h"
#include "net/transport/channel.h"

namespace sluice::net {

class ClientConnection {
 public:
  // `key` names its place in the pool, `name` the origin in messages. Takes `fd` over.
  ClientConnection(std::shared_ptr<ClientState> state, std::string key, std::string name, int fd);

  const std::string& key() const { return key_; }

  // Ties the exchange that begins to its limits; `total_at` is absolute.
  void attach(Cancel& cancel, const Deadlines& deadlines, TimePoint total_at);
  void detach();  // back in the pool
  void limit_connecting(TimePoint at) { arm(at, "connecting"); }

  Task<base::Status> open_tunnel(const Proxy& proxy, const std::string& authority);
  Task<base::Status> begin_tls(const std::string& host);
  // `wire` is head and body; `method` says how the answer is framed.
  Task<base::Result<http::ParsedResponse>> exchange(http::Body wire, std::string_view method);
  // Whether a failed exchange() may be repeated on another connection; see client.h.
  bool may_retry(std::string_view method) const;

  Task<base::Result<std::optional<http::Slice>>> read();
  bool is_complete() const { return complete_; }
  bool is_reusable() const;  // once complete
  bool is_quiet() { return channel_.is_quiet(); }
  void close() { channel_.close(); }

  // Into the pool if it can serve again, else closed.
  static void put_back(std::unique_ptr<ClientConnection> connection);
  void start_idling(std::chrono::milliseconds age);

 private:
  enum class End : std::uint8_t { none, timed_out, cancelled };

  void arm(TimePoint at, std::string_view doing);
  void ring();
  base::Error failure(std::string_view what) const;
  Task<bool> wait(Io io) { return channel_.wait(io); }
  Task<base::Status> write_all(http::Body wire);
  Task<base::Result<std::string>> read_head();
  void begin_body(const http::ParsedResponse& response);
  base::Result<std::size_t> take_payload(std::span<char> bytes);
  base::Status end_body(Io io);
  Task<base::Result<std::span<char>>> receive();
  std::size_t fill_up(std::span<char> buffer, std::size_t bytes);

  // Set once.
  const std::shared_ptr<ClientState> state_;
  const std::string key_;
  const std::string name_;

  Channel channel_;
  Alarm alarm_;
  std::optional<Cancel::Hook> on_cancel_;
  bool idle_ = false;

  // The exchange under way.
  Deadlines deadlines_;
  TimePoint total_at_ = kNever;
  End end_ = End::none;     // why we closed
  std::string_view doing_;  // what a deadline would interrupt
  std::string input_;       // came with the head, past it
  http::HeadScanner scanner_;
  bool answer_began_ = false;
  bool write_failed_ = false;
  bool was_reset_ = false;
  http::Framing framing_ = http::Framing::none;
  std::uint64_t remaining_ = 0;
  http::ChunkedReader chunks_;
  bool keep_alive_ = false;
  std::optional<std::chrono::seconds> kept_for_;  // what the server said in Keep-Alive
  bool complete_ = false;
  bool surplus_ = false;  // bytes after the end of the answer
  std::optional<base::Error> error_;
};

}  // namespace sluice::net
