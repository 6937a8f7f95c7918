#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "net/server.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using base::Result;
using std::chrono::milliseconds;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawListener;
using testing::RawSocket;
using testing::run_on;
using ::testing::StartsWith;

struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;
};

class net_client : public ::testing::Test {
 protected:
  net_client() {
    run_on(loop(), [this]() -> Task<void> {
      make({});
      co_return;
    });
  }
  ~net_client() override {
    run_on(loop(), [this]() -> Task<void> {
      client_.reset();
      co_return;
    });
  }

  Loop& loop() { return loops_[0]; }
  void make(ClientOptions options) { client_ = std::make_unique<Client>(loop(), std::move(options)); }
  void remake(ClientOptions options) {
    run_on(loop(), [&]() -> Task<void> {
      make(std::move(options));
      co_return;
    });
  }

  ClientRequest request(std::uint16_t port, std::string method = "GET", std::string body = {}) const {
    ClientRequest request;
    request.url = *http::parse_url("http://127.0.0.1:" + std::to_string(port) + "/v1/x?y=1");
    request.method = std::move(method);
    request.body = http::body_of(std::move(body));
    return request;
  }
  Result<Answer> fetch(ClientRequest what, Deadlines deadlines = {}) {
    return run_on(loop(), [&]() -> Task<Result<Answer>> {
      Cancel cancel;
      SLUICE_CO_TRY(auto response, co_await client_->send(std::move(what), deadlines, cancel));
      SLUICE_CO_TRY(const auto body, co_await response.read_all());
      co_return Answer{response.status(), response.head().headers, http::to_string(body)};
    });
  }
  // What the client makes of an origin that answers every request with `reply` and hangs up if told to.
  Result<Answer> fetch_raw(std::string_view reply, bool hang_up = true, std::string method = "GET") {
    RawListener origin;
    std::thread thread([&] {
      RawSocket peer = origin.accept();
      heard_ = peer.read_until("\r\n\r\n");
      peer.send(reply);
      if (hang_up) peer.close();
      (void)peer.is_open();
      if (!hang_up) peer.read_to_end();
    });
    auto answer = fetch(request(origin.port(), std::move(method)), {.idle = milliseconds(5000)});
    remake({});  // closes what was kept
    thread.join();
    return answer;
  }
  void expect_failed(const Result<Answer>& answer, std::string_view words,
                     ErrorCode code = ErrorCode::upstream_failed) {
    ASSERT_FALSE(answer.has_value()) << answer->body;
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    EXPECT_THAT(answer.error().message, HasSubstr(words));
    EXPECT_THAT(answer.error().message, HasSubstr("http://127.0.0.1:"));
  }

  Loops loops_{1};
  std::unique_ptr<Client> client_;
  std::string heard_;
};

TEST_F(net_client, sends_a_plain_request) {
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    heard_ = peer.read_until("ping");
    peer.send("HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 4\r\n\r\npong");
  });
  auto what = request(origin.port(), "POST", "ping");
  what.headers = {{"X-Mine", "yes"}, {"Host", "evil"}, {"Connection", "close"}, {"Content-Length", "99"}};
  const auto answer = fetch(std::move(what));
  thread.join();
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->headers.find("x-a"), "1");
  EXPECT_EQ(answer->body, "pong");
  EXPECT_EQ(heard_, "POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(origin.port()) +
                        "\r\nX-Mine: yes\r\nContent-Length: 4\r\n\r\nping");
}

TEST_F(net_client, reads_every_framing_exactly) {
  const auto body = [&](std::string_view reply, bool hang_up) {
    const auto answer = fetch_raw(reply, hang_up);
    return answer ? answer->body : "error: " + answer.error().message;
  };
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false), "abc");
  EXPECT_EQ(body("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false), "");
  EXPECT_EQ(
      body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e\r\nde\r\n0\r\n\r\n", false),
      "abcde");
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\n\r\nuntil the end", true), "until the end");
  EXPECT_EQ(body("HTTP/1.0 200 OK\r\n\r\nold", true), "old");
  EXPECT_EQ(body("HTTP/1.1 204 No Content\r\n\r\n", false), "");
  EXPECT_EQ(body("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", false), "");
  EXPECT_EQ(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 "
                 "OK\r\nContent-Length: "
                 "1\r\n\r\nz",
                 false),
            "z");
  const auto head = fetch_raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", false, "HEAD");
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->body, "");
}

