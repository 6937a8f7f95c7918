#include "net/open_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cerrno>
#include <cstring>

#include "net/limits.h"
#include "net/transport/resolver.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

std::atomic<std::uint64_t> opened{0};
std::atomic<std::uint64_t> resolved{0};

// One address being connected to.
struct Attempt {
  explicit Attempt(Loop& loop) : socket(loop.context()) {}

  asio::basic_stream_socket<asio::generic::stream_protocol, Executor> socket;
  bool finished = false;
  int error = 0;
};

void finish_attempt(Attempt& attempt) {
  socklen_t size = sizeof attempt.error;
  ::getsockopt(attempt.socket.native_handle(), SOL_SOCKET, SO_ERROR, &attempt.error, &size);
  attempt.finished = true;
}

// Shared with the callbacks, which may come after the waiter has left.
struct Race {
  explicit Race(Loop& loop) : changed(loop) {}
  Event changed;
  std::vector<std::unique_ptr<Attempt>> attempts;
};

void begin_attempt(const std::shared_ptr<Race>& race, Loop& loop, const SocketAddress& address) {
  race->attempts.push_back(std::make_unique<Attempt>(loop));
  Attempt& attempt = *race->attempts.back();
  const int family = address.storage.ss_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    attempt.error = errno;
    attempt.finished = true;
    return;
  }
  opened.fetch_add(1, std::memory_order_relaxed);
  attempt.socket.assign(asio::generic::stream_protocol(family, 0), fd);
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  const int result = ::connect(fd, address.get(), address.size);
  if (result == 0 || errno != EINPROGRESS) {
    attempt.error = result == 0 ? 0 : errno;
    attempt.finished = true;
    return;
  }
  attempt.socket.async_wait(asio::socket_base::wait_write, [race, &attempt](boost::system::error_code error) {
    if (error) return;  // closed: another won, or nobody waits
    finish_attempt(attempt);
    race->changed.set();
  });
}

// The first connected descriptor, or -1 and the last error.
int take_winner(Race& race, bool& all_finished, int& error) {
  all_finished = true;
  for (const auto& attempt : race.attempts) {
    if (!attempt->finished) {
      all_finished = false;
    } else if (attempt->error == 0) {
      return attempt->socket.release();
    } else {
      error = attempt->error;
    }
  }
  return -1;
}

// Closes what has not won when the waiter leaves, so that the callbacks end.
class RaceEnd {
 public:
  explicit RaceEnd(Race& race) : race_(race) {}
  ~RaceEnd() {
    boost::system::error_code ignored;
    for (const auto& attempt : race_.attempts) attempt->socket.close(ignored);
  }
  RaceEnd(const RaceEnd&) = delete;
  RaceEnd& operator=(const RaceEnd&) = delete;

 private:
  Race& race_;
};

Task<base::Result<int>> connect_any(const std::vector<SocketAddress>& addresses, const std::string& name,
                                    TimePoint deadline, Cancel& cancel) {
  Loop& loop = *Loop::current();
  const auto race = std::make_shared<Race>(loop);
  const RaceEnd end(*race);
  std::size_t begun = 0;
  while (true) {
    bool all_finished = true;
    int error = 0;
    if (const int fd = take_winner(*race, all_finished, error); fd >= 0) co_return fd;
    if (all_finished && begun == addresses.size())
      co_return fail(ErrorCode::upstream_failed, "{}: cannot connect: {}", name, std::strerror(error));
    TimePoint wake = deadline;
    if (begun < addresses.size()) {
      begin_attempt(race, loop, addresses[begun++]);
      if (race->attempts.back()->finished) continue;
      if (begun < addresses.size()) wake = std::min(deadline, Clock::now() + kAddressDelay);
    }
    const auto status = co_await race->changed.wait(cancel, wake);
    if (!status && (status.error().code != ErrorCode::timed_out || Clock::now() >= deadline))
      co_return std::unexpected(status.error());
  }
}

base::Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.size() >= sizeof local->sun_path)
    return fail(ErrorCode::invalid_argument, "{}: a Unix socket path has at most {} bytes", path,
                sizeof local->sun_path - 1);
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, path.data(), path.size());
  address.size = sizeof *local;
  return address;
}

}  // namespace

base::Status permit_egress(EgressPolicy policy, std::string_view origin) {
  if (!policy.local_only) return {};
  return fail(ErrorCode::forbidden,
              "{}: refused, because local-only is on and nothing may leave this machine", origin);
}

Task<base::Result<int>> open_socket(EgressPolicy policy, const Endpoint& endpoint, TimePoint deadline,
                                    Cancel& cancel) {
  SLUICE_CO_TRY_VOID(permit_egress(policy, endpoint.name));
  std::vector<SocketAddress> addresses;
  if (!endpoint.unix_path.empty()) {
    SLUICE_CO_TRY(const auto address, unix_address(endpoint.unix_path));
    addresses.push_back(address);
  } else if (const auto literal = parse_address(endpoint.host, endpoint.port)) {
    addresses.push_back(*literal);
  } else {
    resolved.fetch_add(1, std::memory_order_relaxed);
    auto found = co_await resolve(endpoint.host, endpoint.port, deadline, cancel);
    if (!found && found.error().code == ErrorCode::upstream_failed)
      co_return fail(ErrorCode::upstream_failed, "{}: cannot resolve {}: {}", endpoint.name, endpoint.host,
                     found.error().message);
    if (!found) co_return std::unexpected(found.error());
    addresses = *std::move(found);
  }
  co_return co_await connect_any(addresses, endpoint.name, deadline, cancel);
}

bool is_unix_socket_live(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return false;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // cannot tell: nothing is taken away then
  const int result = ::connect(fd, address->get(), address->size);
  const int error = errno;
  ::close(fd);
  return result == 0 || error == EAGAIN || error == EACCES;
}

std::uint64_t sockets_opened() {
  return opened.load(std::memory_order_relaxed);
}
std::uint64_t names_resolved() {
  return resolved.load(std::memory_order_relaxed);
}

}  // namespace sluice::net
