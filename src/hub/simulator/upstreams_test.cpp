#include "hub/simulator/upstreams.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "hub/simulator/limits.h"
#include "net/client.h"

namespace sluice::hub::simulator {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// What a caller has of an answer; `error` when it broke off.
struct Got {
  int status = 0;
  std::string body = {}, error = {};
};

class hub_simulator_upstreams : public testing::Test {
 protected:
  void serve(UpstreamSettings settings) {
    settings.name = "north";
    upstreams_.emplace(std::vector<UpstreamSettings>{std::move(settings)}, 1);
    server_.emplace(loops_, net::ServerOptions{}, upstreams_->handler());
    port_ = server_->listen(net::TcpAddress{}).value();
  }

  net::Task<Got> call(std::string name, std::string mark, bool stream, net::Cancel& cancel) {
    net::Client client(*net::Loop::current(), {});
    net::ClientRequest request;
    request.url =
        http::parse_url(fmt::format("http://127.0.0.1:{}/{}/v1/chat/completions", port_, name)).value();
    request.method = "POST";
    request.body = http::body_of(fmt::format(
        R"({{"model":"m","stream":{},"messages":[{{"role":"user","content":"{}"}}]}})", stream, mark));
    auto answer = co_await client.send(std::move(request), {}, cancel);
    if (!answer) co_return Got{.error = answer.error().message};
    Got got{.status = answer->status()};
    for (;;) {
      const auto piece = co_await answer->read();
      if (!piece) got.error = piece.error().message;
      if (!piece || !*piece) co_return got;
      got.body += (*piece)->text();
    }
  }
  Got ask(std::string mark, bool stream = false, std::string name = "north") {
    std::promise<Got> promise;
    net::Cancel cancel;
    const auto work = [&]() -> net::Task<void> {
      promise.set_value(co_await call(name, mark, stream, cancel));
    };
    loops_[0].spawn(work());
    return promise.get_future().get();
  }
  // Asks, and leaves as soon as the upstream has the request.
  void ask_and_leave(std::string mark) {
    std::promise<void> promise;
    net::Cancel cancel;
    const auto work = [&]() -> net::Task<void> {
      (void)co_await call("north", mark, false, cancel);
      promise.set_value();
    };
    loops_[0].spawn(work());
    while (upstreams_->seen(mark).empty()) std::this_thread::sleep_for(Millis(1));
    loops_[0].post([&] { cancel.fire(); });
    promise.get_future().get();
  }
  // The record is complete a moment after the peer has its bytes.
  SeenRequest ended(std::string_view mark) {
    const auto deadline = net::Clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto seen = upstreams_->seen(mark);
      if (!seen.empty() && seen.back().ended != net::TimePoint{}) return seen.back();
      if (net::Clock::now() > deadline) {
        ADD_FAILURE() << mark << " has not ended";
        return {};
      }
      std::this_thread::sleep_for(Millis(1));
    }
  }

  net::Loops loops_{1};
  std::optional<Upstreams> upstreams_;
  std::optional<net::Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(hub_simulator_upstreams, answer_and_remember_by_the_mark) {
  serve({.price_input = {100}, .price_output = {1000}});
  EXPECT_THAT(ask("first").body, HasSubstr("north one two"));
  EXPECT_THAT(ask("second", true).body, HasSubstr("data: [DONE]"));
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
  EXPECT_EQ(ask("a").status, 503);
  EXPECT_EQ(ask("b").status, 200);
  EXPECT_EQ(ended("a").cost.nanos, 0) << "a refusal is not billed";
  EXPECT_EQ(ended("a").fault, "503");
}

TEST_F(hub_simulator_upstreams, cut_streams_without_the_end_of_their_framing) {
  serve({.schedule = {{.fault = find_fault("cut_after_first_token")}}});
  const Got got = ask("a", true);
  EXPECT_THAT(got.body, HasSubstr("\" two\""));
  EXPECT_NE(got.error, "");
  EXPECT_TRUE(ended("a").finished) << "it said what it meant to say";
}

TEST_F(hub_simulator_upstreams, see_the_peer_leave_while_they_are_silent) {
  serve({.schedule = {{.fault = find_fault("silence")}}});
  ask_and_leave("a");
  const SeenRequest seen = ended("a");
  ASSERT_TRUE(seen.left);
  EXPECT_FALSE(seen.finished);
}

TEST_F(hub_simulator_upstreams, know_only_their_own_paths) {
  serve({});
  EXPECT_EQ(ask("a", false, "south").status, 404);
  EXPECT_THAT(upstreams_->seen(), SizeIs(0));
}

TEST_F(hub_simulator_upstreams, know_a_request_by_a_mark_of_limited_length) {
  serve({});
  ask(std::string(kMarkBytesMax + 1, 'x'));
  EXPECT_THAT(upstreams_->seen(std::string(kMarkBytesMax, 'x')), SizeIs(1));
}

}  // namespace
}  // namespace sluice::hub::simulator