TEST_F(net_client, never_takes_a_cut_answer_for_whole) {
  expect_failed(fetch_raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), "cut off");
  expect_failed(fetch_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), "cut off");
  expect_failed(fetch_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n"),
                "cut off");
  expect_failed(fetch_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "cut off");
  expect_failed(fetch_raw("HTTP/1.1 200 OK\r\nContent-Le"), "cut off in its header");
  expect_failed(fetch_raw(""), "closed before an answer");
}

TEST_F(net_client, a_reset_is_no_end) {
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
    std::this_thread::sleep_for(milliseconds(50));
    peer.close_with_reset();
  });
  expect_failed(fetch(request(origin.port())), "reset");
  thread.join();
}

TEST_F(net_client, refuses_rubbish) {
  for (const std::string_view reply :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 200 OK\nX: bare\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n"})
    expect_failed(fetch_raw(reply), "broken answer");
  std::string interim;
  for (int i = 0; i < 20; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  expect_failed(fetch_raw(interim + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "interim");
}

TEST_F(net_client, names_the_origin_that_refuses) {
  std::uint16_t port = 0;
  {
    RawListener gone;
    port = gone.port();
  }
  expect_failed(fetch(request(port)), "Connection refused");
}

TEST_F(net_client, each_deadline_says_which_it_was) {
  RawListener origin;  // accepts in the kernel, never answers
  expect_failed(fetch(request(origin.port()), {.first_byte = milliseconds(50)}),
                "waiting for the answer to begin", ErrorCode::timed_out);
  expect_failed(fetch(request(origin.port()), {.total = milliseconds(50)}), "(total time)",
                ErrorCode::timed_out);
  RawListener slow;
  std::thread thread([&] {
    RawSocket peer = slow.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(peer.is_ended_by_peer());
  });
  expect_failed(fetch(request(slow.port()), {.idle = milliseconds(50)}), "waiting for more",
                ErrorCode::timed_out);
  thread.join();
}

TEST_F(net_client, keeps_connections_and_uses_them_again) {
  Server server(loops_, {}, [](Exchange& exchange) -> Task<void> {
    if (exchange.request().path() == "/close")
      (void)co_await exchange.respond(200, {{"Connection", "close"}}, {});
    else
      (void)co_await exchange.respond(200, {}, http::body_of(std::string(100'000, 'b')));
  });
  const auto port = *server.listen(TcpAddress{});
  for (int i = 0; i < 5; ++i) ASSERT_EQ(fetch(request(port))->body.size(), 100'000u);
  const auto counters = client_->counters();
  EXPECT_EQ(counters.opened, 1u);
  EXPECT_EQ(counters.reused, 4u);
  EXPECT_EQ(counters.idle, 1u);
}

TEST_F(net_client, keeps_no_connection_whose_end_is_unsure) {
  for (const std::string_view reply :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nasurplus",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 1\r\n\r\na"}) {
    RawListener origin;
    std::thread thread([&] {
      RawSocket peer = origin.accept();
      peer.read_until("\r\n\r\n");
      peer.send(reply);
      EXPECT_TRUE(peer.is_ended_by_peer());
    });
    EXPECT_EQ(fetch(request(origin.port()))->body, "a") << reply;
    thread.join();
    EXPECT_EQ(client_->counters().idle, 0u) << reply;
  }
}

TEST_F(net_client, lets_idle_connections_go_with_age_and_number) {
  remake({.egress = {}, .proxy = {}, .ca_file = {}, .idle_per_origin = 1, .idle_age = milliseconds(100)});
  Server server(loops_, {}, [](Exchange& exchange) -> Task<void> {
    (void)co_await sleep_for(milliseconds(50), exchange.cancel());
    (void)co_await exchange.respond(200, {}, {});
  });
  const auto port = *server.listen(TcpAddress{});
  auto first = std::async(std::launch::async, [&] { return fetch(request(port)); });
  auto second = std::async(std::launch::async, [&] { return fetch(request(port)); });
  ASSERT_TRUE(first.get().has_value());
  ASSERT_TRUE(second.get().has_value());
  EXPECT_EQ(client_->counters().opened, 2u);
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

// An origin that serves one request on the first connection, then does `what` to the second request on it,
// and serves whoever connects anew.
struct Retry {
  RawListener origin;
  std::atomic<int> accepted{0};
  std::thread thread;

  explicit Retry(const std::function<void(RawSocket&)>& what) {
    thread = std::thread([this, what] {
      RawSocket first = origin.accept();
      ++accepted;
      first.read_until("\r\n\r\n");
      first.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
      what(first);
      RawSocket second = origin.accept();
      if (!second.is_open()) return;
      ++accepted;
      second.read_until("\r\n\r\n");
      second.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n2");
    });
  }
  ~Retry() {
    origin.close();
    thread.join();
  }
};

TEST_F(net_client, notices_a_dead_kept_connection_before_using_it) {
  std::atomic<bool> closed{false};
  Retry retry([&](RawSocket& peer) {
    peer.close();
    closed = true;
  });
  EXPECT_EQ(fetch(request(retry.origin.port(), "POST"))->body, "1");
  ASSERT_TRUE(eventually([&] { return closed.load(); }));
  EXPECT_EQ(fetch(request(retry.origin.port(), "POST"))->body, "2");
  EXPECT_EQ(client_->counters().retried, 0u);
}

TEST_F(net_client, sends_a_get_again_when_a_kept_connection_ends) {
  Retry retry([](RawSocket& peer) {
    peer.read_until("\r\n\r\n");
    peer.close();
  });
  EXPECT_EQ(fetch(request(retry.origin.port()))->body, "1");
  EXPECT_EQ(fetch(request(retry.origin.port()))->body, "2");
  EXPECT_EQ(client_->counters().retried, 1u);
}

TEST_F(net_client, sends_a_post_again_only_after_a_reset) {
  Retry retry([](RawSocket& peer) {
    peer.read_bytes(1);  // the rest stays unread: closing resets
    peer.close_with_reset();
  });
  EXPECT_EQ(fetch(request(retry.origin.port(), "POST"))->body, "1");
  EXPECT_EQ(fetch(request(retry.origin.port(), "POST"))->body, "2");
  EXPECT_EQ(client_->counters().retried, 1u);
}

TEST_F(net_client, does_not_repeat_a_post_that_may_have_been_worked_on) {
  std::atomic<int> connections{0};
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    ++connections;
    peer.read_until("\r\n\r\nx");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    peer.read_until("\r\n\r\nx");
  });
  EXPECT_EQ(fetch(request(origin.port(), "POST", "x"))->body, "1");
  expect_failed(fetch(request(origin.port(), "POST", "x")), "closed before an answer");
  thread.join();
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(client_->counters().retried, 0u);
}

TEST_F(net_client, does_not_repeat_after_a_byte_of_the_answer) {
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 2");
  });
  EXPECT_EQ(fetch(request(origin.port()))->body, "1");
  expect_failed(fetch(request(origin.port())), "cut off in its header");
  thread.join();
}

TEST_F(net_client, takes_the_answer_of_a_server_that_stops_reading) {
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    peer.shut_down_writing();
    peer.read_to_end();
  });
  const auto answer = fetch(request(origin.port(), "POST", std::string(8'000'000, 'x')));
  remake({});
  thread.join();
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->body, "big");
}

