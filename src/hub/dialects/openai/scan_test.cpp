#include "hub/dialects/openai/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;
using tasks::Kind;
using testing::HasSubstr;

base::Result<ScannedRequest> scan(std::string_view body, Kind kind = Kind::chat) {
  return scan_request(kind, http::Slice::copy_of(body));
}

// The error of a body that must be refused.
base::Error refusal(std::string_view body, Kind kind = Kind::chat) {
  auto scanned = scan(body, kind);
  EXPECT_FALSE(scanned.has_value()) << body;
  return scanned ? base::Error{.message = "(accepted)"} : scanned.error();
}

TEST(hub_dialects_openai_scan, finds_what_routing_needs) {
  const auto scanned = scan(R"({
    "messages": [{"role":"system","content":"be kind"},
                 {"role":"user","content":[{"type":"text","text":"what is this?"},
                                           {"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}],
    "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9, "max_completion_tokens": 7, "n": 2,
    "tools": [{"type":"function","function":{"name":"f"}}], "response_format": {"type":"json_object"},
    "logprobs": true, "provider": {"order":["groq"],"local_only":true}, "seed": 1e400, "seed": 2,
    "mod\u0065l": "org\/name:groq"
  })");
  ASSERT_TRUE(scanned) << scanned.error().message;
  EXPECT_EQ(scanned->model, "org/name:groq");
  EXPECT_TRUE(scanned->stream);
  EXPECT_EQ(scanned->include_usage, true);
  EXPECT_EQ(scanned->output_max, tasks::Tokens{7});
  EXPECT_EQ(scanned->choices, 2U);
  EXPECT_EQ(scanned->messages, 2U);
  EXPECT_TRUE(scanned->has_tools);
  EXPECT_TRUE(scanned->has_images);
  EXPECT_FALSE(scanned->has_audio);
  EXPECT_FALSE(scanned->has_files);
  EXPECT_TRUE(scanned->wants_structure);
  EXPECT_TRUE(scanned->wants_logprobs);
  EXPECT_TRUE(scanned->local_only);
  EXPECT_EQ(scanned->provider_object.in(scanned->body.text()), R"({"order":["groq"],"local_only":true})");
  ASSERT_EQ(scanned->members.size(), 13U);
  EXPECT_EQ(scanned->members.back().name, "model");
  EXPECT_EQ(scanned->members.back().key.in(scanned->body.text()), R"("mod\u0065l")");
}

TEST(hub_dialects_openai_scan, takes_null_as_absent) {
  const auto scanned =
      scan(R"({"model":"m","messages":[{}],"stream":null,"stream_options":null,"n":null,"tools":null,
    "max_tokens":null,"provider":null,"response_format":null,"logprobs":null,"modalities":null})");
  ASSERT_TRUE(scanned) << scanned.error().message;
  EXPECT_FALSE(scanned->stream);
  EXPECT_FALSE(scanned->include_usage);
  EXPECT_FALSE(scanned->output_max);
  EXPECT_EQ(scanned->choices, 1U);
  EXPECT_FALSE(scanned->has_tools || scanned->wants_structure || scanned->wants_logprobs);
}

TEST(hub_dialects_openai_scan, reads_completions) {
  const auto scanned =
      scan(R"({"model":"m","prompt":["a","b"],"logprobs":0,"max_tokens":3})", Kind::completion);
  ASSERT_TRUE(scanned) << scanned.error().message;
  EXPECT_TRUE(scanned->wants_logprobs);
  EXPECT_EQ(refusal(R"({"model":"m"})", Kind::completion).parameter, "prompt");
}

TEST(hub_dialects_openai_scan, names_the_parameter_of_a_wrong_type) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"model":1,"messages":[{}]})", "model"},
      {R"({"model":null,"messages":[{}]})", "model"},
      {R"({"model":"m","messages":"hi"})", "messages"},
      {R"({"model":"m","messages":[{},7]})", "messages.1"},
      {R"({"model":"m","messages":[]})", "messages"},
      {R"({"model":"m","messages":null})", "messages"},
      {R"({"model":"m"})", "messages"},
      {R"({"messages":[{}]})", "model"},
      {R"({"model":"m","messages":[{}],"stream":"yes"})", "stream"},
      {R"({"model":"m","messages":[{}],"stream_options":[]})", "stream_options"},
      {R"({"model":"m","messages":[{}],"stream_options":{"include_usage":1}})",
       "stream_options.include_usage"},
      {R"({"model":"m","messages":[{}],"max_tokens":1.5})", "max_tokens"},
      {R"({"model":"m","messages":[{}],"max_tokens":-1})", "max_tokens"},
      {R"({"model":"m","messages":[{}],"max_completion_tokens":1e400})", "max_completion_tokens"},
      {R"({"model":"m","messages":[{}],"max_completion_tokens":9223372036854775808})",
       "max_completion_tokens"},
      {R"({"model":"m","messages":[{}],"n":0})", "n"},
      {R"({"model":"m","messages":[{}],"n":129})", "n"},
      {R"({"model":"m","messages":[{}],"tools":{}})", "tools"},
      {R"({"model":"m","messages":[{}],"provider":"groq"})", "provider"},
      {R"({"model":"m","messages":[{}],"provider":{"local_only":"no"}})", "provider.local_only"},
      {R"({"model":"m","messages":[{}],"response_format":"json"})", "response_format"},
      {R"({"model":"m","messages":[{}],"modalities":"text"})", "modalities"},
  };
  for (const auto& [body, parameter] : kCases) {
    const base::Error error = refusal(body);
    EXPECT_EQ(error.code, ErrorCode::invalid_argument) << body;
    EXPECT_EQ(error.parameter, parameter) << body << "\n" << error.message;
    EXPECT_THAT(error.message, HasSubstr(parameter)) << body;
  }
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{}],"stream":"yes"})").message,
            "'stream' must be a boolean, not a string");
}

