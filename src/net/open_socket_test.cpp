#include "net/open_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "net/client.h"
#include "net/limits.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using testing::RawListener;
using testing::run_on;

base::Result<int> open(EgressPolicy policy, const Endpoint& endpoint,
                       std::chrono::milliseconds limit = testing::kPatience) {
  Loops loops(1);
  return run_on(loops[0], [&]() -> Task<base::Result<int>> {
    Cancel cancel;
    co_return co_await open_socket(policy, endpoint, Clock::now() + limit, cancel);
  });
}

TEST(net_open_socket, connects_to_addresses_and_names) {
  RawListener listener;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto fd = open({}, {.host = host, .port = listener.port(), .unix_path = {}, .name = "http://x"});
    ASSERT_TRUE(fd.has_value()) << fd.error().message;
    ::close(*fd);
  }
}

TEST(net_open_socket, says_why_it_cannot) {
  std::uint16_t port = 0;
  {
    RawListener gone;
    port = gone.port();
  }
  const auto refused = open({}, {.host = "127.0.0.1", .port = port, .unix_path = {}, .name = "http://x"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::upstream_failed);
  EXPECT_EQ(refused.error().message, "http://x: cannot connect: Connection refused");
  const auto unix_gone =
      open({}, {.host = {}, .port = 0, .unix_path = "/nonexistent/socket", .name = "unix"});
  EXPECT_EQ(unix_gone.error().message, "unix: cannot connect: No such file or directory");
  const auto too_long = open({}, {.host = {}, .port = 0, .unix_path = std::string(200, 'x'), .name = "unix"});
  EXPECT_EQ(too_long.error().code, ErrorCode::invalid_argument);
}

TEST(net_open_socket, unknown_names_are_upstream_failures) {
  const auto unknown =
      open({}, {.host = "no-such-name.invalid", .port = 1, .unix_path = {}, .name = "http://y"},
           std::chrono::milliseconds(3000));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_TRUE(unknown.error().code == ErrorCode::upstream_failed ||
              unknown.error().code == ErrorCode::timed_out);
}

TEST(net_open_socket, local_only_opens_and_resolves_nothing) {
  RawListener listener;
  const auto opened = sockets_opened();
  const auto resolved = names_resolved();
  for (const char* host : {"127.0.0.1", "localhost", "api.example.com"}) {
    const auto fd = open({.local_only = true},
                         {.host = host, .port = listener.port(), .unix_path = {}, .name = "http://z"});
    ASSERT_FALSE(fd.has_value());
    EXPECT_EQ(fd.error().code, ErrorCode::forbidden);
    EXPECT_THAT(fd.error().message, ::testing::HasSubstr("http://z: refused, because local-only is on"));
  }
  EXPECT_EQ(sockets_opened(), opened);
  EXPECT_EQ(names_resolved(), resolved);
}

TEST(net_open_socket, local_only_forbids_kept_connections_too) {
  Loops loops(1);
  RawListener origin;
  std::thread thread([&] {
    auto peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(peer.is_ended_by_peer());
  });
  run_on(loops[0], [&]() -> Task<void> {
    Client client(loops[0], {});
    Cancel cancel;
    ClientRequest request;
    request.url = *http::parse_url("http://127.0.0.1:" + std::to_string(origin.port()));
    EXPECT_TRUE((co_await client.send(request, {}, cancel)).has_value());
    EXPECT_EQ(client.counters().idle, 1u);
    request.local_only = true;
    const auto refused = co_await client.send(request, {}, cancel);
    EXPECT_FALSE(refused.has_value());
    if (!refused) EXPECT_EQ(refused.error().code, ErrorCode::forbidden);
    EXPECT_EQ(client.counters().reused, 0u);
  });
  thread.join();
}

TEST(net_open_socket, cancel_ends_a_connection_attempt) {
  Loops loops(1);
  RawListener full;
  std::vector<testing::RawSocket> fillers;
  const auto status = run_on(loops[0], [&]() -> Task<base::Result<int>> {
    Cancel cancel;
    // A name lookup or a connection attempt, whichever is under way: both must end at once.
    loops[0].post([&] { cancel.fire(); });
    const Endpoint endpoint{.host = "localhost", .port = full.port(), .unix_path = {}, .name = "http://x"};
    co_return co_await open_socket({}, endpoint, kNever, cancel);
  });
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
}

TEST(net_open_socket, a_deadline_ends_a_connection_attempt) {
  // TEST-NET-1 would leave this machine; a loopback listener whose queue is full answers nothing instead.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listener, 0);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const Endpoint endpoint{
      .host = "127.0.0.1", .port = ntohs(address.sin_port), .unix_path = {}, .name = "http://x"};
  std::vector<int> taken;
  base::Result<int> last = 0;
  for (int i = 0; i < 8; ++i) {
    last = open({}, endpoint, std::chrono::milliseconds(150));
    if (!last) break;
    taken.push_back(*last);
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, ErrorCode::timed_out);
  for (const int fd : taken) ::close(fd);
  ::close(listener);
}

