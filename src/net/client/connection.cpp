#include "net/client/connection.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "http/limits.h"
#include "net/limits.h"

namespace sluice::net {

using base::Error;
using base::ErrorCode;
using base::fail;

namespace {

TimePoint after(std::chrono::milliseconds duration) {
  return duration.count() == 0 ? kNever : Clock::now() + duration;
}

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

// "timeout=5, max=100" -> 5 s
std::optional<std::chrono::seconds> keep_alive_of(const http::Headers& headers) {
  const auto field = headers.find("keep-alive");
  if (!field) return std::nullopt;
  for (const std::string_view piece : base::split(*field, ',')) {
    const std::string_view part = base::trim(piece);
    if (!part.starts_with("timeout=")) continue;
    if (const auto seconds = base::parse_unsigned(part.substr(8)); seconds && *seconds < 86'400)
      return std::chrono::seconds(*seconds);
  }
  return std::nullopt;
}

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<ClientState> state, std::string key, std::string name,
                                   int fd)
    : state_(std::move(state)),
      key_(std::move(key)),
      name_(std::move(name)),
      channel_(state_->loop, fd),
      alarm_(state_->loop.alarms(), [this] { ring(); }) {}

void ClientConnection::attach(Cancel& cancel, const Deadlines& deadlines, TimePoint total_at) {
  idle_ = false;
  deadlines_ = deadlines;
  total_at_ = total_at;
  answer_began_ = write_failed_ = was_reset_ = complete_ = surplus_ = false;
  scanner_.reset();
  chunks_ = {};
  kept_for_.reset();
  on_cancel_.emplace(cancel, [this] {
    end_ = End::cancelled;
    channel_.close();
  });
}

void ClientConnection::detach() {
  on_cancel_.reset();
  alarm_.clear();
}

void ClientConnection::start_idling(std::chrono::milliseconds age) {
  // A server that says when it will hang up is taken at its word, with a second to spare.
  if (kept_for_) age = std::min(age, std::chrono::milliseconds(*kept_for_) - std::chrono::milliseconds(1000));
  idle_ = true;
  alarm_.set(Clock::now() + age);
}

void ClientConnection::put_back(std::unique_ptr<ClientConnection> connection) {
  const auto state = connection->state_;
  state->put_back(std::move(connection));
}

bool ClientConnection::is_reusable() const {
  const bool too_short = kept_for_ && *kept_for_ <= std::chrono::seconds(1);
  return complete_ && keep_alive_ && !surplus_ && !too_short && input_.empty() && channel_.is_open();
}

bool ClientConnection::may_retry(std::string_view method) const {
  if (answer_began_ || end_ != End::none) return false;
  return is_idempotent(method) || write_failed_ || was_reset_;
}

void ClientConnection::arm(TimePoint at, std::string_view doing) {
  doing_ = doing;
  alarm_.set(std::min(at, total_at_));
}

void ClientConnection::ring() {
  if (idle_) return state_->discard(this);
  end_ = End::timed_out;
  channel_.close();
}

// Our own reason to close comes before what the closed socket said.
Error ClientConnection::failure(std::string_view what) const {
  if (end_ == End::cancelled) return {.code = ErrorCode::cancelled, .message = name_ + ": cancelled"};
  if (end_ == End::timed_out) {
    const bool total = Clock::now() >= total_at_;
    return {.code = ErrorCode::timed_out,
            .message = fmt::format("{}: timed out {}{}", name_, doing_, total ? " (total time)" : "")};
  }
  return {.code = ErrorCode::upstream_failed, .message = fmt::format("{}: {}", name_, what)};
}

Task<base::Status> ClientConnection::open_tunnel(const Proxy& proxy, const std::string& authority) {
  std::string text = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority);
  if (!proxy.authorization.empty()) text += "Proxy-Authorization: " + proxy.authorization + "\r\n";
  text += "\r\n";
  SLUICE_CO_TRY_VOID(co_await write_all(http::body_of(std::move(text))));
  SLUICE_CO_TRY(const std::string head, co_await read_head());
  const auto response = http::parse_response_head(head, "CONNECT");
  if (!response) co_return fail(failure(fmt::format("proxy {}: {}", proxy.name(), response.error())));
  const int status = response->head.status;
  if (status < 200 || status > 299)
    co_return fail(
        failure(fmt::format("proxy {} refused the connection with status {}", proxy.name(), status)));
  if (!input_.empty())
    co_return fail(failure(fmt::format("proxy {} sent bytes before the TLS handshake", proxy.name())));
  answer_began_ = false;
  co_return base::Status{};
}

Task<base::Status> ClientConnection::begin_tls(const std::string& host) {
  SLUICE_CO_TRY(SSL_CTX * context, client_tls(state_->options.ca_file));
  auto& origin = state_->origin(key_);
  SslPtr ssl = connect_tls(context, host, origin.session.get(), &origin.session);
  if (!ssl) co_return fail(ErrorCode::internal, "{}: no memory for TLS", name_);
  channel_.start_tls(std::move(ssl));
  IoResult result = channel_.handshake();
  while (result.io == Io::want_read || result.io == Io::want_write) {
    (void)co_await wait(result.io);
    result = channel_.handshake();
  }
  if (result.io == Io::ok) co_return base::Status{};
  origin.session.reset();
  co_return fail(failure("TLS handshake failed: " + explain_tls_failure(channel_.ssl())));
}

Task<base::Status> ClientConnection::write_all(http::Body wire) {
  const std::size_t size = http::byte_count(wire);
  for (std::size_t offset = 0; offset < size;) {
    const IoResult result = channel_.write(wire, offset);
    if (result.io == Io::ok) {
      offset += result.bytes;
    } else if (result.io == Io::want_write || result.io == Io::want_read) {
      (void)co_await wait(result.io);
    } else {
      write_failed_ = true;
      co_return fail(failure("the connection broke while the request was written"));
    }
  }
  co_return base::Status{};
}

// At least one byte, or none for an orderly end, in the loop's read buffer: valid until the next suspension.
Task<base::Result<std::span<char>>> ClientConnection::receive() {
  bool first = channel_.is_tls();  // OpenSSL may hold bytes that make no socket readable
  while (true) {
    if (!first && !co_await wait(Io::want_read)) co_return fail(failure("closed"));
    first = false;
    // Asked for only now: while we waited another connection may have given the buffer away.
    const std::span<char> buffer(state_->loop.read_buffer().get(), kReadBytes);
    const IoResult result = channel_.read(buffer);
    switch (result.io) {
      case Io::ok:
        co_return buffer.first(fill_up(buffer, result.bytes));
      case Io::end:
        co_return buffer.first(0);
      case Io::want_read:
        break;
      case Io::want_write:
        (void)co_await wait(Io::want_write);
        first = true;
        break;
      case Io::reset:
        was_reset_ = true;
        co_return fail(failure("the connection was reset"));
      case Io::cut:
        co_return fail(failure("the TLS connection was cut off"));
    }
  }
}

// More TLS records that have come already, so that their events leave in one piece.
std::size_t ClientConnection::fill_up(std::span<char> buffer, std::size_t bytes) {
  while (bytes < buffer.size() && channel_.may_have_buffered_input()) {
    const IoResult result = channel_.read(buffer.subspan(bytes));
    if (result.io != Io::ok) break;  // an end shows itself again at the next read
    bytes += result.bytes;
  }
  return bytes;
}

// Leaves what came after the head in input_.
Task<base::Result<std::string>> ClientConnection::read_head() {
  scanner_.reset();
  while (true) {
    if (!input_.empty()) {
      answer_began_ = true;
      const auto end = scanner_.scan(input_);
      if (!end) co_return fail(failure(fmt::format("broken answer: {}", end.error().message)));
      if (*end) {
        std::string head = input_.substr(0, **end);
        input_.erase(0, **end);
        co_return head;
      }
    }
    SLUICE_CO_TRY(const std::span<char> bytes, co_await receive());
    if (bytes.empty())
      co_return fail(failure(input_.empty() ? "the connection was closed before an answer"
                                            : "the answer was cut off in its header"));
    input_.append(bytes.data(), bytes.size());
  }
}

Task<base::Result<http::ParsedResponse>> ClientConnection::exchange(http::Body wire,
                                                                    std::string_view method) {
  arm(after(deadlines_.first_byte), "waiting for the answer to begin");
  const auto written = co_await write_all(std::move(wire));
  // A server may refuse a body before it read all of it: its answer is worth more than our broken pipe.
  if (!written && (end_ != End::none || channel_.is_quiet())) co_return std::unexpected(written.error());
  for (std::size_t interim = 0; interim <= kMaxInterimAnswers; ++interim) {
    const auto head = co_await read_head();
    if (!head) co_return std::unexpected(written ? head.error() : written.error());
    auto response = http::parse_response_head(*head, method);
    if (!response) co_return fail(failure(fmt::format("broken answer: {}", response.error())));
    if (response->head.status == 101) co_return fail(failure("broken answer: 101 without being asked"));
    if (response->head.status < 200) continue;
    if (!written) response->keep_alive = false;
    begin_body(*response);
    co_return *std::move(response);
  }
  co_return fail(failure(fmt::format("broken answer: more than {} interim answers", kMaxInterimAnswers)));
}

void ClientConnection::begin_body(const http::ParsedResponse& response) {
  framing_ = response.framing;
  remaining_ = response.content_length;
  keep_alive_ = response.keep_alive;
  kept_for_ = keep_alive_of(response.head.headers);
  complete_ = framing_ == http::Framing::none;
  alarm_.set(total_at_);
}

// Takes the framing off `bytes`; what is payload lies at the front afterwards.
base::Result<std::size_t> ClientConnection::take_payload(std::span<char> bytes) {
  switch (framing_) {
    case http::Framing::until_close:
      return bytes.size();
    case http::Framing::length: {
      const auto payload = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
      remaining_ -= payload;
      complete_ = remaining_ == 0;
      surplus_ = payload < bytes.size();
      return payload;
    }
    case http::Framing::chunked: {
      const auto step = chunks_.decode(bytes);
      if (!step) return fail(failure(fmt::format("broken answer: {}", step.error())));
      complete_ = step->done;
      surplus_ = step->consumed < bytes.size();
      return step->payload;
    }
    case http::Framing::none:
      break;
  }
  return std::size_t{0};
}

Task<base::Result<std::optional<http::Slice>>> ClientConnection::read() {
  if (error_) co_return std::unexpected(*error_);
  std::string early = std::exchange(input_, {});
  while (!complete_) {
    std::span<char> bytes = early;
    if (early.empty()) {
      arm(after(deadlines_.idle), "waiting for more of the answer");
      auto received = co_await receive();
      alarm_.set(total_at_);
      if (received && received->empty() && framing_ == http::Framing::until_close) {
        complete_ = true;
        break;
      }
      if (received && received->empty()) received = fail(failure("the answer was cut off"));
      if (!received) {
        error_ = received.error();
        co_return std::unexpected(*error_);
      }
      bytes = *received;
    }
    const auto payload = take_payload(bytes);
    if (!payload) {
      error_ = payload.error();
      channel_.close();
      co_return std::unexpected(*error_);
    }
    if (*payload == 0) {
      early.clear();
      continue;
    }
    if (!early.empty()) {
      early.resize(*payload);
      co_return http::Slice::of(std::move(early));
    }
    const std::string_view text(bytes.data(), *payload);
    if (text.size() < kReadBytes / 2) co_return http::Slice::copy_of(text);
    // Large reads are handed out as they are; the loop makes itself another buffer.
    co_return http::Slice(std::exchange(state_->loop.read_buffer(), nullptr), text);
  }
  co_return std::nullopt;
}

}  // namespace sluice::net
