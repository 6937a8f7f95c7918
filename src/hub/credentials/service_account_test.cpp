#include "hub/credentials/service_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "hub/credentials/limits.h"
#include "hub/credentials/test_account.h"

namespace sluice::hub::credentials {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'800'000'000)};
constexpr const char* kTokenUri = "https://oauth2.example/token";

std::string decode_url64(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string out(text.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

bool is_signed(const std::string& text, const std::string& signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good =
      EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, test_key(2048)) == 1 &&
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

TEST(hub_credentials_service_account, signs_what_its_token_endpoint_expects) {
  const auto account = parse_service_account(make_test_account_file(kTokenUri), "key.json");
  ASSERT_TRUE(account) << account.error().message;
  const auto request = make_token_request(*account, kNow);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->target, kTokenUri);
  EXPECT_EQ(request->headers.find("content-type"), "application/x-www-form-urlencoded");
  const std::string body = http::to_string(request->body);
  const std::string kBegin = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  ASSERT_TRUE(body.starts_with(kBegin)) << body;
  const std::string assertion = body.substr(kBegin.size());
  const auto parts = base::split(assertion, '.');
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(decode_url64(std::string(parts[0])), R"({"alg":"RS256","typ":"JWT","kid":"kid-1"})");
  EXPECT_EQ(decode_url64(std::string(parts[1])),
            R"({"iss":"hub@proj-1.iam.example","scope":"https://www.googleapis.com/auth/cloud-platform",)"
            R"("aud":"https://oauth2.example/token","iat":1800000000,"exp":1800003600})");
  const std::string text = fmt::format("{}.{}", parts[0], parts[1]);
  EXPECT_TRUE(is_signed(text, decode_url64(std::string(parts[2]))));
  EXPECT_FALSE(is_signed(text + "x", decode_url64(std::string(parts[2]))));
}

TEST(hub_credentials_service_account, refuses_files_it_cannot_use_without_telling_them) {
  const std::string good = make_test_account_file(kTokenUri);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::pair<std::string, const char*> kCases[] = {
      {"", "key.json: expected a JSON object"},
      {"[]", "key.json: expected a JSON object"},
      {"{", "key.json: expected a JSON object"},
      {with("service_account", "authorized_user"), "key.json: type: expected 'service_account'"},
      {with("client_email", "client_mail"), "key.json: client_email: expected a text"},
      {with("hub@proj-1.iam.example", ""), "key.json: client_email: expected a text"},
      {with("BEGIN PRIVATE KEY", "BEGIN PUBLIC KEY"),
       "key.json: private_key: expected an RSA key of 2048 bits"},
      {make_test_account_file(kTokenUri, 1024), "key.json: private_key: expected an RSA key of 2048 bits"},
      {make_test_account_file("http://oauth2.example/token"),
       "key.json: token_uri: expected an https address"},
      {make_test_account_file("http://localhost.example/"), "key.json: token_uri: expected an https address"},
      {make_test_account_file("file:///etc/passwd"), "key.json: token_uri: expected an https address"},
      {good + std::string(kKeyFileBytesMax + 1 - good.size(), ' '),
       "expected at most 65536 bytes, found 65537"},
  };
  for (const auto& [text, says] : kCases) {
    const auto account = parse_service_account(text, "key.json");
    ASSERT_FALSE(account) << says;
    EXPECT_THAT(account.error().message, HasSubstr(says));
    EXPECT_THAT(account.error().message, Not(HasSubstr("MII")));
  }
  EXPECT_TRUE(parse_service_account(good + std::string(kKeyFileBytesMax - good.size(), ' '), "key.json"));
  EXPECT_TRUE(parse_service_account(make_test_account_file("http://127.0.0.1:9/token"), "key.json"));
}

TEST(hub_credentials_service_account, reads_tokens_and_refusals) {
  const auto token =
      read_token_answer(200, R"({"access_token":"t","expires_in":600,"token_type":"Bearer"})", kNow);
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->value, "t");
  EXPECT_EQ(token->expires - kNow, std::chrono::seconds(600));
  for (const char* life : {R"(,"expires_in":99999999)", R"(,"expires_in":-1)", R"(,"expires_in":"x")", ""}) {
    const auto long_one = read_token_answer(200, fmt::format(R"({{"access_token":"t"{}}})", life), kNow);
    ASSERT_TRUE(long_one) << life;
    EXPECT_EQ(long_one->expires - kNow, kTokenLifeMax) << life;
  }
  for (const char* body : {"", "{}", R"({"access_token":""})", R"({"access_token":5})",
                           R"({"access_token":"a b"})", R"({"access_token":"a\nb"})", "rubbish"}) {
    EXPECT_FALSE(read_token_answer(200, body, kNow)) << body;
  }
  const auto refused = read_token_answer(
      400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})", kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the token endpoint answered 400: invalid_grant: Invalid JWT Signature.");
  EXPECT_EQ(read_token_answer(503, "<html>", kNow).error().message, "the token endpoint answered 503");
}

}  // namespace
}  // namespace sluice::hub::credentials
