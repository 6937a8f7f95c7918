#include "hub/api/form_request.h"

#include <gmock/gmock.h>

namespace sluice::hub::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string field(const std::string& name, const std::string& content, const std::string& more = "") {
  return "--XX\r\ncontent-disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content +
         "\r\n";
}
base::Result<std::string> body_of(const std::string& fields) {
  return chat_body_of_form(fields + "--XX--\r\n", kType);
}
const std::string kNeeded = field("model", "a/b") + field("prompt", "What \"is\" it?");

TEST(hub_api_form_request, becomes_a_chat_request_with_the_pictures_first) {
  const auto body =
      body_of(kNeeded + field("image", "\x89PNG", "; filename=a.png") + field("max_tokens", "8") +
              field("stream", "false") + field("system", "Be short."));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(
      *body,
      R"({"model":"a/b","max_tokens":8,"stream":false,"messages":[{"role":"system","content":"Be short."},)"
      R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw=="}},)"
      R"({"type":"text","text":"What \"is\" it?"}]}]})");
}

TEST(hub_api_form_request, refuses_by_the_name_of_the_field) {
  const auto refusal = [](const std::string& fields) {
    const auto body = body_of(fields);
    EXPECT_FALSE(body) << *body;
    return body ? std::string() : body.error().parameter;
  };
  EXPECT_EQ(refusal(field("model", "m")), "prompt");
  EXPECT_EQ(refusal(field("prompt", "m")), "model");
  EXPECT_EQ(refusal(kNeeded + field("image", "text")), "image");
  EXPECT_EQ(refusal(kNeeded + field("image", "")), "image");
  EXPECT_EQ(refusal(kNeeded + field("max_tokens", "8,\"model\":\"x\"")), "max_tokens");
  EXPECT_EQ(refusal(kNeeded + field("temperature", "\"hot\"")), "temperature");
  EXPECT_EQ(refusal(kNeeded + field("stream", "")), "stream");
  EXPECT_EQ(refusal(kNeeded + "--XX\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\n"), "stream");
  EXPECT_EQ(refusal(kNeeded + field("tools", "[]")), "tools");
  EXPECT_EQ(refusal(kNeeded + field("model", "other")), "model");
}

TEST(hub_api_form_request, a_form_without_a_key_in_a_header_is_not_taken) {
  EXPECT_TRUE(is_form({{"content-type", kType}, {"authorization", "Bearer x"}}));
  EXPECT_TRUE(is_form({{"content-type", kType}, {"x-api-key", "x"}}));
  EXPECT_FALSE(is_form({{"content-type", kType}}));
  EXPECT_FALSE(is_form({{"content-type", "application/json"}, {"x-api-key", "x"}}));
}

}  // namespace
}  // namespace sluice::hub::api
