#include "net/client.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"
#include "net/client/connection.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

// Fields that belong to the connection to us, or that net writes itself.
bool is_ours(std::string_view name) {
  for (const std::string_view own :
       {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade",
        "expect", "proxy-connection", "proxy-authorization"})
    if (name.size() == own.size() && base::equals_ignoring_case(name, own)) return true;
  return false;
}

bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

// Head and body as they go out. `through` is the proxy that reads them, or null.
base::Result<http::Body> make_wire(const ClientRequest& request, const Proxy* through) {
  const http::Url& url = request.url;
  if (!http::is_token(request.method) || !is_target(url.target))
    return fail(ErrorCode::invalid_argument, "{}: malformed method or target", url.origin());
  std::string head;
  head.reserve(512);
  (head += request.method) += ' ';
  if (through != nullptr) head += url.origin();
  ((head += url.target) += " HTTP/1.1\r\nHost: ") += url.authority();
  head += "\r\n";
  if (through != nullptr && !through->authorization.empty())
    ((head += "Proxy-Authorization: ") += through->authorization) += "\r\n";
  for (const auto field : request.headers) {
    if (is_ours(field.name)) continue;
    if (!http::is_token(field.name) || !http::is_field_value(field.value))
      return fail(ErrorCode::invalid_argument, "{}: a header field holds a control character", url.origin());
    (((head += field.name) += ": ") += field.value) += "\r\n";
  }
  const std::size_t size = http::byte_count(request.body);
  if (size > 0 || request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
    ((head += "Content-Length: ") += fmt::format_int(size).c_str()) += "\r\n";
  head += "\r\n";
  http::Body wire;
  wire.reserve(request.body.size() + 1);
  wire.push_back(http::Slice::of(std::move(head)));
  wire.insert(wire.end(), request.body.begin(), request.body.end());
  return wire;
}

// Where a request goes, worked out once.
struct Route {
  EgressPolicy policy;
  std::string name;  // for messages
  std::string key;   // of the pool
  Endpoint endpoint;
  std::optional<Proxy> proxy;
  bool tls = false;

  const Proxy* plain_proxy() const { return proxy && !tls ? &*proxy : nullptr; }
};

base::Result<Route> make_route(const ClientOptions& options, const ClientRequest& request) {
  Route route;
  route.policy.local_only = options.egress.local_only || request.local_only;
  route.name = request.unix_path.empty() ? request.url.origin() : "unix:" + request.unix_path;
  SLUICE_TRY_VOID(permit_egress(route.policy, route.name));
  route.tls = request.url.tls;
  route.key = request.url.origin();
  if (request.unix_path.empty()) {
    SLUICE_TRY(route.proxy, choose_proxy(options.proxy, request.url));
  } else {
    route.key += " unix:" + request.unix_path;
  }
  route.endpoint = {
      .host = request.url.host, .port = request.url.port, .unix_path = request.unix_path, .name = route.name};
  if (route.proxy) {
    route.endpoint.host = route.proxy->host;
    route.endpoint.port = route.proxy->port;
    route.endpoint.name = fmt::format("{} through proxy {}", route.name, route.proxy->name());
  }
  return route;
}

}  // namespace

std::unique_ptr<ClientConnection> ClientState::take(const std::string& key) {
  auto& idle = origin(key).idle;
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    --counters.idle;
    if (connection->is_quiet()) return connection;
  }
  return nullptr;
}

void ClientState::put_back(std::unique_ptr<ClientConnection> connection) {
  connection->detach();
  if (closed || options.idle_per_origin == 0 || !connection->is_reusable()) return;
  auto& idle = origin(connection->key()).idle;
  if (idle.size() >= options.idle_per_origin) {
    idle.erase(idle.begin());
    --counters.idle;
  }
  connection->start_idling(options.idle_age);
  idle.push_back(std::move(connection));
  ++counters.idle;
}

void ClientState::discard(ClientConnection* connection) {
  auto& idle = origin(connection->key()).idle;
  counters.idle -= std::erase_if(idle, [&](const auto& kept) { return kept.get() == connection; });
}

