#include "hub/api/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/strings.h"
#include "hub/api/embedded.h"

namespace sluice::hub::api {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(hub_api_routes, every_row_is_found_by_its_own_path_and_does_one_thing) {
  for (const Route& route : all_routes()) {
    std::string path(route.path);
    if (path.ends_with("{id}")) path.replace(path.size() - 4, 4, "x");
    const Match match = match_route(route.method, path);
    EXPECT_EQ(match.route, &route) << path;
    EXPECT_EQ(route.task.has_value() + (route.reply != nullptr) + (route.errand != nullptr), 1) << path;
    if (route.path.starts_with("/v1/") || route.path.starts_with("/admin/")) {
      EXPECT_EQ(route.need, Need::key) << path;
    }
  }
}

TEST(hub_api_routes, paths_of_other_gateways_are_understood) {
  EXPECT_EQ(match_route("POST", "/chat/completions").route,
            match_route("POST", "/v1/chat/completions").route);
  EXPECT_EQ(match_route("POST", "/api/v1/chat/completions").route,
            match_route("POST", "/v1/chat/completions").route);
  EXPECT_EQ(match_route("GET", "/models").route, match_route("GET", "/v1/models").route);
  EXPECT_EQ(match_route("GET", "/api/v1/models/a/b").id, "a/b");
  EXPECT_EQ(match_route("GET", "/models/a").id, "a");
  EXPECT_TRUE(match_route("POST", "/api/v1/chat/completions").wants_usage) << "its clients always read it";
  EXPECT_FALSE(match_route("POST", "/v1/chat/completions").wants_usage);
  EXPECT_EQ(match_route("GET", "/api/livez").route, nullptr);
  EXPECT_EQ(match_route("GET", "/v1/").route, nullptr);
  EXPECT_EQ(match_route("GET", "/v1").route, nullptr);
}

TEST(hub_api_routes, every_path_speaks_the_words_of_its_clients) {
  EXPECT_EQ(match_route("POST", "/v1/responses").front, "responses");
  EXPECT_EQ(match_route("POST", "/responses").front, "responses");
  EXPECT_EQ(match_route("POST", "/api/v1/responses").front, "responses");
  EXPECT_EQ(match_route("POST", "/api/chat").front, "ollama");
  EXPECT_EQ(match_route("POST", "/api/generate").front, "ollama-generate");
  EXPECT_EQ(match_route("GET", "/api/chat").front, "ollama") << "also where the method is wrong";
  EXPECT_EQ(match_route("POST", "/api/pull").front, "ollama") << "also where there is nothing";
  EXPECT_EQ(match_route("POST", "/api/v1/nothing").front, "openai");
  EXPECT_EQ(match_route("POST", "/nothing").front, "openai");
}

TEST(hub_api_routes, model_ids_may_hold_slashes_colons_and_escapes) {
  EXPECT_EQ(match_route("GET", "/v1/models/org/name:Q4_K_M").id, "org/name:Q4_K_M");
  EXPECT_EQ(match_route("GET", "/v1/models/org%2Fname%3agroq").id, "org/name:groq");
  EXPECT_EQ(match_route("GET", "/v1/models/100%").id, "100%");
  EXPECT_EQ(match_route("GET", "/v1/models/%4").id, "%4");
  EXPECT_EQ(match_route("GET", "/v1/models/%zz%41").id, "%zzA");
  EXPECT_EQ(match_route("GET", "/v1/models/").route, nullptr);
}

TEST(hub_api_routes, another_method_names_those_allowed) {
  EXPECT_EQ(match_route("DELETE", "/v1/chat/completions").allow, "POST, OPTIONS");
  EXPECT_EQ(match_route("POST", "/v1/models").allow, "GET, HEAD, OPTIONS");
  EXPECT_EQ(match_route("HEAD", "/livez").route, match_route("GET", "/livez").route);
  EXPECT_THAT(match_route("GET", "/nowhere").allow, IsEmpty());
}

TEST(hub_api_routes, typing_errors_find_near_routes) {
  EXPECT_THAT(near_routes("/v1/chat/completion"), Contains("POST /v1/chat/completions"));
  EXPECT_THAT(near_routes("/v1/model"), Contains("GET /v1/models"));
}

TEST(hub_api_routes, the_document_names_every_route_and_no_other) {
  simdjson::dom::parser parser;
  const auto document = parser.parse(kOpenapiText.data(), kOpenapiText.size());
  ASSERT_EQ(document.error(), simdjson::SUCCESS);
  EXPECT_TRUE(std::string_view(document["openapi"]).starts_with("3.1"));
  const simdjson::dom::object paths = document["paths"];
  std::size_t operations = 0;
  for (const auto [path, methods] : paths)
    for (const auto [method, operation] : simdjson::dom::object(methods)) {
      ++operations;
      bool found = false;
      for (const Route& route : all_routes())
        found = found || (route.path == path && base::equals_ignoring_case(route.method, method));
      EXPECT_TRUE(found) << path << " is documented, but there is no such route";
      // What needs no key says so.
      const Match match = match_route(method == "get" ? "GET" : "POST", path);
      ASSERT_NE(match.route, nullptr);
      EXPECT_EQ(operation.at_key("security").error() == simdjson::SUCCESS, match.route->need == Need::nothing)
          << path;
    }
  EXPECT_EQ(operations, all_routes().size()) << "a route is not documented";
}

TEST(hub_api_routes, the_page_needs_nothing_from_outside) {
  EXPECT_THAT(kIndexPage, Not(HasSubstr("http://")));
  EXPECT_THAT(kIndexPage, Not(HasSubstr("https://")));
  EXPECT_THAT(kIndexPage, Not(HasSubstr(" style=")));
  EXPECT_THAT(kIndexPage, Not(HasSubstr(" onclick=")));
  EXPECT_THAT(kIndexPage, Not(HasSubstr("innerHTML")));
  EXPECT_THAT(kIndexPage, HasSubstr("<html lang="));
  const std::string policy = content_security_policy(kIndexPage);
  EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

TEST(hub_api_routes, the_policy_is_the_hash_of_what_stands_between_the_tags) {
  // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
  EXPECT_THAT(content_security_policy("<style></style><script>alert(1)</script>"),
              HasSubstr("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"));
}

}  // namespace
}  // namespace sluice::hub::api
