#include "net/client/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "net/server.h"
#include "net/testing/certificate.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using base::Result;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawListener;
using testing::RawSocket;
using testing::run_on;
using ::testing::StartsWith;

TEST(net_client_proxy, reads_addresses_and_hides_passwords) {
  const auto plain = parse_proxy("http://proxy.test:3128");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->name(), "proxy.test:3128");
  EXPECT_EQ(plain->authorization, "");
  EXPECT_EQ(parse_proxy("proxy.test:3128")->port, 3128);
  EXPECT_EQ(parse_proxy("http://proxy.test/")->port, 80);
  EXPECT_EQ(parse_proxy("http://Aladdin:open%20sesame@p:1")->authorization,
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(parse_proxy("http://u:p@ss@p:1")->host, "p");
  for (const char* bad :
       {"https://p:1", "socks5://secret@p:1", "http://", "http://u:secret%zz@p", "http://p:x"}) {
    const auto proxy = parse_proxy(bad);
    ASSERT_FALSE(proxy.has_value()) << bad;
    EXPECT_THAT(proxy.error().message, Not(HasSubstr("secret")));
  }
}

TEST(net_client_proxy, exempts_what_no_proxy_lists) {
  const auto exempt = [](std::string_view list, std::string_view url) {
    return is_exempt(list, *http::parse_url(url));
  };
  EXPECT_TRUE(exempt("*", "http://a.test"));
  EXPECT_TRUE(exempt("x, example.com ,y", "http://example.com"));
  EXPECT_TRUE(exempt("example.com", "http://api.Example.com"));
  EXPECT_TRUE(exempt(".example.com", "http://api.example.com"));
  EXPECT_TRUE(exempt(".example.com", "http://example.com"));
  EXPECT_TRUE(exempt("*.example.com", "http://api.example.com"));
  EXPECT_FALSE(exempt("example.com", "http://badexample.com"));
  EXPECT_FALSE(exempt("api.example.com", "http://example.com"));
  EXPECT_FALSE(exempt("", "http://example.com"));
  EXPECT_TRUE(exempt("10.0.0.0/8", "http://10.1.2.3"));
  EXPECT_FALSE(exempt("10.0.0.0/8", "http://11.1.2.3"));
  EXPECT_FALSE(exempt("10.0.0.0/33", "http://10.1.2.3"));
  EXPECT_TRUE(exempt("192.168.1.1", "http://192.168.1.1:99"));
  EXPECT_TRUE(exempt("fd00::/8", "http://[fd12::1]"));
  EXPECT_FALSE(exempt("fd00::/8", "http://[fe12::1]"));
  EXPECT_TRUE(exempt("example.com:8080", "http://example.com:8080"));
  EXPECT_FALSE(exempt("example.com:8080", "http://example.com"));
}

TEST(net_client_proxy, chooses_by_scheme_and_never_for_loopback) {
  const ProxySettings settings{.http = "http://plain:1", .https = "http://secure:2", .none = "internal.test"};
  const auto chosen = [&](std::string_view url) -> std::string {
    const auto proxy = choose_proxy(settings, *http::parse_url(url));
    return *proxy ? (*proxy)->name() : "direct";
  };
  EXPECT_EQ(chosen("http://a.test"), "plain:1");
  EXPECT_EQ(chosen("https://a.test"), "secure:2");
  for (const char* direct :
       {"http://internal.test", "http://localhost:1", "http://127.0.0.9", "https://[::1]"})
    EXPECT_EQ(chosen(direct), "direct") << direct;
  EXPECT_FALSE(choose_proxy({.http = "ftp://x", .https = {}, .none = {}}, *http::parse_url("http://a.test"))
                   .has_value());
}