TEST(hub_dialects_openai_scan, refuses_routed_parameters_given_twice) {
  for (const char* extra : {R"("model":"x")", R"("mod\u0065l":"x")", R"("messages":[{}])"}) {
    const base::Error error = refusal(std::string(R"({"model":"m","messages":[{}],)") + extra + "}");
    EXPECT_THAT(error.message, HasSubstr("is given twice"));
  }
  for (const char* twice : {R"("stream":true,"stream":false)", R"("stream":null,"stream":true)",
                            R"("n":1,"n":1)", R"("provider":{},"provider":{"local_only":true})",
                            R"("provider":{"local_only":true,"local_only":false})",
                            R"("stream_options":{"include_usage":true,"include_usage":false})"}) {
    const base::Error error = refusal(std::string(R"({"model":"m","messages":[{}],)") + twice + "}");
    EXPECT_THAT(error.message, HasSubstr("is given twice")) << twice;
  }
  EXPECT_TRUE(scan(R"({"model":"m","messages":[{}],"custom":1,"custom":2,"temperature":0,"temperature":1})"));
}

TEST(hub_dialects_openai_scan, refuses_routed_parameters_in_other_case) {
  for (const char* extra :
       {R"("Model":"x")", R"("STREAM":true)", R"("m\u004fdel":"x")", R"("Provider":{})"}) {
    const base::Error error = refusal(std::string(R"({"model":"m","messages":[{}],)") + extra + "}");
    EXPECT_THAT(error.message, HasSubstr("only in case")) << extra;
  }
}

TEST(hub_dialects_openai_scan, gives_the_position_of_malformed_json) {
  EXPECT_THAT(refusal(R"({"model":"m",)").message, HasSubstr("at byte 13 "));
  EXPECT_THAT(refusal(R"({"model":"m","messages":[{"role":"user","content":"hi)").message,
              HasSubstr("the text ends"));
  EXPECT_THAT(refusal(R"({"model":"m","messages":[{"content":[{"type":"te)").message,
              HasSubstr("the text ends"));
  EXPECT_THAT(refusal(R"({"model":"m","messages":[{}],"x":tru})").message, HasSubstr("at byte 33 "));
  EXPECT_THAT(refusal(R"({"model":"m","messages":[{}]} x)").message, HasSubstr("expected nothing after"));
  EXPECT_THAT(refusal("").message, HasSubstr("empty"));
  EXPECT_THAT(refusal("[1]").message, HasSubstr("must be a JSON object, not an array"));
  EXPECT_THAT(refusal("hello").message, HasSubstr("malformed JSON"));
  // Every truncation of a good body is refused, whatever it ends in.
  const std::string good =
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"h\u00e9"}]}],"n":1})";
  ASSERT_TRUE(scan(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(scan(good.substr(0, size))) << size;
}

TEST(hub_dialects_openai_scan, keeps_the_stated_limits) {
  const auto with_keys = [](std::size_t count) {
    std::string body = R"({"model":"m","messages":[{}])";
    for (std::size_t i = 2; i < count; ++i) body += R"(,"k)" + std::to_string(i) + R"(":0)";
    return body + "}";
  };
  EXPECT_TRUE(scan(with_keys(kTopLevelKeysMax)));
  EXPECT_EQ(refusal(with_keys(kTopLevelKeysMax + 1)).code, ErrorCode::too_large);
  const auto with_messages = [](std::size_t count) {
    std::string body = R"({"model":"m","messages":[{})";
    for (std::size_t i = 1; i < count; ++i) body += ",{}";
    return body + "]}";
  };
  EXPECT_TRUE(scan(with_messages(kMessagesMax)));
  EXPECT_EQ(refusal(with_messages(kMessagesMax + 1)).code, ErrorCode::too_large);
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
