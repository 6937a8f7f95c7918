// Messages that two readers could understand differently are answered 400 and the connection is closed, so
// that nothing after them is taken for a request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "net/server.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Form {
  std::string_view name;
  std::string bytes;
  int status = 400;
};

std::ostream& operator<<(std::ostream& out, const Form& form) {
  return out << form.name;
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: t\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: t\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

const Form kForms[] = {
    {"te_other", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
    {"te_list", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
    {"te_identity", post("Transfer-Encoding: identity\r\n", "")},
    {"te_trailing", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
    {"te_quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
    {"te_twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
    {"te_empty", post("Transfer-Encoding:\r\n", "0\r\n\r\n")},
    {"te_vertical_tab", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n")},
    {"te_in_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"te_and_cl", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
    {"cl_and_te", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
    {"cl_twice", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")},
    {"cl_twice_same", post("Content-Length: 1\r\nContent-Length: 1\r\n", "a")},
    {"cl_list", post("Content-Length: 1, 1\r\n", "a")},
    {"cl_plus", post("Content-Length: +1\r\n", "a")},
    {"cl_minus", post("Content-Length: -1\r\n", "a")},
    {"cl_hex", post("Content-Length: 0x1\r\n", "a")},
    {"cl_empty", post("Content-Length:\r\n", "a")},
    {"cl_huge", post("Content-Length: 99999999999999999999999\r\n", "a")},
    {"obs_fold", get("X: a\r\n b: c\r\n")},
    {"obs_fold_tab", get("X: a\r\n\tb\r\n")},
    {"fold_first", "GET / HTTP/1.1\r\n Host: t\r\n\r\n"},
    {"space_before_colon", get("Content-Length : 1\r\n")},
    {"tab_before_colon", get("Transfer-Encoding\t: chunked\r\n")},
    {"no_colon", get("Transfer-Encoding chunked\r\n")},
    {"empty_name", get(": x\r\n")},
    {"name_not_token", get("X(y): z\r\n")},
    {"bare_lf", "GET / HTTP/1.1\nHost: t\n\n"},
    {"bare_lf_in_fields", "GET / HTTP/1.1\r\nHost: t\nX: y\r\n\r\n"},
    {"bare_lf_at_end", "GET / HTTP/1.1\r\nHost: t\r\n\n"},
    {"bare_cr", get("X: a\rY: b\r\n")},
    {"bare_cr_in_line", "GET / HTTP/1.1\rHost: t\r\n\r\n"},
    {"nul_in_value", get(std::string_view("X: a\0b\r\n", 8))},
    {"nul_in_target", std::string("GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n", 29)},
    {"delete_in_value", get("X: a\x7f\r\n")},
    {"method_lower", "get / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"method_odd", "GE T / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"method_punctuation", "G\"T / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"method_missing", " / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"method_long", std::string(33, 'A') + " / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_space", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_fragment", "GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_relative", "GET a HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_raw_utf8", "GET /\xc3\xa9 HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_star", "GET * HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_authority", "CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_missing", "GET HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"target_two_spaces", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"absolute_other_host", "GET http://evil/ HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"absolute_ftp", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"host_missing", "GET / HTTP/1.1\r\nX: y\r\n\r\n"},
    {"host_twice", "GET / HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n"},
    {"host_empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"host_user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
    {"host_path", "GET / HTTP/1.1\r\nHost: t/x\r\n\r\n"},
    {"version_short", "GET / HTTP/1\r\nHost: t\r\n\r\n"},
    {"version_none", "GET /\r\n\r\n"},
    {"version_text", "GET / HTTQ/1.1\r\nHost: t\r\n\r\n"},
    {"version_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"version_1_2", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", 505},
    {"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)},
    {"blank_lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"chunk_size_bad", post("Transfer-Encoding: chunked\r\n", "x\r\n")},
    {"chunk_size_empty", post("Transfer-Encoding: chunked\r\n", "\r\n")},
    {"chunk_size_signed", post("Transfer-Encoding: chunked\r\n", "-1\r\n")},
    {"chunk_size_0x", post("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n")},
    {"chunk_size_space", post("Transfer-Encoding: chunked\r\n", "1 \r\na\r\n0\r\n\r\n")},
    {"chunk_size_overflow", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n")},
    {"chunk_bare_lf", post("Transfer-Encoding: chunked\r\n", "1\na\r\n0\r\n\r\n")},
    {"chunk_longer", post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")},
    {"chunk_extension_lf", post("Transfer-Encoding: chunked\r\n", "1;a\nb\r\na\r\n0\r\n\r\n")},
    {"trailer_bare_lf", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\n\r\n")},
    {"expect_other", get("Expect: 200-ok\r\n"), 417},
    {"expect_twice", get("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417},
    {"fields_many",
     [] {
       std::string fields;
       for (int i = 0; i < 100; ++i) fields += "X: y\r\n";
       return get(fields);
     }(),
     431},
    {"head_large", get("X: " + std::string(70'000, 'y') + "\r\n"), 431},
    {"head_large_unfinished", "GET / HTTP/1.1\r\nX: " + std::string(70'000, 'y'), 431},
    {"target_large", "GET /" + std::string(9'000, 'y') + " HTTP/1.1\r\nHost: t\r\n\r\n", 414},
    {"target_large_unfinished", "GET /" + std::string(9'000, 'y'), 414},
};

class net_server_smuggling : public ::testing::TestWithParam<Form> {};

TEST_P(net_server_smuggling, is_refused_and_nothing_after_it_is_read) {
  std::atomic<int> requests{0};
  Loops loops(1);
  Server server(loops, {}, [&](Exchange& exchange) -> Task<void> {
    ++requests;
    (void)co_await exchange.respond(200, {}, {});
  });
  const auto port = server.listen(TcpAddress{});
  ASSERT_TRUE(port.has_value());
  testing::RawSocket client(*port);
  client.send(GetParam().bytes);
  client.send("GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer: " << answer;
  EXPECT_EQ(requests, 0);
}

INSTANTIATE_TEST_SUITE_P(forms, net_server_smuggling, ::testing::ValuesIn(kForms),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::net
