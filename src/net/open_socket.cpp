#include "net/open_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "net/limits.h"
#include "net/transport/resolver.h"
#include "net/transport/socket.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

std::atomic<std::uint64_t> opened{0};
std::atomic<std::uint64_t> resolved{0};

// One address being connected to.
struct Attempt final : Socket::Owner {
  Attempt(Loop& loop, int fd, Event& changed) : socket(loop, fd, this), changed_(changed) {}

  void finish(int with_error) {
    error = with_error;
    finished = true;
    changed_.set();
  }
  void on_ready() override {
    int result = 0;
    socklen_t size = sizeof result;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &result, &size);
    finish(result);
  }

  Socket socket;
  bool finished = false;
  int error = 0;

 private:
  Event& changed_;
};

struct Race {
  explicit Race(Loop& loop) : changed(loop) {}
  Event changed;
  std::vector<std::unique_ptr<Attempt>> attempts;  // closed with it
};

void begin_attempt(Race& race, Loop& loop, const SocketAddress& address) {
  const int family = address.storage.ss_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int failed = fd < 0 ? errno : 0;
  Attempt& attempt = *race.attempts.emplace_back(std::make_unique<Attempt>(loop, fd, race.changed));
  if (failed != 0) return attempt.finish(failed);
  if (!attempt.socket.is_open()) return attempt.finish(ENOMEM);
  opened.fetch_add(1, std::memory_order_relaxed);
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  const int result = ::connect(fd, address.get(), address.size);
  if (result == 0 || errno != EINPROGRESS) return attempt.finish(result == 0 ? 0 : errno);
  attempt.socket.saw_full();
  attempt.socket.notify(Socket::Side::write);
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

Task<base::Result<int>> connect_any(const std::vector<SocketAddress>& addresses, const std::string& name,
                                    TimePoint deadline, Cancel& cancel) {
  Loop& loop = *Loop::current();
  Race race(loop);
  std::size_t begun = 0;
  while (true) {
    bool all_finished = true;
    int error = 0;
    if (const int fd = take_winner(race, all_finished, error); fd >= 0) co_return fd;
    if (all_finished && begun == addresses.size())
      co_return fail(ErrorCode::upstream_failed, "{}: cannot connect: {}", name, std::strerror(error));
    TimePoint wake = deadline;
    if (begun < addresses.size()) {
      begin_attempt(race, loop, addresses[begun++]);
      if (race.attempts.back()->finished) continue;
      if (begun < addresses.size()) wake = std::min(deadline, Clock::now() + kAddressDelay);
    }
    const auto status = co_await race.changed.wait(cancel, wake);
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
