#include "hub/dialects/openai/embeddings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/limits.h"
#include "hub/dialects/openai/decode_request.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/upstream.h"

namespace sluice::hub::dialects::openai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::Result<tasks::EmbedRequest> decode(std::string_view body) {
  SLUICE_TRY(const ScannedRequest scanned, scan_request(tasks::Kind::embed, http::Slice::copy_of(body)));
  return decode_embed(scanned);
}

TEST(hub_dialects_openai_embeddings, reads_inputs_of_every_shape) {
  const auto request = decode(
      R"({"model":"m","input":["a","b"],"dimensions":256,"encoding_format":"base64","user":"u","input_type":"query"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(std::get<std::string>(request->inputs[1]), "b");
  EXPECT_EQ(request->dimensions, 256U);
  EXPECT_EQ(request->user, "u");
  ASSERT_EQ(request->others.size(), 1U);
  EXPECT_EQ(request->others[0].name, "input_type");
  EXPECT_EQ(decode(R"({"model":"m","input":"a"})")->inputs.size(), 1U);
  EXPECT_THAT(std::get<tasks::TokenIds>(decode(R"({"model":"m","input":[1,2]})")->inputs[0]),
              ElementsAre(1, 2));
  EXPECT_EQ(decode(R"({"model":"m","input":[[1],[2,3]]})")->inputs.size(), 2U);
  for (const auto& [body, parameter] :
       {std::pair{R"({"model":"m","input":[]})", "input"}, std::pair{R"({"model":"m","input":5})", "input"},
        std::pair{R"({"model":"m","input":null})", "input"},
        std::pair{R"({"model":"m","input":"a","dimensions":0})", "dimensions"},
        std::pair{R"({"model":"m","input":"a","encoding_format":"int8"})", "encoding_format"}}) {
    const auto refused = decode(body);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().parameter, parameter);
  }
}

TEST(hub_dialects_openai_embeddings, keeps_its_limit) {
  const auto list = [](std::size_t count) {
    std::string body = R"({"model":"m","input":["a")";
    for (std::size_t i = 1; i < count; ++i) body += R"(,"a")";
    return body + "]}";
  };
  EXPECT_TRUE(decode(list(kEmbedInputsMax)));
  EXPECT_FALSE(decode(list(kEmbedInputsMax + 1)));
}

TEST(hub_dialects_openai_embeddings, writes_requests) {
  auto request = decode(R"({"model":"m","input":[[1,2],[3]],"dimensions":8,"x":{}})");
  ASSERT_TRUE(request);
  DropList dropped;
  EXPECT_EQ(encode_embed_request(*request, dropped),
            R"({"model":"m","input":[[1,2],[3]],"dimensions":8,"encoding_format":"float","x":{}})");
  request->purpose = "query";
  encode_embed_request(*request, dropped);
  EXPECT_THAT(dropped.take(), ElementsAre("input_type"));
}

std::vector<tasks::Event> vectors() {
  tasks::Usage usage;
  usage.input = {5};
  return {tasks::Started{
              .id = "", .model = "up", .created_unix_s = 0, .system_fingerprint = "", .service_tier = ""},
          tasks::Embedded{.index = 1, .values = {0.1F, -2}},
          tasks::Embedded{.index = 0, .values = {1, 1e-8F}}, tasks::UsageReport{usage}};
}

TEST(hub_dialects_openai_embeddings, writes_answers_in_the_form_asked_for) {
  const auto reply = [](std::string_view body) {
    const auto scanned = scan_request(tasks::Kind::embed, http::Slice::copy_of(body));
    return *encode_reply(vectors(),
                         {.kind = tasks::Kind::embed, .id = "i", .model = "m", .request = &*scanned});
  };
  EXPECT_EQ(
      reply(R"({"model":"m","input":["a","b"]})"),
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,1e-08]},{"object":"embedding","index":1,"embedding":[0.1,-2]}],)"
      R"("model":"up","usage":{"prompt_tokens":5,"total_tokens":5}})");
  EXPECT_THAT(reply(R"({"model":"m","input":["a","b"],"encoding_format":"base64"})"),
              HasSubstr(R"("embedding":"AACAP3fMKzI="},)"));
}

