#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>

#include "http/limits.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";

// What the handler of these tests saw, counted over all loops.
struct Seen {
  std::atomic<int> requests{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> finished{0};
};

Task<void> stream_forever(Exchange& exchange, Seen& seen) {
  (void)co_await exchange.begin_stream({.status = 200, .headers = {}});
  while (true) {
    const auto status = co_await exchange.write(http::body_of("data: x\n\n"));
    if (!status) break;
    if (!co_await sleep_for(milliseconds(5), exchange.cancel())) break;
  }
  if (exchange.cancel().fired()) ++seen.cancelled;
}

Task<void> stream_flood(Exchange& exchange, Seen& seen) {
  (void)co_await exchange.begin_stream({.status = 200, .headers = {}});
  const std::string megabyte(1 << 20, 'x');
  while (true) {
    const auto status = co_await exchange.write(http::body_of(std::string(megabyte)));
    if (!status) break;
    ++seen.requests;
  }
  if (exchange.cancel().fired()) ++seen.cancelled;
}

Task<void> serve(Exchange& exchange, Seen& seen) {
  const std::string path(exchange.request().path());
  if (path != "/flood") ++seen.requests;
  if (path == "/echo") {
    (void)co_await exchange.respond(200, {}, exchange.request().body);
  } else if (path == "/wait") {
    const auto status = co_await sleep_for(std::chrono::hours(1), exchange.cancel());
    if (!status) ++seen.cancelled;
  } else if (path == "/slow") {
    (void)co_await sleep_for(milliseconds(200), exchange.cancel());
    (void)co_await exchange.respond(200, {}, http::body_of("slow"));
  } else if (path == "/stream") {
    (void)co_await exchange.begin_stream({.status = 200, .headers = {{"content-type", "text/event-stream"}}});
    http::Body parts;
    parts.push_back(http::Slice::borrowed("one "));
    parts.push_back(http::Slice::borrowed("two"));
    (void)co_await exchange.write(std::move(parts));
    (void)co_await exchange.finish(http::body_of(" three"));
  } else if (path == "/cut") {
    (void)co_await exchange.begin_stream({});
    (void)co_await exchange.write(http::body_of("half"));
    exchange.abort();
  } else if (path == "/forever") {
    co_await stream_forever(exchange, seen);
  } else if (path == "/flood") {
    co_await stream_flood(exchange, seen);
  } else if (path == "/silent") {
  } else if (path == "/inject") {
    (void)co_await exchange.respond(200, {{"x-bad", "a\r\nx-evil: 1"}, {"x-good", "1"}}, {});
  } else {
    (void)co_await exchange.respond(200, {{"x-path", path}}, http::body_of("hello\n"));
  }
  ++seen.finished;
}

class net_server : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}, std::size_t loops = 2) {
    loops_ = std::make_unique<Loops>(loops);
    server_ = std::make_unique<Server>(*loops_, std::move(options),
                                       [this](Exchange& exchange) { return serve(exchange, seen_); });
    const auto port = server_->listen(TcpAddress{});
    ASSERT_TRUE(port.has_value());
    port_ = *port;
  }
  void TearDown() override {
    server_.reset();
    loops_.reset();
  }
  std::string ask(std::string_view bytes) {
    RawSocket client(port_);
    client.send(bytes);
    return client.read_to_end();
  }

  Seen seen_;
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(net_server, answers_and_keeps_the_connection) {
  start();
  RawSocket client(port_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    const std::string answer = client.read_until("hello\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
    EXPECT_THAT(answer, HasSubstr("x-path: /hello\r\n"));
    EXPECT_THAT(answer, EndsWith("Content-Length: 6\r\n\r\nhello\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
  }
  EXPECT_EQ(seen_.requests, 3);
}

TEST_F(net_server, closes_when_asked) {
  start();
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
}

TEST_F(net_server, keeps_http_1_0_only_when_asked) {
  start();
  RawSocket client(port_);
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.read_until("hello\n"), HasSubstr("Connection: keep-alive\r\n"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), HasSubstr("Connection: close\r\n"));
}

TEST_F(net_server, answers_pipelined_requests_in_order) {
  start();
  RawSocket client(port_);
  std::string bytes;
  for (int i = 0; i < 50; ++i)
    bytes += "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  client.send(bytes);
  for (int i = 0; i < 50; ++i)
    ASSERT_THAT(client.read_until(std::to_string(100 + i)), EndsWith("\r\n\r\n" + std::to_string(100 + i)))
        << i;
}

TEST_F(net_server, keeps_what_is_pipelined_while_a_handler_waits) {
  start();
  RawSocket client(port_);
  client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen_.requests == 1; }));
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_THAT(client.read_until("slow"), EndsWith("slow"));
  client.send("cde");
  EXPECT_THAT(client.read_until("abcde"), EndsWith("\r\n\r\nabcde"));
}

