#include "hub/simulator/simulator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/simulator/limits.h"

namespace sluice::hub::simulator {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class hub_simulator_simulator : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = Simulator::load(SLUICE_SOURCE_DIR "/data/simulator", 7);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    simulator_ = *std::move(loaded);
  }

  static http::Request request_of(std::string target, std::string body, http::Headers headers) {
    headers.set("content-type", "application/json");
    return {.method = "POST",
            .target = std::move(target),
            .headers = std::move(headers),
            .body = http::body_of(std::move(body))};
  }
  Reply openai(std::string body, std::string key = "Bearer sk-fake-openai") {
    return simulator_->answer(
        request_of("/openai/v1/chat/completions", std::move(body), {{"authorization", key}}), "http://here");
  }
  static std::string text(const Reply& reply) {
    std::string all;
    for (const std::string& piece : reply.pieces) all += piece;
    return all;
  }
  static std::string asking(std::string_view scenario, std::string_view more = "") {
    return fmt::format(R"({{"model":"sim/{}","messages":[{{"role":"user","content":"Hi"}}]{}}})", scenario,
                       more);
  }

  std::unique_ptr<Simulator> simulator_;
};

TEST_F(hub_simulator_simulator, plays_a_plain_answer) {
  const Reply reply = openai(asking("text"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(text(reply), AllOf(HasSubstr("Far water runs deep."), HasSubstr(R"("model":"sim/text")")));
}

TEST_F(hub_simulator_simulator, cuts_a_stream_into_small_pieces_and_loses_nothing) {
  const Reply reply = openai(asking("text", R"(,"stream":true)"));
  EXPECT_TRUE(reply.streamed);
  EXPECT_GT(reply.pieces.size(), 5u);
  EXPECT_THAT(reply.pieces, Each(SizeIs(testing::Le(kPieceBytesMax))));
  EXPECT_THAT(reply.pieces, Each(Not(SizeIs(0))));
  EXPECT_TRUE(text(reply).ends_with("data: [DONE]\n\n"));
}

TEST_F(hub_simulator_simulator, reports_usage_only_when_asked) {
  EXPECT_THAT(text(openai(asking("text", R"(,"stream":true)"))), Not(HasSubstr("usage")));
  EXPECT_THAT(text(openai(asking("text", R"(,"stream":true,"stream_options":{"include_usage":true})"))),
              AllOf(HasSubstr(R"("usage":null)"), HasSubstr(R"("total_tokens":16)")));
}

TEST_F(hub_simulator_simulator, refuses_unknown_fields_wrong_types_and_missing_ones) {
  EXPECT_THAT(text(openai(asking("text", R"(,"colour":1)"))), HasSubstr("colour: unknown field"));
  EXPECT_THAT(text(openai(asking("text", R"(,"n":"two")"))), HasSubstr("n: expected integer|null"));
  EXPECT_THAT(text(openai(R"({"model":"sim/text"})")), HasSubstr("messages: missing field"));
  EXPECT_EQ(openai(R"({"model":"sim/text"})").status, 400);
  EXPECT_EQ(openai("no json").status, 400);
}

TEST_F(hub_simulator_simulator, wants_its_own_credential_and_no_other) {
  EXPECT_EQ(openai(asking("text"), "Bearer sk-fake-groq").status, 401);
  EXPECT_EQ(openai(asking("text"), "sk-fake-openai").status, 401);
  auto both = request_of("/openai/v1/chat/completions", asking("text"),
                         {{"authorization", "Bearer sk-fake-openai"}, {"x-api-key", "sk-fake-openai"}});
  EXPECT_EQ(simulator_->answer(both, "http://here").status, 401);
  both.headers = {{"authorization", "Bearer sk-fake-openai"}, {"x-other", "sk-sluice-secret"}};
  EXPECT_EQ(simulator_->answer(both, "http://here").status, 401);
}

TEST_F(hub_simulator_simulator, says_which_expectation_is_not_met) {
  const Reply reply = openai(asking("tools"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(text(reply), HasSubstr(R"(\"at\":\"tools\")"));
}

TEST_F(hub_simulator_simulator, knows_the_errors_of_every_dialect) {
  const Reply reply = openai(asking("error-429"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.headers.find("retry-after"), "1");
  const auto gemini =
      request_of("/gemini/v1beta/models/sim/error-401:generateContent",
                 R"({"contents":[{"parts":[{"text":"Hi"}]}]})", {{"x-goog-api-key", "sk-fake-gemini"}});
  EXPECT_EQ(simulator_->answer(gemini, "http://here").status, 400) << "a wrong key is a 400 there";
}

TEST_F(hub_simulator_simulator, writes_gemini_as_sse_or_as_an_array) {
  const auto ask = [this](const std::string& query) {
    return text(simulator_->answer(
        request_of("/gemini/v1beta/models/sim/text:streamGenerateContent" + query,
                   R"({"contents":[{"parts":[{"text":"Hi"}]}]})", {{"x-goog-api-key", "sk-fake-gemini"}}),
        "http://here"));
  };
  EXPECT_THAT(ask("?alt=sse"), AllOf(testing::StartsWith("data: {"), testing::EndsWith("}\r\n\r\n")));
  EXPECT_THAT(ask(""), AllOf(testing::StartsWith("[{"), testing::EndsWith("]\r\n")));
}

TEST_F(hub_simulator_simulator, counts_the_polls_of_a_job_until_it_is_done_or_cancelled) {
  const auto call = [this](std::string method, std::string target, std::string body) {
    auto request =
        request_of("/polling" + target, std::move(body), {{"authorization", "Bearer sk-fake-polling"}});
    request.method = std::move(method);
    return text(simulator_->answer(request, "http://here"));
  };
  const std::string submitted =
      call("POST", "/v1/models/sim/text/predictions", R"({"input":{"prompt":"Hi"}})");
  EXPECT_THAT(submitted, HasSubstr(R"("get":"http://here/polling/v1/predictions/job-)"));
  const std::size_t at = submitted.find("job-");
  const std::string job = "/v1/predictions/" + submitted.substr(at, submitted.find('"', at) - at);
  EXPECT_THAT(call("GET", job, ""), HasSubstr("starting"));
  EXPECT_THAT(call("GET", job, ""), HasSubstr("processing"));
  EXPECT_THAT(call("GET", job, ""), HasSubstr("succeeded"));
  EXPECT_THAT(call("GET", job, ""), HasSubstr("succeeded"));
  EXPECT_THAT(call("POST", job + "/cancel", ""), HasSubstr("canceled"));
  EXPECT_THAT(call("GET", job, ""), HasSubstr("canceled"));
}

TEST_F(hub_simulator_simulator, remembers_what_it_was_sent_up_to_its_limit) {
  for (std::size_t n = 0; n < kReceivedMax + 1; ++n) openai("no json");
  const http::Request read{.method = "GET", .target = "/__received", .headers = {}, .body = {}};
  const std::string all = text(simulator_->answer(read, ""));
  EXPECT_THAT(all, AllOf(Not(HasSubstr(R"("number":1,)")), HasSubstr(R"("number":2,)"),
                         HasSubstr(fmt::format(R"("number":{},)", kReceivedMax + 1)), HasSubstr("no json")));
  const http::Request later{.method = "GET",
                            .target = fmt::format("/__received?after={}", kReceivedMax),
                            .headers = {},
                            .body = {}};
  EXPECT_THAT(text(simulator_->answer(later, "")),
              testing::StartsWith(fmt::format(R"([{{"number":{},)", kReceivedMax + 1)));
}

TEST_F(hub_simulator_simulator, every_exchange_can_be_written) {
  std::size_t played = 0;
  const std::string anything = R"({"model":"m"})";
  for (const auto& [name, server] : simulator_->library().servers()) {
    simdjson::dom::parser parser;
    const http::Headers headers;
    Situation situation{.server = &server,
                        .request = {.body = parser.parse(anything).value(), .headers = &headers}};
    for (const bool stream : {false, true}) {
      situation.stream = stream;
      server.for_each_exchange([&](std::string_view, simdjson::dom::object exchange) {
        simdjson::dom::array variants;
        base::Random dice(1);
        if (exchange["variants"].get(variants) != simdjson::SUCCESS) {
          (void)write_reply(situation, exchange, dice);
          ++played;
          return;
        }
        for (const simdjson::dom::element variant : variants) {
          (void)write_reply(situation, variant.get_object().value(), dice);
          ++played;
        }
      });
    }
  }
  EXPECT_GT(played, 300u);
}

}  // namespace
}  // namespace sluice::hub::simulator
