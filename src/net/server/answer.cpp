// The writing half of ServerConnection, and Exchange, its face.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/strings.h"
#include "net/server/connection.h"
#include "net/server/date.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

// Fields that belong to the connection, not to the message: ours to set.
bool is_ours(std::string_view name) {
  for (const std::string_view own :
       {"connection", "keep-alive", "transfer-encoding", "content-length", "date"})
    if (name.size() == own.size() && base::equals_ignoring_case(name, own)) return true;
  return false;
}

base::Status client_gone() {
  return fail(ErrorCode::cancelled, "the client is gone");
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

bool ServerConnection::may_have_body(int status) const {
  return has_body(status) && head_.request.method != "HEAD";
}

// Everything but the framing field and the empty line.
std::string ServerConnection::start_head(int status, const http::Headers& headers) {
  if (draining_) keep_alive_ = false;
  std::string out;
  out.reserve(256);
  ((out += "HTTP/1.1 ") += fmt::format_int(status).c_str()) += ' ';
  ((out += http::reason_of(status)) += "\r\nDate: ") += http_date_now();
  out += "\r\n";
  for (const auto field : headers) {
    if (is_ours(field.name)) continue;
    if (!http::is_token(field.name) || !http::is_field_value(field.value)) {
      base::LogLine(base::LogLevel::error, "header_dropped").number("status", status).write();
      continue;
    }
    (((out += field.name) += ": ") += field.value) += "\r\n";
  }
  if (!keep_alive_)
    out += "Connection: close\r\n";
  else if (head_.version_1_0)
    out += "Connection: keep-alive\r\n";
  return out;
}

Task<base::Status> ServerConnection::send(http::Body slices) {
  const std::size_t size = http::byte_count(slices);
  for (std::size_t offset = 0; offset < size;) {
    if (!channel_.is_open()) co_return client_gone();
    const IoResult result = channel_.write(slices, offset);
    if (result.io == Io::ok) {
      offset += result.bytes;
    } else if (result.io == Io::want_write || result.io == Io::want_read) {
      const Phase before = std::exchange(phase_, Phase::writing);
      alarm_.set(Clock::now() + state_->options.limits.write);
      (void)co_await channel_.wait(result.io);
      alarm_.clear();
      phase_ = before;
    } else {
      lose_client();
    }
  }
  co_return base::Status{};
}

Task<base::Status> ServerConnection::respond(int status, http::Headers headers, http::Body body) {
  if (answer_ != Answer::none && phase_ == Phase::handling)
    co_return fail(ErrorCode::internal, "this request is answered already");
  const std::size_t size = http::byte_count(body);
  std::string head = start_head(status, headers);
  if (has_body(status)) ((head += "Content-Length: ") += fmt::format_int(size).c_str()) += "\r\n";
  head += "\r\n";
  answer_ = Answer::whole;
  http::Body out;
  out.reserve(body.size() + 1);
  out.push_back(http::Slice::of(std::move(head)));
  if (may_have_body(status)) {
    bytes_sent_ = size;
    for (http::Slice& slice : body) out.push_back(std::move(slice));
  }
  co_return co_await send(std::move(out));
}

Task<base::Status> ServerConnection::begin_stream(http::ResponseHead head) {
  if (answer_ != Answer::none) co_return fail(ErrorCode::internal, "this request is answered already");
  if (!channel_.is_open()) co_return client_gone();
  answer_ = Answer::streaming;
  body_dropped_ = !may_have_body(head.status);
  chunked_ = !head_.version_1_0;
  if (!chunked_) keep_alive_ = false;
  pending_head_ = start_head(head.status, head.headers);
  if (chunked_ && has_body(head.status)) pending_head_ += "Transfer-Encoding: chunked\r\n";
  pending_head_ += "\r\n";
  // If the first bytes are at hand they leave with the head; if not, the head leaves alone.
  loop_.post([self = shared_from_this()] { self->send_head_soon(); });
  co_return base::Status{};
}

void ServerConnection::send_head_soon() {
  if (pending_head_.empty() || answer_ != Answer::streaming) return;
  const http::Slice head = http::Slice::borrowed(pending_head_);
  const IoResult result = channel_.write({&head, 1}, 0);
  // What the socket did not take leaves with the first write.
  if (result.io == Io::ok) pending_head_.erase(0, result.bytes);
  if (result.io == Io::reset || result.io == Io::cut) lose_client();
}

Task<base::Status> ServerConnection::write(http::Body slices, bool last) {
  if (!channel_.is_open()) co_return client_gone();
  if (answer_ != Answer::streaming) co_return fail(ErrorCode::internal, "no answer is being streamed");
  const std::size_t size = body_dropped_ ? 0 : http::byte_count(slices);
  if (size == 0 && !last) co_return base::Status{};
  std::string front = std::exchange(pending_head_, {});
  http::Body out;
  out.reserve(slices.size() + 2);
  if (chunked_ && size > 0) fmt::format_to(std::back_inserter(front), FMT_COMPILE("{:x}\r\n"), size);
  if (!front.empty()) out.push_back(http::Slice::of(std::move(front)));
  if (size > 0)
    for (http::Slice& slice : slices) out.push_back(std::move(slice));
  if (chunked_ && !body_dropped_) {
    const std::string_view tail = !last ? "\r\n" : size > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
    out.push_back(http::Slice::borrowed(tail));
  }
  SLUICE_CO_TRY_VOID(co_await send(std::move(out)));
  bytes_sent_ += size;
  if (last) answer_ = Answer::whole;
  co_return base::Status{};
}

void ServerConnection::abort() {
  if (answer_ == Answer::whole) return;
  answer_ = Answer::cut;
  keep_alive_ = false;
  pending_head_.clear();
  // Without chunks the end of the connection would look like the end of the answer.
  if (chunked_)
    channel_.close();
  else
    channel_.close_with_reset();
}

// ---- Exchange

http::Request& Exchange::request() {
  return connection_.request();
}
const Peer& Exchange::peer() const {
  return connection_.peer();
}
std::string_view Exchange::host() const {
  return connection_.request().headers.find("host").value_or(std::string_view{});
}
Loop& Exchange::loop() {
  return connection_.loop();
}
Cancel& Exchange::cancel() {
  return connection_.cancel();
}
bool Exchange::started() const {
  return connection_.started();
}
std::uint64_t Exchange::bytes_sent() const {
  return connection_.bytes_sent();
}
void Exchange::abort() {
  connection_.abort();
}

Task<base::Status> Exchange::respond(int status, http::Headers headers, http::Body body) {
  return connection_.respond(status, std::move(headers), std::move(body));
}
Task<base::Status> Exchange::begin_stream(http::ResponseHead head) {
  return connection_.begin_stream(std::move(head));
}
Task<base::Status> Exchange::write(http::Body slices) {
  return connection_.write(std::move(slices), false);
}
Task<base::Status> Exchange::finish(http::Body last) {
  return connection_.write(std::move(last), true);
}

}  // namespace sluice::net
