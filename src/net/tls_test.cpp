// TLS on both sides, against each other: what is verified, what is resumed, and that a cut is seen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>

#include "net/client.h"
#include "net/server.h"
#include "net/testing/certificate.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using base::Result;
using std::chrono::milliseconds;
using testing::Certificate;
using testing::eventually;
using ::testing::HasSubstr;
using testing::run_on;

const Certificate& certificate() {
  static const Certificate made;
  return made;
}

class net_tls : public ::testing::Test {
 protected:
  net_tls() : server_(loops_, {}, [this](Exchange& exchange) { return serve(exchange); }) {
    const auto port = server_.listen(TcpAddress{.host = "127.0.0.1",
                                                .port = 0,
                                                .certificate_file = certificate().certificate_file(),
                                                .key_file = certificate().key_file()});
    if (port) port_ = *port;
    make({.egress = {}, .proxy = {}, .ca_file = certificate().certificate_file()});
  }
  ~net_tls() override {
    run_on(loops_[0], [this]() -> Task<void> {
      client_.reset();
      co_return;
    });
  }
  void make(ClientOptions options) {
    run_on(loops_[0], [&]() -> Task<void> {
      client_ = std::make_unique<Client>(loops_[0], std::move(options));
      co_return;
    });
  }
  Task<void> serve(Exchange& exchange) {
    const std::string path(exchange.request().path());
    if (path == "/cut") {
      (void)co_await exchange.begin_stream({});
      (void)co_await exchange.write(http::body_of("half"));
      exchange.abort();
    } else if (path == "/wait") {
      waiting_ = true;
      if (!co_await sleep_for(std::chrono::hours(1), exchange.cancel())) ++cancelled_;
    } else if (path == "/stream") {
      (void)co_await exchange.begin_stream({});
      for (int i = 0; i < 100; ++i)
        (void)co_await exchange.write(http::body_of("event " + std::to_string(i) + "\n"));
      (void)co_await exchange.finish();
    } else {
      (void)co_await exchange.respond(200, {{"x-tls", exchange.peer().tls ? "1" : "0"}},
                                      std::move(exchange.request().body));
    }
  }
  ClientRequest request(const std::string& path, std::string body = {},
                        const std::string& host = "localhost") {
    ClientRequest what;
    what.url = *http::parse_url("https://" + host + ":" + std::to_string(port_) + path);
    what.method = "POST";
    what.body = http::body_of(std::move(body));
    return what;
  }
  Result<std::string> fetch(ClientRequest what) {
    return run_on(loops_[0], [&]() -> Task<Result<std::string>> {
      Cancel cancel;
      SLUICE_CO_TRY(auto response, co_await client_->send(std::move(what), {}, cancel));
      SLUICE_CO_TRY(const auto body, co_await response.read_all());
      co_return http::to_string(body);
    });
  }

  Loops loops_{2};
  std::atomic<int> cancelled_{0};
  std::atomic<bool> waiting_{false};
  Server server_;
  std::unique_ptr<Client> client_;
  std::uint16_t port_ = 0;
};

TEST_F(net_tls, carries_bodies_of_all_sizes_both_ways) {
  ASSERT_NE(port_, 0);
  for (const std::size_t size : {0, 1, 100, 16'383, 16'384, 16'385, 100'000, 3'000'000}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; i += 100) body[i] = static_cast<char>('a' + i / 100 % 26);
    const auto answer = fetch(request("/", body));
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_TRUE(*answer == body) << size;
  }
  EXPECT_EQ(client_->counters().opened, 1u);
}

TEST_F(net_tls, streams) {
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "event " + std::to_string(i) + "\n";
  EXPECT_EQ(*fetch(request("/stream")), expected);
}

TEST_F(net_tls, accepts_addresses_in_the_certificate) {
  EXPECT_EQ(*fetch(request("/", "ip", "127.0.0.1")), "ip");
}

TEST_F(net_tls, refuses_what_it_cannot_verify) {
  const Certificate other("DNS:elsewhere.test");
  make({.egress = {}, .proxy = {}, .ca_file = other.certificate_file()});
  const auto unknown = fetch(request("/"));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::upstream_failed);
  EXPECT_THAT(unknown.error().message,
              HasSubstr("TLS handshake failed: certificate verify failed: self-signed"));

  Server named(loops_, {},
               [](Exchange& exchange) -> Task<void> { (void)co_await exchange.respond(200, {}, {}); });
  const auto port = named.listen(TcpAddress{.host = "127.0.0.1",
                                            .port = 0,
                                            .certificate_file = other.certificate_file(),
                                            .key_file = other.key_file()});
  auto what = request("/");
  what.url.port = *port;
  const auto mismatch = fetch(std::move(what));
  ASSERT_FALSE(mismatch.has_value());
  EXPECT_THAT(mismatch.error().message, HasSubstr("hostname mismatch"));
}