// Plays one answer to a request of the client's own, or to one in the hub's words.
struct Played {
  std::string sent, bytes;
  std::vector<tasks::Event> events;
  std::optional<Fail> failure;
  bool done = false;
};

Played play(std::string_view answer, bool decoded, int status = 200) {
  catalog::Provider provider;
  provider.id = "fake";
  auto& surface = provider.surfaces.emplace_back();
  surface.base_url = "https://fake.example";
  surface.paths = {{tasks::Kind::embed, "/v1/embeddings"}};
  const auto scanned = scan_request(
      tasks::Kind::embed, http::Slice::borrowed(R"({"model":"m:fake","input":["a","b"],"stream":true})"));
  const auto request = decode_embed(*scanned);
  UpstreamCall call{.provider = &provider,
                    .surface = &surface,
                    .kind = tasks::Kind::embed,
                    .model = "own",
                    .request = &*scanned};
  if (decoded) call.request = &*request;
  auto begun = begin_upstream(call);
  Played played;
  const auto drain = [&] {
    while (!played.done && !played.failure) {
      auto step = begun->machine->next();
      if (!step) return;
      if (auto* send = std::get_if<Send>(&*step)) {
        EXPECT_EQ(send->request.target, "https://fake.example/v1/embeddings");
        played.sent = http::to_string(send->request.body);
      } else if (auto* emit = std::get_if<Emit>(&*step)) {
        played.bytes += http::to_string(emit->bytes);
        played.events.insert(played.events.end(), emit->events.begin(), emit->events.end());
      } else if (auto* fail = std::get_if<Fail>(&*step)) {
        played.failure = std::move(*fail);
      } else {
        played.done = true;
      }
    }
  };
  drain();
  begun->machine->feed_head({.status = status, .headers = {{"content-type", "application/json"}}});
  begun->machine->feed_body(http::Slice::copy_of(answer));
  begun->machine->feed_end();
  drain();
  return played;
}

constexpr std::string_view kAnswer =
    R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1, 0.5]},{"object":"embedding","index":1,"embedding":"AACAP3fMKzI="}],)"
    R"("model":"up","usage":{"prompt_tokens":7,"total_tokens":7}})";

TEST(hub_dialects_openai_embeddings, relays_an_answer_untouched_and_counts_it) {
  const Played played = play(kAnswer, false);
  EXPECT_TRUE(played.done);
  EXPECT_EQ(played.bytes, kAnswer);
  EXPECT_EQ(played.sent, R"({"model":"own","input":["a","b"],"stream":true})");
  EXPECT_EQ(std::get<tasks::UsageReport>(played.events.back()).usage.input.count, 7U);
}

TEST(hub_dialects_openai_embeddings, decodes_numbers_and_base64) {
  const Played played = play(kAnswer, true);
  ASSERT_TRUE(played.done);
  EXPECT_EQ(played.bytes, "");
  EXPECT_THAT(std::get<tasks::Embedded>(played.events[1]).values, ElementsAre(1, 0.5F));
  EXPECT_THAT(std::get<tasks::Embedded>(played.events[2]).values, ElementsAre(1, 1e-8F));
}

TEST(hub_dialects_openai_embeddings, fails_on_what_is_no_whole_answer) {
  for (const bool decoded : {false, true}) {
    for (const char* answer : {"", "<html>", "[]", "{}", R"({"data":[]})", R"({"error":{"message":"no"}})",
                               R"({"object":"error","message":"no"})", R"({"data":[5]})"}) {
      const Played played = play(answer, decoded);
      EXPECT_TRUE(played.failure) << answer;
      EXPECT_EQ(played.bytes, "") << answer;
    }
    EXPECT_EQ(play(R"({"error":{"message":"slow"}})", decoded, 429).failure->error.code,
              base::ErrorCode::rate_limited);
  }
  for (const char* answer : {R"({"data":[{"index":0,"embedding":[1]}]})", R"({"data":[{"embedding":["x"]}]})",
                             R"({"data":[{"index":9,"embedding":[1]},{"index":0,"embedding":[1]}]})",
                             R"({"data":[{"embedding":"AAA"},{"embedding":"AAA"}]})"}) {
    EXPECT_TRUE(play(answer, true).failure) << answer;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