// Fires the cancel in one phase; `origin` sees the connection end.
TEST_F(net_client, cancel_closes_in_every_phase) {
  const std::string big(50'000'000, 'x');
  for (const std::string_view phase : {"waiting", "reading", "writing"}) {
    RawListener origin;
    std::atomic<bool> ready{false};
    std::atomic<bool> ended{false};
    std::thread thread([&] {
      RawSocket peer = origin.accept();
      if (phase != "writing") peer.read_until("\r\n\r\n");
      if (phase == "reading") peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      ready = true;
      if (phase == "writing") std::this_thread::sleep_for(milliseconds(100));
      ended = peer.is_ended_by_peer();
    });
    auto cancel = std::make_unique<Cancel>();
    auto result = std::async(std::launch::async, [&] {
      return run_on(loop(), [&]() -> Task<base::Status> {
        auto what = request(origin.port(), "POST", phase == "writing" ? big : "x");
        SLUICE_CO_TRY(auto response, co_await client_->send(std::move(what), {}, *cancel));
        SLUICE_CO_TRY(const auto body, co_await response.read_all());
        co_return base::Status{};
      });
    });
    ASSERT_TRUE(eventually([&] { return ready.load(); }));
    std::this_thread::sleep_for(milliseconds(30));
    loop().post([&] { cancel->fire(); });
    const auto status = result.get();
    ASSERT_FALSE(status.has_value()) << phase;
    EXPECT_EQ(status.error().code, ErrorCode::cancelled) << phase;
    thread.join();
    EXPECT_TRUE(ended) << phase;
  }
}