TEST_F(net_tls, says_when_the_authorities_cannot_be_read) {
  make({.egress = {}, .proxy = {}, .ca_file = "/nonexistent/ca.pem"});
  const auto answer = fetch(request("/"));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(answer.error().message, HasSubstr("/nonexistent/ca.pem"));
}

TEST_F(net_tls, says_when_the_certificate_cannot_be_read) {
  const auto missing = server_.listen(
      TcpAddress{.host = "127.0.0.1", .port = 0, .certificate_file = "/no.pem", .key_file = "/no"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message, HasSubstr("/no.pem: expected a PEM certificate chain"));
  const Certificate other;
  const auto mixed = server_.listen(TcpAddress{.host = "127.0.0.1",
                                               .port = 0,
                                               .certificate_file = certificate().certificate_file(),
                                               .key_file = other.key_file()});
  ASSERT_FALSE(mixed.has_value());
  EXPECT_THAT(mixed.error().message, HasSubstr("private key"));
}

TEST_F(net_tls, sees_a_cut_stream) {
  const auto answer = fetch(request("/cut"));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::upstream_failed);
}

// Speaks TLS by hand, so that it can end without close_notify.
std::string answer_until_close(bool notify) {
  testing::RawListener origin;
  std::thread thread([&] {
    testing::RawSocket peer = origin.accept();
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(context, certificate().certificate_file().c_str());
    SSL_CTX_use_PrivateKey_file(context, certificate().key_file().c_str(), SSL_FILETYPE_PEM);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, peer.fd());
    SSL_accept(ssl);
    char buffer[4096];
    SSL_read(ssl, buffer, sizeof buffer);
    const std::string reply = "HTTP/1.1 200 OK\r\n\r\nall of it";
    SSL_write(ssl, reply.data(), static_cast<int>(reply.size()));
    if (notify) SSL_shutdown(ssl);
    peer.shut_down_writing();
    peer.read_to_end();
    SSL_free(ssl);
    SSL_CTX_free(context);
  });
  Loops loops(1);
  auto result = run_on(loops[0], [&]() -> Task<Result<std::string>> {
    Client client(loops[0], {.egress = {}, .proxy = {}, .ca_file = certificate().certificate_file()});
    Cancel cancel;
    ClientRequest what;
    what.url = *http::parse_url("https://localhost:" + std::to_string(origin.port()));
    SLUICE_CO_TRY(auto response, co_await client.send(std::move(what), {}, cancel));
    SLUICE_CO_TRY(const auto body, co_await response.read_all());
    co_return http::to_string(body);
  });
  thread.join();
  return result ? *result : "error: " + result.error().message;
}

TEST_F(net_tls, a_body_until_close_needs_close_notify) {
  EXPECT_EQ(answer_until_close(true), "all of it");
  EXPECT_THAT(answer_until_close(false), HasSubstr("the TLS connection was cut off"));
}

TEST_F(net_tls, cancels_when_a_tls_client_leaves) {
  auto cancel = std::make_unique<Cancel>();
  auto result = std::async(std::launch::async, [&] {
    return run_on(loops_[0], [&]() -> Task<base::Status> {
      SLUICE_CO_TRY(auto response, co_await client_->send(request("/wait"), {}, *cancel));
      co_return base::Status{};
    });
  });
  ASSERT_TRUE(eventually([&] { return waiting_.load(); }));
  loops_[0].post([&] { cancel->fire(); });
  EXPECT_EQ(result.get().error().code, ErrorCode::cancelled);
  EXPECT_TRUE(eventually([&] { return cancelled_ == 1; }));
}

TEST_F(net_tls, plain_http_on_a_tls_port_ends_at_once) {
  testing::RawSocket client(port_);
  client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_TRUE(client.is_ended_by_peer());
}

TEST_F(net_tls, a_client_that_never_shakes_hands_is_let_go) {
  ServerOptions options;
  options.limits.head = milliseconds(100);
  Server server(loops_, std::move(options),
                [](Exchange& exchange) -> Task<void> { (void)co_await exchange.respond(200, {}, {}); });
  const auto port = server.listen(TcpAddress{.host = "127.0.0.1",
                                             .port = 0,
                                             .certificate_file = certificate().certificate_file(),
                                             .key_file = certificate().key_file()});
  testing::RawSocket client(*port);
  EXPECT_TRUE(client.is_ended_by_peer());
}

}  // namespace
}  // namespace sluice::net