TEST_F(net_server, takes_a_request_byte_by_byte) {
  start();
  RawSocket client(port_);
  for (const char c : std::string_view("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbyte"))
    ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_THAT(client.read_until("byte"), EndsWith("\r\n\r\nbyte"));
}

TEST_F(net_server, reads_chunked_bodies) {
  start();
  RawSocket client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.send("5;x=y\r\ndefgh\r\n0\r\nTrailer: 1\r\n\r\n");
  EXPECT_THAT(client.read_until("abcdefgh"), HasSubstr("Content-Length: 8\r\n"));
  client.send(kGet);  // the framing was left at the right byte
  EXPECT_THAT(client.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(net_server, takes_large_bodies_both_ways) {
  start();
  const std::string body(3'000'000, 'z');
  RawSocket client(port_);
  std::thread sender([&] {
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n");
    client.send(body);
  });
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 3000000"));
  EXPECT_EQ(client.read_bytes(body.size()), body);
  sender.join();
}

TEST_F(net_server, pads_bodies_for_simd_readers) {
  loops_ = std::make_unique<Loops>(1);
  std::atomic<bool> padded{true};
  server_ = std::make_unique<Server>(*loops_, ServerOptions{}, [&](Exchange& exchange) -> Task<void> {
    const http::Body& body = exchange.request().body;
    if (body.size() != 1) padded = false;
    for (std::size_t i = 0; i < http::kBodyPadding; ++i)
      if (body.front().data()[body.front().size() + i] != '\0') padded = false;
    (void)co_await exchange.respond(200, {}, {});
  });
  port_ = *server_->listen(TcpAddress{});
  ask("POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
  ask("POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_TRUE(padded);
}

TEST_F(net_server, sends_no_body_for_head) {
  start();
  RawSocket client(port_);
  client.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  client.send(kGet);
  EXPECT_THAT(client.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(net_server, says_100_continue_when_the_body_waits_for_it) {
  start();
  RawSocket client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_THAT(client.read_until("ok"), EndsWith("\r\n\r\nok"));
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok");
  EXPECT_THAT(client.read_until("ok"), StartsWith("HTTP/1.1 200"));
}

TEST_F(net_server, refuses_before_100_continue) {
  start({.limits = {.body_bytes = 10}, .refusal_writer = {}, .host_filter = {}});
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: miracles\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(net_server, streams_in_chunks) {
  start();
  RawSocket client(port_);
  client.send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string answer = client.read_until("0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n7\r\none two\r\n6\r\n three\r\n0\r\n\r\n"));
  client.send(kGet);
  EXPECT_THAT(client.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(net_server, streams_to_http_1_0_until_close) {
  start();
  const std::string answer = ask("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\none two three"));
}

TEST_F(net_server, sends_the_head_before_the_first_bytes_exist) {
  start();
  RawSocket client(port_);
  client.send("GET /forever HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("200 OK"));
}

TEST_F(net_server, shows_that_a_stream_was_cut) {
  start();
  const std::string answer = ask("GET /cut HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_THAT(answer, EndsWith("4\r\nhalf\r\n"));
  RawSocket old(port_);
  old.send("GET /cut HTTP/1.0\r\n\r\n");
  char byte = 0;
  ssize_t got = 0;
  while ((got = ::recv(old.fd(), &byte, 1, 0)) > 0) {
  }
  EXPECT_LT(got, 0) << "an orderly end would look like a whole answer";
}

TEST_F(net_server, answers_500_for_a_silent_handler) {
  start();
  RawSocket client(port_);
  client.send("GET /silent HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(net_server, drops_header_fields_that_would_break_the_framing) {
  start();
  RawSocket client(port_);
  client.send("GET /inject HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string answer = client.read_until("\r\n\r\n");
  EXPECT_THAT(answer, Not(HasSubstr("x-evil")));
  EXPECT_THAT(answer, HasSubstr("x-good: 1\r\n"));
}

TEST_F(net_server, cancels_when_the_client_leaves_while_the_handler_waits) {
  start();
  for (const bool reset : {false, true}) {
    const int before = seen_.cancelled;
    RawSocket client(port_);
    client.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
    const int requests = seen_.requests;
    ASSERT_TRUE(eventually([&] { return seen_.requests > requests || server_->exchanges() == 1; }));
    reset ? client.close_with_reset() : client.close();
    EXPECT_TRUE(eventually([&] { return seen_.cancelled == before + 1; }));
  }
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(net_server, cancels_behind_pipelined_bytes) {
  start();
  RawSocket client(port_);
  client.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server_->exchanges() == 1; }));
  client.send(kGet);
  client.close();
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
}

TEST_F(net_server, cancels_when_the_client_leaves_a_stream) {
  start();
  RawSocket client(port_);
  client.send("GET /forever HTTP/1.1\r\nHost: t\r\n\r\n");
  client.read_until("data: x");
  client.close();
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
}

TEST_F(net_server, holds_writes_back_and_cancels_while_one_waits) {
  start();
  RawSocket client(port_);
  client.send("GET /flood HTTP/1.1\r\nHost: t\r\n\r\n");
  client.read_until("\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(200));
  const int written = seen_.requests;
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(seen_.requests, written) << "nobody reads, so nothing more may be taken";
  client.close();
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
}

TEST_F(net_server, gives_up_on_a_client_that_takes_nothing) {
  ServerOptions options;
  options.limits.write = milliseconds(200);
  start(std::move(options));
  RawSocket client(port_);
  client.send("GET /flood HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
}

TEST_F(net_server, ends_slow_senders_with_408) {
  ServerOptions options;
  options.limits.head = milliseconds(150);
  options.limits.body_gap = milliseconds(150);
  start(std::move(options));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHo"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(seen_.requests, 0);
}

TEST_F(net_server, a_trickle_does_not_put_the_head_deadline_off) {
  ServerOptions options;
  options.limits.head = milliseconds(300);
  start(std::move(options));
  RawSocket client(port_);
  client.send("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> stop{false};
  std::thread trickle([&] {
    while (!stop && client.send("x")) std::this_thread::sleep_for(milliseconds(20));
  });
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 408 "));
  stop = true;
  trickle.join();
}

TEST_F(net_server, closes_idle_connections_quietly) {
  ServerOptions options;
  options.limits.idle = milliseconds(150);
  start(std::move(options));
  EXPECT_EQ(ask(""), "");
  RawSocket client(port_);
  client.send(kGet);
  client.read_until("hello\n");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(net_server, limits_bodies_at_the_edge) {
  ServerOptions options;
  options.limits.body_bytes = 5;
  start(std::move(options));
  const auto sized = [](int size) {
    return "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: " + std::to_string(size) +
           "\r\n\r\n" + std::string(static_cast<std::size_t>(size), 'a');
  };
  EXPECT_THAT(ask(sized(5)), EndsWith("aaaaa"));
  EXPECT_THAT(ask(sized(6)), StartsWith("HTTP/1.1 413 "));
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(ask(head + "5\r\naaaaa\r\n0\r\n\r\n"), EndsWith("aaaaa"));
  EXPECT_THAT(ask(head + "5\r\naaaaa\r\n1\r\na\r\n0\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(net_server, refuses_connections_over_the_limit) {
  ServerOptions options;
  options.limits.connections = 2;
  start(std::move(options), 1);
  RawSocket first(port_);
  RawSocket second(port_);
  first.send(kGet);
  second.send(kGet);
  EXPECT_THAT(first.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(second.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  RawSocket third(port_);
  EXPECT_THAT(third.read_to_end(), StartsWith("HTTP/1.1 503 "));
  first.close();
  ASSERT_TRUE(eventually([&] { return server_->connections() == 1; }));
  RawSocket fourth(port_);
  fourth.send(kGet);
  EXPECT_THAT(fourth.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(net_server, filters_hosts_before_reading_the_body) {
  ServerOptions options;
  options.host_filter = [](std::string_view host, const Peer& peer) {
    return peer.loopback && host == "good:1";
  };
  start(std::move(options));
  RawSocket client(port_);
  client.send("GET / HTTP/1.1\r\nHost: good:1\r\n\r\n");
  EXPECT_THAT(client.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: evil\r\nContent-Length: 1000\r\n\r\n"),
              StartsWith("HTTP/1.1 403 "));
}

TEST_F(net_server, words_refusals_as_told) {
  ServerOptions options;
  options.refusal_writer = [](const Refusal& refusal, http::Headers& headers, std::string& body) {
    headers.add("content-type", "application/json");
    body = "{\"status\":" + std::to_string(refusal.status) + "}";
  };
  start(std::move(options));
  EXPECT_THAT(ask("NOT HTTP\r\n\r\n"), EndsWith("\r\n\r\n{\"status\":400}"));
}

TEST_F(net_server, an_answer_survives_a_body_nobody_read) {
  ServerOptions options;
  options.limits.body_bytes = 10;
  start(std::move(options));
  RawSocket client(port_);
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4000000\r\n\r\n");
  client.send(std::string(300'000, 'x'));
  EXPECT_THAT(client.read_to_end(), HasSubstr("the request body has more than 10 bytes"));
}

TEST_F(net_server, drains_what_is_under_way) {
  start();
  RawSocket idle(port_);
  idle.send(kGet);
  idle.read_until("hello\n");
  RawSocket busy(port_);
  busy.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen_.requests == 2; }));
  EXPECT_TRUE(server_->stop(testing::kPatience));
  EXPECT_EQ(idle.read_to_end(), "");
  const std::string answer = busy.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("slow"));
  EXPECT_FALSE(RawSocket(port_).is_open());
}

TEST_F(net_server, cuts_what_outlives_the_drain) {
  start();
  RawSocket client(port_);
  client.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server_->exchanges() == 1; }));
  EXPECT_FALSE(server_->stop(milliseconds(50)));
  EXPECT_EQ(seen_.cancelled, 1);
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(net_server, may_be_destroyed_with_everything_under_way) {
  start();
  std::vector<RawSocket> clients;
  for (const char* path : {"/wait", "/forever", "/flood", "/slow"}) {
    clients.emplace_back(port_);
    clients.back().send("GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n");
  }
  clients.emplace_back(port_);
  clients.back().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(eventually([&] { return server_->connections() == 5; }));
}

TEST_F(net_server, refuses_a_port_that_is_taken) {
  start();
  const auto again = server_->listen(TcpAddress{.host = "127.0.0.1", .port = port_});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, base::ErrorCode::conflict);
  EXPECT_EQ(again.error().message, "127.0.0.1:" + std::to_string(port_) + ": the port is taken");
  const auto name = server_->listen(TcpAddress{.host = "localhost"});
  ASSERT_FALSE(name.has_value());
  EXPECT_EQ(name.error().code, base::ErrorCode::invalid_argument);
}

TEST_F(net_server, serves_ipv6) {
  start();
  const auto port = server_->listen(TcpAddress{.host = "::1"});
  if (!port) GTEST_SKIP() << "no IPv6 here: " << port.error().message;
  EXPECT_NE(*port, 0);
}

TEST_F(net_server, listens_on_a_unix_socket_that_only_its_owner_may_use) {
  start();
  const std::string path = "/tmp/sluice-server-test-" + std::to_string(::getpid());
  ASSERT_TRUE(server_->listen(UnixAddress{path}).has_value());
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  for (int i = 0; i < 4; ++i) {
    RawSocket client(path);
    client.send(kGet);
    EXPECT_THAT(client.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  }
  const auto again = server_->listen(UnixAddress{path});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().message, path + ": another server listens there");
  server_->stop(milliseconds(0));
  EXPECT_NE(::stat(path.c_str(), &status), 0) << "the file goes with the server";
}

TEST_F(net_server, replaces_a_stale_unix_socket_and_nothing_else) {
  start();
  const std::string path = "/tmp/sluice-stale-test-" + std::to_string(::getpid());
  const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(stale);
  EXPECT_TRUE(server_->listen(UnixAddress{path}).has_value());
  server_->stop(milliseconds(0));
  std::ofstream(path) << "precious";
  const auto file = server_->listen(UnixAddress{path});
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().message, path + ": exists and is not a socket");
  ::unlink(path.c_str());
  EXPECT_FALSE(server_->listen(UnixAddress{std::string(108, 'x')}).has_value());
}

TEST_F(net_server, many_connections_at_once_on_all_loops) {
  start({}, 3);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<RawSocket> clients;
      for (int i = 0; i < 20; ++i) clients.emplace_back(port_);
      for (int round = 0; round < 5; ++round) {
        for (auto& client : clients) client.send(kGet);
        for (auto& client : clients)
          if (client.read_until("hello\n").ends_with("hello\n")) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

}  // namespace
}  // namespace sluice::net