TEST_F(net_client, a_fired_cancel_opens_nothing) {
  RawListener origin;
  const auto before = sockets_opened();
  const auto status = run_on(loop(), [&]() -> Task<base::Status> {
    Cancel cancel;
    cancel.fire();
    SLUICE_CO_TRY(auto response, co_await client_->send(request(origin.port()), {}, cancel));
    co_return base::Status{};
  });
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_EQ(sockets_opened(), before);
}

TEST_F(net_client, dropping_an_answer_closes_its_connection) {
  RawListener origin;
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    ended = peer.is_ended_by_peer();
  });
  run_on(loop(), [&]() -> Task<void> {
    Cancel cancel;
    auto response = co_await client_->send(request(origin.port()), {}, cancel);
    EXPECT_TRUE(response.has_value());
  });
  thread.join();
  EXPECT_TRUE(ended);
}

TEST_F(net_client, refuses_to_send_what_breaks_the_framing) {
  auto what = request(1);
  what.headers.add("x-bad", "a\r\nx-evil: 1");
  const auto answer = fetch(std::move(what));
  EXPECT_EQ(answer.error().code, ErrorCode::invalid_argument);
  auto method = request(1);
  method.method = "GET / HTTP/1.1\r\nX: ";
  EXPECT_EQ(fetch(std::move(method)).error().code, ErrorCode::invalid_argument);
  auto target = request(1);
  target.url.target = "/a b";
  EXPECT_EQ(fetch(std::move(target)).error().code, ErrorCode::invalid_argument);
}

TEST_F(net_client, read_all_stops_at_its_limit) {
  Server server(loops_, {}, [](Exchange& exchange) -> Task<void> {
    (void)co_await exchange.respond(200, {}, http::body_of("12345"));
  });
  const auto port = *server.listen(TcpAddress{});
  const auto limited = [&](std::size_t bytes_max) {
    return run_on(loop(), [&, bytes_max]() -> Task<Result<http::Body>> {
      Cancel cancel;
      SLUICE_CO_TRY(auto response, co_await client_->send(request(port), {}, cancel));
      co_return co_await response.read_all(bytes_max);
    });
  };
  EXPECT_TRUE(limited(5).has_value());
  EXPECT_EQ(limited(4).error().code, ErrorCode::too_large);
}

TEST_F(net_client, gives_all_of_one_read_as_one_slice) {
  RawListener origin;
  std::thread thread([&] {
    RawSocket peer = origin.accept();
    peer.read_until("\r\n\r\n");
    peer.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n");
    peer.read_to_end();
  });
  const auto pieces = run_on(loop(), [&]() -> Task<std::vector<std::string>> {
    Cancel cancel;
    auto response = co_await client_->send(request(origin.port()), {}, cancel);
    std::vector<std::string> texts;
    while (true) {
      const auto piece = co_await response->read();
      if (!piece || !*piece) break;
      texts.emplace_back((*piece)->text());
    }
    co_return texts;
  });
  remake({});
  thread.join();
  EXPECT_THAT(pieces, ::testing::ElementsAre("abcdef"));
}

TEST_F(net_client, large_reads_do_not_share_memory) {
  // Two answers at once on one loop, each checked byte by byte: the read buffer is handed out and replaced.
  Server server(loops_, {}, [](Exchange& exchange) -> Task<void> {
    (void)co_await exchange.begin_stream({});
    const char fill = exchange.request().target.back();
    for (int i = 0; i < 40; ++i) (void)co_await exchange.write(http::body_of(std::string(70'000, fill)));
    (void)co_await exchange.finish();
  });
  const auto port = *server.listen(TcpAddress{});
  std::vector<std::future<Result<Answer>>> answers;
  for (const char fill : std::string_view("abcd")) {
    auto what = request(port);
    what.url.target = std::string("/") + fill;
    answers.push_back(std::async(std::launch::async, [&, what]() mutable { return fetch(std::move(what)); }));
  }
  char fill = 'a';
  for (auto& answer : answers) EXPECT_EQ(answer.get()->body, std::string(2'800'000, fill++));
}

TEST_F(net_client, reaches_unix_sockets) {
  const std::string path = "/tmp/sluice-client-test-" + std::to_string(::getpid());
  Server server(loops_, {}, [](Exchange& exchange) -> Task<void> {
    (void)co_await exchange.respond(200, {}, http::body_of(exchange.peer().unix_socket ? "unix" : "tcp"));
  });
  ASSERT_TRUE(server.listen(UnixAddress{path}).has_value());
  auto what = request(1);
  what.unix_path = path;
  EXPECT_EQ(fetch(std::move(what))->body, "unix");
}

}  // namespace
}  // namespace sluice::net
