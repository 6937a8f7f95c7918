#include "hub/gateway/machine_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <future>

#include "hub/gateway/fakes.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using ::testing::HasSubstr;

// A provider that is asked, polled until its answer is there, and told when nobody wants it any more.
class PollingMachine final : public dialects::UpstreamMachine {
 public:
  explicit PollingMachine(std::string url) : url_(std::move(url)) {
    steps_.emplace_back(send_to("POST", "/submit"));
  }

  std::optional<dialects::Step> next() override {
    if (steps_.empty()) return std::nullopt;
    dialects::Step step = std::move(steps_.front());
    steps_.erase(steps_.begin());
    return step;
  }
  void feed_head(const http::ResponseHead&) override { answer_.clear(); }
  void feed_body(http::Slice bytes) override { answer_ += bytes.text(); }
  void feed_end() override {
    if (!answer_.contains("done")) {
      if (answer_.contains("queued"))
        steps_.emplace_back(dialects::Emit{.bytes = {}, .events = {tasks::Started{}}});
      steps_.emplace_back(dialects::Wait{1ms});  // less than any machine is given
      steps_.emplace_back(send_to("GET", "/poll"));
      return;
    }
    tasks::TextDelta text;
    text.text = answer_;
    steps_.emplace_back(dialects::Emit{.bytes = {}, .events = {text, tasks::Finished{}}});
    steps_.emplace_back(dialects::Done{});
  }
  std::optional<http::Request> cancel() override { return send_to("PUT", "/cancel").request; }

 private:
  dialects::Send send_to(std::string method, std::string_view path) const {
    dialects::Send send;
    send.request.method = std::move(method);
    send.request.target = url_ + std::string(path);
    return send;
  }

  const std::string url_;
  std::vector<dialects::Step> steps_;
  std::string answer_;
};

// Counts what it is asked; the answer is done after `polls` of them, never with -1.
struct PollingProvider {
  explicit PollingProvider(int polls, bool answers_cancel = true)
      : provider([this, polls, answers_cancel](Wire& wire) {
          while (const auto request = wire.read_message()) {
            const std::string& line = request->first_line;
            if (line.contains("/cancel")) {
              EXPECT_EQ(request->header("authorization"), "Bearer secret");
              EXPECT_EQ(request->header(kHopHeader), "hop");
              ++cancels;
              if (!answers_cancel) {
                wire.sees_close(kPatience);
                return;
              }
              wire.send(json_answer("{}"));
            } else if (line.contains("/poll")) {
              wire.send(json_answer(polled++ == polls ? "done" : "running"));
            } else {
              wire.send(json_answer("queued"));
            }
          }
        }) {}

  std::atomic<int> polled = 0, cancels = 0;
  FakeProvider provider;
};

// One loop with a client; runs coroutines on it to their end.
class Bench {
 public:
  Bench() : loops_(1) {
    loops_.run_on_all(
        [this](net::Loop& loop) { client_ = std::make_shared<net::Client>(loop, net::ClientOptions()); });
  }
  ~Bench() {
    loops_.run_on_all([this](net::Loop&) { client_.reset(); });
  }

  std::unique_ptr<MachineSource> make_source(const std::string& url, net::Cancel& cancel,
                                             net::TimePoint deadline = net::kNever) {
    return std::make_unique<MachineSource>(std::make_unique<PollingMachine>(url),
                                           MachineSetup{.client = client_,
                                                        .limits = limits_,
                                                        .provider = provider_,
                                                        .credential = credential_,
                                                        .token = "",
                                                        .hops = "hop",
                                                        .deadline = deadline},
                                           cancel);
  }

  void run(std::function<net::Task<void>()> work) {
    std::promise<void> done;
    loops_[0].spawn([](std::function<net::Task<void>()> inner, std::promise<void>& told) -> net::Task<void> {
      co_await inner();
      told.set_value();
    }(std::move(work), done));
    ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  }

 private:
  const AttemptLimits limits_{};
  const std::string provider_ = "polled";
  const credentials::Credential credential_{"authorization", "Bearer", "secret"};
  std::shared_ptr<net::Client> client_;
  net::Loops loops_;
};