// Whether `line` calls a function of that name, as a free function or a member.
bool calls(std::string_view line, std::string_view name) {
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    const bool inside_word = std::isalnum(static_cast<unsigned char>(before)) != 0 || before == '_';
    const bool declared = at >= 2 && before == ' ' &&
                          std::isalnum(static_cast<unsigned char>(line[at - 2])) != 0 &&
                          line.substr(0, at).find("return ") == std::string_view::npos;
    if (!inside_word && !declared && line.substr(at + name.size()).starts_with('(')) return true;
  }
  return false;
}

bool calls_any(std::string_view line, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return calls(line, name); });
}

TEST(net_open_socket, the_search_for_other_doors_finds_them) {
  EXPECT_TRUE(calls("  if (::connect(fd, a, b) == 0)", "connect"));
  EXPECT_TRUE(calls("return connect(fd);", "connect"));
  EXPECT_TRUE(calls("co_await socket.async_connect(x)", "async_connect"));
  EXPECT_TRUE(calls("int fd = socket(AF_INET, 0, 0);", "socket"));
  EXPECT_FALSE(calls("reconnect(x)", "connect"));
  EXPECT_FALSE(calls("SslPtr connect(y);", "connect"));
}

// The rule that makes local-only believable: nobody else makes or connects sockets. Helpers of tests may:
// *_test.cpp, folders named testing, and headers named for it.
TEST(net_open_socket, is_the_only_door) {
  namespace fs = std::filesystem;
  const fs::path root(SLUICE_SOURCE_DIR "/src");
  const std::set<std::string> makers{
      "net/open_socket.cpp",
      "net/server/listen_socket.cpp",      // listens, never connects
      "net/transport/resolver.cpp",        // only open_socket calls it
      "app/server/run_until_stopped.cpp",  // a datagram to systemd on this machine
  };
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = fs::relative(entry.path(), root).string();
    const std::string name = entry.path().filename().string();
    if (!path.ends_with(".cpp") && !path.ends_with(".h")) continue;
    if (path.ends_with("_test.cpp") || path.find("/testing/") != std::string::npos ||
        name.starts_with("test_") || name.starts_with("fake"))
      continue;
    ++files;
    std::ifstream text(entry.path());
    std::string line;
    for (int number = 1; std::getline(text, line); ++number) {
      const std::string code = line.substr(0, line.find("//"));
      EXPECT_TRUE(path == "net/open_socket.cpp" || !calls_any(code, {"connect", "async_connect"}))
          << path << ":" << number << ": " << line;
      EXPECT_TRUE(makers.contains(path) || !calls_any(code, {"socket", "socketpair", "getaddrinfo",
                                                             "gethostbyname", "async_resolve", "sendto"}))
          << path << ":" << number << ": " << line;
      // The resolver leaks names, so its callers are counted too.
      EXPECT_TRUE(path.starts_with("net/") || code.find("net/transport/resolver.h") == std::string::npos)
          << path;
    }
  }
  EXPECT_GT(files, 20);
}

}  // namespace
}  // namespace sluice::net
