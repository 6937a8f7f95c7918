#include "net/server/connection.h"

#include <fmt/compile.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/log.h"
#include "http/limits.h"

namespace sluice::net {

namespace {

constexpr std::size_t kKeptInputBytes = 4096;  // an idle connection keeps no more capacity than that

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslPtr ssl,
                                   Peer peer)
    : state_(std::move(state)),
      loop_(loop),
      peer_(std::move(peer)),
      channel_(loop, fd, this),
      alarm_(loop.alarms(), [this] { ring(); }),
      input_changed_(loop) {
  if (ssl) channel_.start_tls(std::move(ssl));
}

// Counts the connection while run() lives, also when the loop destroys it.
class Registered {
 public:
  Registered(ServerState& state, Loop& loop, ServerConnection* connection)
      : state_(state), loop_(loop), connection_(connection) {
    state_.shards[loop_.index()].connections.insert(connection_);
  }
  ~Registered() {
    state_.shards[loop_.index()].connections.erase(connection_);
    const std::lock_guard lock(state_.mutex);
    if (state_.connections.fetch_sub(1) == 1) state_.emptied.notify_all();
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  ServerState& state_;
  Loop& loop_;
  ServerConnection* const connection_;
};

void start_connection(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslPtr ssl, Peer peer) {
  state->connections.fetch_add(1);
  auto connection =
      std::make_shared<ServerConnection>(std::move(state), loop, fd, std::move(ssl), std::move(peer));
  loop.spawn(connection->run());
}

Task<void> ServerConnection::run() {
  const auto self = shared_from_this();
  const Registered registered(*state_, loop_, this);
  draining_ = state_->draining.load();
  if (co_await handshake()) {
    watch();
    while (co_await serve_one()) {
    }
  }
  alarm_.clear();
  channel_.close();
}

Task<bool> ServerConnection::handshake() {
  if (!channel_.is_tls()) co_return true;
  phase_ = Phase::lingering;  // nothing to answer: a late alarm closes
  alarm_.set(Clock::now() + state_->options.limits.head);
  IoResult result = channel_.handshake();
  while (result.io == Io::want_read || result.io == Io::want_write) {
    if (!co_await channel_.wait(result.io)) co_return false;
    result = channel_.handshake();
  }
  drained_ = false;  // the first request may have come with the end of the handshake
  co_return result.io == Io::ok;
}

// ---- reading

void ServerConnection::watch() {
  const bool room = sink_left_ > 0 || input_.size() < kMaxPipelinedBytes || phase_ == Phase::lingering;
  if (watching_ || input_ended_ || !room || !channel_.is_open()) return;
  watching_ = true;
  channel_.notify_readable(!drained_);
}

// What watch() waits for. Takes what there is, within limits, and wakes the main coroutine last.
void ServerConnection::take_input() {
  const auto self = shared_from_this();
  watching_ = false;
  std::shared_ptr<char[]>& buffer = loop_.read_buffer();
  do {
    const bool to_sink = sink_left_ > 0;
    const std::span<char> into = to_sink ? std::span(sink_, sink_left_) : std::span(buffer.get(), kReadBytes);
    const IoResult result = channel_.read(into);
    if (result.io == Io::want_read || result.io == Io::want_write) {
      drained_ = true;
      break;
    }
    if (result.io != Io::ok) return end_input();
    drained_ = !channel_.may_have_buffered_input();
    if (to_sink) {
      sink_ += result.bytes;
      sink_left_ -= result.bytes;
    } else if (phase_ != Phase::lingering) {
      input_.append(buffer.get(), result.bytes);
    }
  } while (!drained_ && (sink_left_ > 0 || input_.size() < kMaxPipelinedBytes));
  watch();
  input_changed_.raise();
}

void ServerConnection::end_input() {
  input_ended_ = true;
  if (phase_ == Phase::handling || phase_ == Phase::writing) lose_client();
  input_changed_.raise();
}

// Takes bytes off the front of the input, and reads on if it had been too full for that.
void ServerConnection::consume(std::size_t bytes) {
  input_.erase(0, bytes);
  if (input_.empty() && input_.capacity() > kKeptInputBytes) input_ = {};
  watch();
}

void ServerConnection::ring() {
  timed_out_ = true;
  if (phase_ == Phase::writing) {
    lose_client();
  } else if (phase_ == Phase::lingering) {
    channel_.close();
  }
  input_changed_.raise();
}

void ServerConnection::drain() {
  draining_ = true;
  if (phase_ == Phase::idle) input_changed_.raise();
}

void ServerConnection::kill() {
  lose_client();
  input_ended_ = true;
  input_changed_.raise();
}

// The client is gone, or has to go: whoever works for it is told.
void ServerConnection::lose_client() {
  keep_alive_ = false;
  channel_.close();
  if (cancel_) cancel_->fire();
}

// ---- the life of a request

Task<bool> ServerConnection::serve_one() {
  if (!co_await read_head()) co_return false;
  if (!co_await read_body()) co_return false;
  co_await handle();
  co_return keep_alive_ && !draining_ && !input_ended_;
}

Task<bool> ServerConnection::read_head() {
  const ServerLimits& limits = state_->options.limits;
  phase_ = Phase::idle;
  timed_out_ = false;
  scanner_.reset();
  alarm_.set(Clock::now() + limits.idle);
  while (true) {
    if (!input_.empty()) {
      const auto end = scanner_.scan(input_);
      if (!end) {
        co_await refuse(end.error().status, end.error().message);
        co_return false;
      }
      if (*end) {
        auto head = http::parse_request_head(std::string_view(input_).substr(0, **end));
        if (!head) {
          co_await refuse(head.error().status, head.error().message);
          co_return false;
        }
        head_ = *std::move(head);
        keep_alive_ = head_.keep_alive;
        consume(**end);
        co_return true;
      }
    }
    if (input_ended_ || (input_.empty() && (timed_out_ || draining_))) co_return false;
    if (timed_out_) {
      co_await refuse(408, "the request header did not arrive in time");
      co_return false;
    }
    if (!input_.empty() && phase_ == Phase::idle) {
      phase_ = Phase::head;
      alarm_.set(Clock::now() + limits.head);
    }
    co_await input_changed_.wait();
  }
}

Task<bool> ServerConnection::read_body() {
  const auto& options = state_->options;
  const auto host = head_.request.headers.find("host");
  if (options.host_filter && !options.host_filter(host.value_or(""), peer_)) {
    co_await refuse(403, "this Host is not served here");
    co_return false;
  }
  phase_ = Phase::body;
  if (head_.framing == http::Framing::none) co_return true;
  if (head_.content_length > options.limits.body_bytes) {
    co_await refuse(413, fmt::format("the request body has more than {} bytes", options.limits.body_bytes));
    co_return false;
  }
  if (!co_await accept_body()) co_return false;
  alarm_.set(Clock::now() + std::min(options.limits.body, options.limits.body_gap));
  co_return head_.framing == http::Framing::chunked
      ? co_await read_chunked_body()
      : co_await read_sized_body(static_cast<std::size_t>(head_.content_length));
}

// 100 Continue, unless the body is on its way already.
Task<bool> ServerConnection::accept_body() {
  if (!head_.expects_continue || !input_.empty()) co_return true;
  http::Body interim;
  interim.push_back(http::Slice::borrowed("HTTP/1.1 100 Continue\r\n\r\n"));
  co_return (co_await send(std::move(interim))).has_value();
}

// One allocation of the exact size, filled by the socket itself.
Task<bool> ServerConnection::read_sized_body(std::size_t size) {
  const ServerLimits& limits = state_->options.limits;
  const TimePoint deadline = Clock::now() + limits.body;
  const auto memory = std::make_shared_for_overwrite<char[]>(size + http::kBodyPadding);
  std::memset(memory.get() + size, 0, http::kBodyPadding);
  const std::size_t early = std::min(size, input_.size());
  std::memcpy(memory.get(), input_.data(), early);
  sink_ = memory.get() + early;
  sink_left_ = size - early;
  consume(early);
  while (sink_left_ > 0) {
    const std::size_t before = sink_left_;
    co_await input_changed_.wait();
    if (sink_left_ == 0) break;
    if (input_ended_ || timed_out_) {
      sink_left_ = 0;  // the memory goes with this frame
      if (!input_ended_) co_await refuse(408, "the request body did not arrive in time");
      co_return false;
    }
    if (sink_left_ < before) alarm_.set(std::min(deadline, Clock::now() + limits.body_gap));
  }
  head_.request.body.push_back(http::Slice(memory, std::string_view(memory.get(), size)));
  co_return true;
}

Task<bool> ServerConnection::read_chunked_body() {
  const ServerLimits& limits = state_->options.limits;
  const TimePoint deadline = Clock::now() + limits.body;
  http::ChunkedReader reader;
  std::string body;
  while (true) {
    if (!input_.empty()) {
      const auto step = reader.decode(input_);
      if (!step) {
        co_await refuse(400, step.error());
        co_return false;
      }
      if (step->payload > limits.body_bytes - body.size()) {
        co_await refuse(413, fmt::format("the request body has more than {} bytes", limits.body_bytes));
        co_return false;
      }
      body.append(input_, 0, step->payload);
      consume(step->consumed);
      if (step->done) break;
      alarm_.set(std::min(deadline, Clock::now() + limits.body_gap));
    }
    if (input_ended_) co_return false;
    if (timed_out_) {
      co_await refuse(408, "the request body did not arrive in time");
      co_return false;
    }
    if (input_.empty()) co_await input_changed_.wait();
  }
  const std::size_t size = body.size();
  body.append(http::kBodyPadding, '\0');
  if (size > 0) head_.request.body.push_back(http::Slice::of(std::move(body)).sub(0, size));
  co_return true;
}

Task<void> ServerConnection::handle() {
  phase_ = Phase::handling;
  alarm_.clear();
  timed_out_ = false;
  answer_ = Answer::none;
  bytes_sent_ = 0;
  cancel_.emplace();
  state_->exchanges.fetch_add(1, std::memory_order_relaxed);
  try {
    Exchange exchange(*this);
    co_await state_->handler(exchange);
  } catch (const std::exception& e) {
    base::LogLine(base::LogLevel::error, "handler_failed").text("what", e.what()).write();
  }
  if (answer_ == Answer::none && !cancel_->fired()) {
    base::LogLine(base::LogLevel::error, "handler_silent").text("path", head_.request.path()).write();
    (void)co_await respond(500, {}, {});
  }
  if (answer_ != Answer::whole) abort();
  state_->exchanges.fetch_sub(1, std::memory_order_relaxed);
  head_ = {};  // an idle connection holds no request
  cancel_.reset();
  phase_ = Phase::idle;
  // HTTP/1.1 200 ... Connection: close: the last bytes must not be lost to a reset.
  if ((!keep_alive_ || draining_) && answer_ == Answer::whole && channel_.is_open()) co_await linger();
}

// Our own "no": the framing is unsure or the client too slow, so the connection ends with it.
Task<void> ServerConnection::refuse(int status, std::string_view message) {
  const Refusal refusal{status, std::string(message)};
  http::Headers headers;
  std::string body;
  if (state_->options.refusal_writer) {
    state_->options.refusal_writer(refusal, headers, body);
  } else {
    headers.add("content-type", "text/plain; charset=utf-8");
    body = refusal.message + "\n";
  }
  keep_alive_ = false;
  head_.request.method.clear();
  (void)co_await respond(status, std::move(headers), http::body_of(std::move(body)));
  co_await linger();
}

// Closing with unread input resets the connection, and the client may lose our answer. So: say "no more", and
// drop what still comes for a moment.
Task<void> ServerConnection::linger() {
  phase_ = Phase::lingering;
  timed_out_ = false;
  input_ = {};
  channel_.shut_down_writing();
  alarm_.set(Clock::now() + kLinger);
  watch();
  while (!input_ended_ && !timed_out_ && channel_.is_open()) co_await input_changed_.wait();
  channel_.close();
}

}  // namespace sluice::net
