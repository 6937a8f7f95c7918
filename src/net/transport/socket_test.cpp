#include "net/transport/socket.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "net/testing/run.h"

namespace sluice::net {
namespace {

using testing::run_on;
using Side = Socket::Side;

// Two ends of a connection; both on the loop's thread in these tests.
std::array<int, 2> make_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  return ends;
}

void put(int fd, std::string_view text) {
  ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string take(Socket& socket, std::size_t most) {
  std::string text(most, '\0');
  const ssize_t bytes = ::recv(socket.fd(), text.data(), text.size(), 0);
  text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  if (bytes < 0)
    socket.saw_empty();
  else if (text.size() < most)
    socket.saw_short();
  return text;
}

struct net_transport_socket : ::testing::Test {
  Loops loops{1};
  Loop& loop = loops[0];
  std::array<int, 2> ends = make_pair();
  void TearDown() override { ::close(ends[1]); }
};

TEST_F(net_transport_socket, tells_what_came_while_nobody_waited) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ends[0]);
    put(ends[1], "early");
    Cancel never;
    (void)co_await sleep_for(std::chrono::milliseconds(5), never);  // the event has been and gone
    EXPECT_TRUE(co_await socket.wait(Side::read));
    EXPECT_EQ(take(socket, 100), "early");
  });
}

TEST_F(net_transport_socket, of_a_full_read_the_rest_is_still_told) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ends[0]);
    put(ends[1], "abcdef");
    for (const char* part : {"abc", "def"}) {
      EXPECT_TRUE(co_await socket.wait(Side::read));
      EXPECT_EQ(take(socket, 3), part);
    }
  });
}

// One event tells of both; a short read must not hide the end behind it.
TEST_F(net_transport_socket, an_end_that_came_with_the_last_bytes_is_told) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ends[0]);
    put(ends[1], "last");
    ::shutdown(ends[1], SHUT_WR);
    EXPECT_TRUE(co_await socket.wait(Side::read));
    EXPECT_EQ(take(socket, 100), "last");
    EXPECT_TRUE(co_await socket.wait(Side::read));
    EXPECT_EQ(take(socket, 100), "") << "the end";
  });
}

TEST_F(net_transport_socket, waits_until_a_full_socket_takes_more) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ends[0]);
    const std::string block(1 << 16, 'x');
    while (::send(socket.fd(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
    socket.saw_full();
    loop.post([&] {
      std::string sink(1 << 20, '\0');
      while (::recv(ends[1], sink.data(), sink.size(), 0) > 0) {
      }
    });
    EXPECT_TRUE(co_await socket.wait(Side::write));
    EXPECT_GT(::send(socket.fd(), "y", 1, MSG_NOSIGNAL), 0);
  });
}

TEST_F(net_transport_socket, closing_ends_a_wait) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ends[0]);
    loop.post([&] { socket.close(); });
    EXPECT_FALSE(co_await socket.wait(Side::read));
    EXPECT_FALSE(co_await socket.wait(Side::read)) << "at once, once closed";
  });
}

// Closes another socket whose event was collected in the same turn.
struct Closer final : Socket::Owner {
  void on_ready() override {
    ++calls;
    if (other) other->reset();
  }
  std::optional<Socket>* other = nullptr;
  int calls = 0;
};

TEST_F(net_transport_socket, who_was_closed_in_this_turn_is_not_called) {
  const std::array<int, 2> second = make_pair();
  run_on(loop, [&]() -> Task<void> {
    Closer one, two;
    std::optional<Socket> first(std::in_place, loop, ends[0], &one);
    std::optional<Socket> other(std::in_place, loop, second[0], &two);
    one.other = &other;
    two.other = &first;
    Cancel never;
    (void)co_await sleep_for(std::chrono::milliseconds(5), never);
    first->notify(Side::read);
    other->notify(Side::read);
    put(ends[1], "x");
    put(second[1], "x");
    (void)co_await sleep_for(std::chrono::milliseconds(20), never);
    EXPECT_EQ(one.calls + two.calls, 1);
  });
  ::close(second[1]);
}

TEST_F(net_transport_socket, a_descriptor_that_cannot_be_watched_is_a_closed_socket) {
  run_on(loop, [&]() -> Task<void> {
    Socket socket(loop, ::memfd_create("plain", 0));  // epoll takes no files
    EXPECT_FALSE(socket.is_open());
    EXPECT_FALSE(co_await socket.wait(Side::read));
  });
}

}  // namespace
}  // namespace sluice::net