// A connection that is ready for requests: connected, through the proxy if there is one, TLS established.
static Task<base::Result<std::unique_ptr<ClientConnection>>> open_connection(
    std::shared_ptr<ClientState> state, const Route& route, const ClientRequest& request,
    const Deadlines& deadlines, TimePoint total_at, Cancel& cancel) {
  const TimePoint limit = deadlines.connect.count() == 0 ? kNever : Clock::now() + deadlines.connect;
  const auto socket = co_await open_socket(route.policy, route.endpoint, std::min(limit, total_at), cancel);
  if (!socket && socket.error().code == ErrorCode::timed_out)
    co_return fail(ErrorCode::timed_out, "{}: timed out connecting", route.endpoint.name);
  if (!socket && socket.error().code == ErrorCode::cancelled)
    co_return fail(ErrorCode::cancelled, "{}: cancelled", route.endpoint.name);
  if (!socket) co_return std::unexpected(socket.error());
  ++state->counters.opened;
  auto connection = std::make_unique<ClientConnection>(state, route.key, route.name, *socket);
  connection->attach(cancel, deadlines, total_at);
  connection->limit_connecting(limit);
  if (route.proxy && route.tls) {
    const std::string authority =
        fmt::format(fmt::runtime(request.url.host.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"),
                    request.url.host, request.url.port);
    SLUICE_CO_TRY_VOID(co_await connection->open_tunnel(*route.proxy, authority));
  }
  if (route.tls) SLUICE_CO_TRY_VOID(co_await connection->begin_tls(request.url.host));
  co_return std::move(connection);
}

Client::Client(Loop& loop, ClientOptions options)
    : state_(std::make_shared<ClientState>(loop, std::move(options))) {}

Client::~Client() {
  // Idle connections hold the state that holds them.
  state_->closed = true;
  for (auto& [key, origin] : state_->origins) {
    state_->counters.idle -= origin.idle.size();
    origin.idle.clear();
  }
}

Client::Counters Client::counters() const {
  return state_->counters;
}

Task<base::Result<ClientResponse>> Client::send(ClientRequest request, Deadlines deadlines, Cancel& cancel) {
  DCHECK(state_->loop.is_current());
  const auto state = state_;
  SLUICE_CO_TRY(const Route route, make_route(state->options, request));
  if (cancel.fired()) co_return fail(ErrorCode::cancelled, "{}: cancelled", route.name);
  SLUICE_CO_TRY(const http::Body wire, make_wire(request, route.plain_proxy()));
  const TimePoint total_at = deadlines.total.count() == 0 ? kNever : Clock::now() + deadlines.total;
  for (bool fresh = false;; fresh = true) {
    auto connection = fresh ? nullptr : state->take(route.key);
    const bool reused = connection != nullptr;
    if (reused) {
      ++state->counters.reused;
      connection->attach(cancel, deadlines, total_at);
    } else {
      auto opened = co_await open_connection(state, route, request, deadlines, total_at, cancel);
      if (!opened) co_return std::unexpected(opened.error());
      connection = *std::move(opened);
    }
    auto response = co_await connection->exchange(wire, request.method);
    if (response) {
      if (connection->is_complete()) state->put_back(std::move(connection));
      co_return ClientResponse(std::move(response->head), std::move(connection));
    }
    if (!reused || !connection->may_retry(request.method)) co_return std::unexpected(response.error());
    ++state->counters.retried;
  }
}

ClientResponse::ClientResponse(http::ResponseHead head, std::unique_ptr<ClientConnection> connection)
    : head_(std::move(head)), connection_(std::move(connection)) {}
ClientResponse::~ClientResponse() = default;
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;
ClientResponse& ClientResponse::operator=(ClientResponse&&) noexcept = default;

Task<base::Result<std::optional<http::Slice>>> ClientResponse::read() {
  if (!connection_) co_return std::nullopt;
  auto piece = co_await connection_->read();
  // Also after the last piece, when the end came with it: the connection serves others while ours is looked
  // at.
  if (piece && connection_->is_complete()) ClientConnection::put_back(std::move(connection_));
  co_return piece;
}

Task<base::Result<http::Body>> ClientResponse::read_all(std::size_t bytes_max) {
  http::Body body;
  std::size_t size = 0;
  while (true) {
    SLUICE_CO_TRY(auto piece, co_await read());
    if (!piece) co_return body;
    size += piece->size();
    if (size > bytes_max) {
      connection_.reset();
      co_return fail(ErrorCode::too_large, "the answer is larger than {} bytes", bytes_max);
    }
    http::append(body, *std::move(piece));
  }
}

}  // namespace sluice::net
