#include "net/server/listen_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/open_socket.h"
#include "net/transport/resolver.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at somaxconn

// Closes what was opened if a later step fails.
struct Sockets {
  std::vector<int> fds;
  ~Sockets() {
    for (const int fd : fds) ::close(fd);
  }
  std::vector<int> release() { return std::exchange(fds, {}); }
};

std::string describe(const TcpAddress& address, std::uint16_t port) {
  const bool six = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", address.host, six ? "]" : "", port);
}

base::Status bind_tcp(int fd, const SocketAddress& at, bool share, const std::string& name) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (at.storage.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, at.get(), at.size) == 0) return {};
  const int error = errno;
  if (error == EADDRINUSE) return fail(ErrorCode::conflict, "{}: the port is taken", name);
  return fail(ErrorCode::io_failed, "{}: cannot listen: {}", name, std::strerror(error));
}

base::Result<int> make_socket(int family, const std::string& name) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::io_failed, "{}: cannot open a socket: {}", name, std::strerror(errno));
  return fd;
}

std::uint16_t bound_port(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address.port();
}

}  // namespace

base::Result<std::vector<int>> listen_tcp(const TcpAddress& address, std::size_t count, std::uint16_t& port) {
  port = address.port;
  const auto parsed = parse_address(address.host, port);
  if (!parsed)
    return fail(ErrorCode::invalid_argument, "{}: expected an IPv4 or IPv6 address to listen on",
                address.host);
  const int family = parsed->storage.ss_family;
  const std::string name = describe(address, port);
  Sockets sockets;
  if (port != 0) {
    // With SO_REUSEPORT a second server on the port would go unnoticed and take half the connections.
    Sockets probe;
    SLUICE_TRY(const int fd, make_socket(family, name));
    probe.fds.push_back(fd);
    SLUICE_TRY_VOID(bind_tcp(fd, *parsed, false, name));
  }
  for (std::size_t i = 0; i < count; ++i) {
    SLUICE_TRY(const int fd, make_socket(family, name));
    sockets.fds.push_back(fd);
    SLUICE_TRY_VOID(bind_tcp(fd, *parse_address(address.host, port), true, name));
    if (port == 0) port = bound_port(fd);
    if (::listen(fd, kBacklog) != 0)
      return fail(ErrorCode::io_failed, "{}: cannot listen: {}", name, std::strerror(errno));
  }
  return sockets.release();
}

base::Result<std::vector<int>> listen_unix(const UnixAddress& address, std::size_t count) {
  sockaddr_un local{};
  if (address.path.empty() || address.path.size() >= sizeof local.sun_path)
    return fail(ErrorCode::invalid_argument, "{}: a Unix socket path has 1 to {} bytes", address.path,
                sizeof local.sun_path - 1);
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, address.path.data(), address.path.size());

  struct stat status{};
  if (::lstat(address.path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      return fail(ErrorCode::conflict, "{}: exists and is not a socket", address.path);
    if (is_unix_socket_live(address.path))
      return fail(ErrorCode::conflict, "{}: another server listens there", address.path);
    ::unlink(address.path.c_str());
  }
  Sockets sockets;
  SLUICE_TRY(const int fd, make_socket(AF_UNIX, address.path));
  sockets.fds.push_back(fd);
  ::fchmod(fd, S_IRUSR | S_IWUSR);  // before bind, so that the file never has another mode
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 || ::listen(fd, kBacklog) != 0)
    return fail(ErrorCode::io_failed, "{}: cannot listen: {}", address.path, std::strerror(errno));
  while (sockets.fds.size() < count) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
      return fail(ErrorCode::io_failed, "{}: cannot listen: {}", address.path, std::strerror(errno));
    sockets.fds.push_back(copy);
  }
  return sockets.release();
}

}  // namespace sluice::net