bool comes_to(const std::atomic<int>& value, int wanted) {
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (value != wanted && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  return value == wanted;
}

TEST(hub_gateway_machine_source, polls_until_the_answer_is_there) {
  PollingProvider polling(3);
  Bench bench;
  bench.run([&]() -> net::Task<void> {
    net::Cancel cancel;
    auto source = bench.make_source(polling.provider.url(), cancel);
    const auto began = net::Clock::now();
    auto first = co_await source->next();
    EXPECT_TRUE(first && *first &&
                std::holds_alternative<tasks::Started>(std::get<Events>(**first).events[0]))
        << "what comes before a wait goes out before it";
    auto second = co_await source->next();
    EXPECT_TRUE(second && *second && std::get<Events>(**second).events.size() == 2);
    auto end = co_await source->next();
    EXPECT_TRUE(end && !*end);
    EXPECT_GE(net::Clock::now() - began, 4 * kPollGapMin) << "no machine keeps a loop busy";
    source.reset();
  });
  EXPECT_EQ(polling.polled, 4);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(polling.cancels, 0) << "the answer was whole";
}

TEST(hub_gateway_machine_source, a_call_that_is_given_up_is_cancelled_once) {
  PollingProvider polling(-1);
  Bench bench;
  bench.run([&]() -> net::Task<void> {
    net::Cancel cancel;
    auto source = bench.make_source(polling.provider.url(), cancel);
    auto first = co_await source->next();
    EXPECT_TRUE(first);
    cancel.fire();  // the client left
    auto second = co_await source->next();
    EXPECT_FALSE(second);
    EXPECT_EQ(second.error().error.code, base::ErrorCode::cancelled);
    const auto began = net::Clock::now();
    source.reset();
    EXPECT_LT(net::Clock::now() - began, 1s) << "nobody waits for it";
  });
  EXPECT_TRUE(comes_to(polling.cancels, 1));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(polling.cancels, 1);
}

TEST(hub_gateway_machine_source, a_call_that_was_never_sent_needs_no_cancel) {
  PollingProvider polling(-1);
  Bench bench;
  bench.run([&]() -> net::Task<void> {
    net::Cancel cancel;
    auto source = bench.make_source(polling.provider.url(), cancel);
    source.reset();
    co_return;
  });
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(polling.cancels, 0);
}

TEST(hub_gateway_machine_source, a_provider_that_never_answers_the_cancel_holds_nobody) {
  PollingProvider polling(-1, false);
  Bench bench;
  bench.run([&]() -> net::Task<void> {
    net::Cancel cancel;
    auto source = bench.make_source(polling.provider.url(), cancel);
    auto first = co_await source->next();
    EXPECT_TRUE(first);
    source.reset();
  });
  EXPECT_TRUE(comes_to(polling.cancels, 1));
}

TEST(hub_gateway_machine_source, polling_ends_with_the_time_of_the_request) {
  PollingProvider polling(-1);
  Bench bench;
  bench.run([&]() -> net::Task<void> {
    net::Cancel cancel;
    auto source = bench.make_source(polling.provider.url(), cancel, net::Clock::now() + 200ms);
    auto piece = co_await source->next();
    while (piece) piece = co_await source->next();
    EXPECT_EQ(piece.error().error.code, base::ErrorCode::timed_out);
    EXPECT_EQ(piece.error().error.provider, "polled");
    source.reset();
  });
  EXPECT_TRUE(comes_to(polling.cancels, 1));
}

// The only route says when to come back, as a date: it is waited for.
TEST(hub_gateway_machine_source, retry_after_may_be_a_date) {
  std::atomic<int> asked = 0;
  FakeProvider alpha([&](Wire& wire) {
    while (wire.read_message()) {
      const std::time_t then = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()) + 2;
      std::tm parts{};
      gmtime_r(&then, &parts);
      char date[64];
      std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
      const std::string header = fmt::format("retry-after: {}\r\n", date);
      wire.send(++asked == 1 ? json_answer("{}", "429 Too Many Requests", header) : json_answer(kChatReply));
    }
  });
  const TestHub hub({.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}});
  EXPECT_EQ(hub.ask(chat_body("m", false)).status(), 200);
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace sluice::hub::gateway
