// One accepted connection: reads requests, has them handled one after the other, writes the answers.
//
// The socket is always watched for reading, also while a handler works: bytes that come then are kept for the
// next request, and the end of the stream fires the request's Cancel. So the main coroutine never reads; it
// waits for input_changed_ and looks at input_, input_ended_ and timed_out_.
#pragma once

#include <optional>

#include "http/chunked_reader.h"
#include "http/request_head.h"
#include "net/alarms.h"
#include "net/server/state.h"
#include "net/transport/channel.h"
#include "net/transport/signal.h"

namespace sluice::net {

class ServerConnection final : public std::enable_shared_from_this<ServerConnection>, private Socket::Owner {
 public:
  ServerConnection(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslPtr ssl, Peer peer);

  Task<void> run();
  void drain();  // closes when idle, else after the request under way
  void kill();   // closes now

  // For Exchange.
  http::Request& request() { return head_.request; }
  const Peer& peer() const { return peer_; }
  Loop& loop() { return loop_; }
  Cancel& cancel() { return *cancel_; }
  Task<base::Status> respond(int status, http::Headers headers, http::Body body);
  Task<base::Status> begin_stream(http::ResponseHead head);
  Task<base::Status> write(http::Body slices, bool last);
  void abort();
  bool started() const { return answer_ != Answer::none; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  enum class Phase : std::uint8_t { idle, head, body, handling, writing, lingering };
  enum class Answer : std::uint8_t { none, streaming, whole, cut };

  // Reading.
  void watch();
  void on_ready() override { take_input(); }
  void take_input();
  void end_input();
  void consume(std::size_t bytes);
  void ring();

  // The steps of run(). Those that read give false when the connection is over.
  Task<bool> handshake();
  Task<bool> serve_one();
  Task<bool> read_head();
  Task<bool> read_body();
  Task<bool> read_sized_body(std::size_t size);
  Task<bool> read_chunked_body();
  Task<bool> accept_body();
  Task<void> handle();
  Task<void> refuse(int status, std::string_view message);
  Task<void> linger();

  // Writing.
  std::string start_head(int status, const http::Headers& headers);
  Task<base::Status> send(http::Body slices);
  void send_head_soon();
  void lose_client();
  bool may_have_body(int status) const;

  // Set once.
  const std::shared_ptr<ServerState> state_;
  Loop& loop_;
  const Peer peer_;

  Channel channel_;
  Alarm alarm_;
  Signal input_changed_;
  http::HeadScanner scanner_;
  std::string input_;     // came and not yet used
  char* sink_ = nullptr;  // where a body of known size is read to, past input_
  std::size_t sink_left_ = 0;
  bool watching_ = false;
  bool drained_ = true;  // false: OpenSSL may hold bytes, which make no socket readable
  bool input_ended_ = false;
  bool timed_out_ = false;
  bool draining_ = false;
  bool keep_alive_ = true;
  Phase phase_ = Phase::idle;

  // The request under way.
  http::RequestHead head_;
  std::optional<Cancel> cancel_;
  Answer answer_ = Answer::none;
  bool chunked_ = false;       // framing of the answer
  bool body_dropped_ = false;  // HEAD and its like: head only
  std::string pending_head_;   // of a stream, until the first write or the end of this turn
  std::uint64_t bytes_sent_ = 0;
};

// Makes the connection and lets it run by itself. On the loop.
void start_connection(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslPtr ssl, Peer peer);

}  // namespace sluice::net
