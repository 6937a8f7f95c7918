#include "hub/gateway/stream_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/test_hub.h"

namespace sluice::hub::gateway {
namespace {

using namespace testing;  // NOLINT: the fakes
using ::testing::HasSubstr;

std::string without_comments(std::string text) {
  constexpr std::string_view kComment = ": keep-alive\n\n";
  for (auto at = text.find(kComment); at != std::string::npos; at = text.find(kComment))
    text.erase(at, kComment.size());
  return text;
}

TEST(hub_gateway_stream_writer, a_silent_stream_gets_comments_between_its_events) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(delta("a")));
    std::this_thread::sleep_for(300ms);
    wire.send(chunk(delta("b")) + chunk(std::string(kFinish) + std::string(kDone)) + std::string(kStreamEnd));
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .times = {.heartbeat = 40ms}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_TRUE(answer.whole);
  EXPECT_THAT(answer.body, HasSubstr(delta("a") + ": keep-alive\n\n"));
  EXPECT_EQ(without_comments(answer.body),
            delta("a") + delta("b") + std::string(kFinish) + std::string(kDone));
}

TEST(hub_gateway_stream_writer, a_lively_stream_gets_none) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    wire.send(kStreamHead);
    for (int i = 0; i < 20; ++i) {
      wire.send(chunk(delta("a")));
      std::this_thread::sleep_for(5ms);
    }
    wire.send(chunk(std::string(kFinish) + std::string(kDone)) + std::string(kStreamEnd));
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .times = {.heartbeat = 10'000ms}});
  const RawMessage answer = hub.ask(chat_body("m", true));
  EXPECT_EQ(answer.body, without_comments(answer.body));
}

TEST(hub_gateway_stream_writer, before_the_answer_begins_nothing_is_sent) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    std::this_thread::sleep_for(200ms);
    wire.send(json_answer(R"({"error":{"message":"late"}})", "500 Oops"));
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .times = {.heartbeat = 20ms}});
  EXPECT_EQ(hub.ask(chat_body("m", true)).status(), 502) << "the status was still ours to choose";
}

TEST(hub_gateway_stream_writer, clients_that_leave_a_silent_stream_do_no_harm) {
  FakeProvider alpha([](Wire& wire) {
    wire.read_message();
    wire.send(std::string(kStreamHead) + chunk(delta("a")));
    wire.sees_close(kPatience);
  });
  const TestHub hub(
      {.providers = {{"alpha", alpha.url()}}, .routes_of_m = {"alpha"}, .times = {.heartbeat = 4ms}});
  for (int i = 0; i < 20; ++i) {
    Wire client = hub.connect();
    client.send(request_bytes("POST", "/v1/chat/completions", chat_body("m", true)));
    ASSERT_TRUE(client.read_through(": keep-alive\n\n"));
    if (i % 2) client.reset();
  }
  EXPECT_TRUE(hub.settles());
}

}  // namespace
}  // namespace sluice::hub::gateway
