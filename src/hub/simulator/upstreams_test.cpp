#include "hub/simulator/upstreams.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/simulator/limits.h"
#include "net/testing/raw_socket.h"
#include "net/testing/run.h"

namespace sluice::hub::simulator {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class hub_simulator_upstreams : public testing::Test {
 protected:
  void serve(UpstreamSettings settings) {
    settings.name = "north";
    upstreams_.emplace(std::vector<UpstreamSettings>{std::move(settings)}, 1);
    server_.emplace(loops_, net::ServerOptions{}, upstreams_->handler());
    port_ = server_->listen(net::TcpAddress{}).value();
  }
  net::testing::RawSocket send(std::string_view mark, bool stream = false, std::string_view name = "north") {
    const std::string body = fmt::format(
        R"({{"model":"m","stream":{},"messages":[{{"role":"user","content":"{}"}}]}})", stream, mark);
    net::testing::RawSocket socket(port_);
    socket.send(
        fmt::format("POST /{}/v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
                    "content-length: {}\r\n\r\n{}",
                    name, body.size(), body));
    return socket;
  }
  std::string ask(std::string_view mark, bool stream = false) { return send(mark, stream).read_to_end(); }
  // The record is complete a moment after the peer has its bytes.
  SeenRequest ended(std::string_view mark) {
    EXPECT_TRUE(net::testing::eventually([&] {
      const auto seen = upstreams_->seen(mark);
      return !seen.empty() && seen.back().ended != net::TimePoint{};
    }));
    return upstreams_->seen(mark).back();
  }

  net::Loops loops_{1};
  std::optional<Upstreams> upstreams_;
  std::optional<net::Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(hub_simulator_upstreams, answer_and_remember_by_the_mark) {
  serve({.price_input = {100}, .price_output = {1000}});
  EXPECT_THAT(ask("first"), HasSubstr("north one two"));
  EXPECT_THAT(ask("second", true), HasSubstr("data: [DONE]"));
  const SeenRequest first = ended("first");
  EXPECT_TRUE(first.finished);
  EXPECT_FALSE(first.left);
  EXPECT_EQ(first.cost.nanos, 12 * 100 + 8 * 1000);
  EXPECT_EQ(ended("second").cost.nanos, first.cost.nanos);
  EXPECT_THAT(upstreams_->seen(), SizeIs(2));
  EXPECT_THAT(upstreams_->seen("third"), SizeIs(0));
}

TEST_F(hub_simulator_upstreams, play_their_schedule_request_by_request) {
  serve({.schedule = {{.fault = find_fault("503"), .requests = 1}}, .price_input = {100}});
  EXPECT_THAT(ask("a"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("b"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(ended("a").cost.nanos, 0) << "a refusal is not billed";
  EXPECT_EQ(ended("a").fault, "503");
}

TEST_F(hub_simulator_upstreams, cut_streams_without_the_end_of_their_framing) {
  serve({.schedule = {{.fault = find_fault("cut_after_first_token")}}});
  EXPECT_THAT(ask("a", true), AllOf(HasSubstr("\" two\""), Not(EndsWith("0\r\n\r\n"))));
  EXPECT_TRUE(ended("a").finished) << "it said what it meant to say";
}

TEST_F(hub_simulator_upstreams, see_the_peer_leave_while_they_are_silent) {
  serve({.schedule = {{.fault = find_fault("silence")}}});
  {
    const auto socket = send("a");
    EXPECT_TRUE(net::testing::eventually([&] { return !upstreams_->seen("a").empty(); }));
  }
  const SeenRequest seen = ended("a");
  ASSERT_TRUE(seen.left);
  EXPECT_FALSE(seen.finished);
}

TEST_F(hub_simulator_upstreams, know_only_their_own_paths) {
  serve({});
  EXPECT_THAT(send("a", false, "south").read_to_end(), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(upstreams_->seen(), SizeIs(0));
}

TEST_F(hub_simulator_upstreams, know_a_request_by_a_mark_of_limited_length) {
  serve({});
  ask(std::string(kMarkBytesMax + 1, 'x'));
  EXPECT_THAT(upstreams_->seen(std::string(kMarkBytesMax, 'x')), SizeIs(1));
}

}  // namespace
}  // namespace sluice::hub::simulator