// Accepts one connection, reads one head; for CONNECT it then carries bytes both ways to `origin`.
class TinyProxy {
 public:
  explicit TinyProxy(std::uint16_t origin, std::string reply = "HTTP/1.1 200 Connected\r\n\r\n") {
    thread_ = std::thread([this, origin, reply] {
      RawSocket client = listener_.accept();
      head_ = client.read_until("\r\n\r\n");
      client.send(reply);
      if (origin == 0) return;
      const RawSocket server(origin);
      const auto carry = [](int from, int to) {
        char buffer[16384];
        while (true) {
          const ssize_t bytes = ::recv(from, buffer, sizeof buffer, 0);
          if (bytes <= 0 || ::send(to, buffer, static_cast<std::size_t>(bytes), MSG_NOSIGNAL) != bytes) break;
        }
        ::shutdown(from, SHUT_RDWR);
        ::shutdown(to, SHUT_RDWR);
      };
      std::thread back([&] { carry(server.fd(), client.fd()); });
      carry(client.fd(), server.fd());
      back.join();
    });
  }
  ~TinyProxy() {
    if (thread_.joinable()) thread_.join();
  }
  std::string address(std::string_view user = {}) const {
    return "http://" + std::string(user) + "127.0.0.1:" + std::to_string(listener_.port());
  }
  const std::string& head() {
    thread_.join();
    return head_;
  }

 private:
  RawListener listener_;
  std::string head_;
  std::thread thread_;
};

Result<std::string> fetch(const ClientOptions& options, const std::string& url) {
  Loops loops(1);
  return run_on(loops[0], [&]() -> Task<Result<std::string>> {
    Client client(loops[0], options);
    Cancel cancel;
    ClientRequest what;
    what.url = *http::parse_url(url);
    SLUICE_CO_TRY(auto response, co_await client.send(std::move(what), {}, cancel));
    SLUICE_CO_TRY(const auto body, co_await response.read_all());
    co_return http::to_string(body);
  });
}

TEST(net_client_proxy, sends_plain_requests_in_absolute_form) {
  TinyProxy proxy(0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const auto body =
      fetch({.egress = {}, .proxy = {.http = proxy.address("u:p@"), .https = {}, .none = {}}, .ca_file = {}},
            "http://origin.test:8080/path?q");
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(*body, "ok");
  EXPECT_THAT(proxy.head(),
              StartsWith("GET http://origin.test:8080/path?q HTTP/1.1\r\nHost: origin.test:8080\r\n"
                         "Proxy-Authorization: Basic dTpw\r\n"));
}

TEST(net_client_proxy, tunnels_tls_and_verifies_the_origin_itself) {
  const testing::Certificate certificate;
  Loops loops(1);
  Server server(loops, {}, [](Exchange& exchange) -> Task<void> {
    (void)co_await exchange.respond(200, {}, http::body_of("through " + std::string(exchange.host())));
  });
  const auto port = server.listen(TcpAddress{.host = "127.0.0.1",
                                             .port = 0,
                                             .certificate_file = certificate.certificate_file(),
                                             .key_file = certificate.key_file()});
  TinyProxy proxy(*port);
  const auto body = fetch({.egress = {},
                           .proxy = {.http = {}, .https = proxy.address("user:pass@"), .none = {}},
                           .ca_file = certificate.certificate_file()},
                          "https://origin.test/");
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(*body, "through origin.test");
  EXPECT_EQ(proxy.head(),
            "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n"
            "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
}

TEST(net_client_proxy, names_a_proxy_that_refuses) {
  TinyProxy proxy(0, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
  const auto body = fetch(
      {.egress = {}, .proxy = {.http = {}, .https = proxy.address("u:secret@"), .none = {}}, .ca_file = {}},
      "https://origin.test/");
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error().code, ErrorCode::upstream_failed);
  EXPECT_THAT(body.error().message, HasSubstr("refused the connection with status 407"));
  EXPECT_THAT(body.error().message, Not(HasSubstr("secret")));
}

TEST(net_client_proxy, a_broken_proxy_is_an_error) {
  for (const char* reply : {"", "rubbish\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nsurplus"}) {
    TinyProxy proxy(0, reply);
    const auto body =
        fetch({.egress = {}, .proxy = {.http = {}, .https = proxy.address(), .none = {}}, .ca_file = {}},
              "https://origin.test/");
    ASSERT_FALSE(body.has_value()) << reply;
    EXPECT_EQ(body.error().code, ErrorCode::upstream_failed) << body.error().message;
  }
}

}  // namespace
}  // namespace sluice::net
