#include "hub/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/access/access_store.h"
#include "hub/gateway/test_hub.h"

namespace sluice::hub::api {
namespace {

using namespace gateway::testing;  // NOLINT: the fakes
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct EmptyStore : access::AccessStore {
  base::Result<std::uint64_t> version() override { return 1; }
  base::Result<std::vector<access::KeyRecord>> load_keys() override {
    return std::vector<access::KeyRecord>();
  }
  base::Status insert_key(const access::KeyRecord&) override { return {}; }
  base::Status disable_key(std::string_view) override { return {}; }
  base::Status note_uses(std::span<const access::KeyUse>) override { return {}; }
};

constexpr std::string_view kKey = "sk-sluice-of-the-test-only";
constexpr std::string_view kBearer = "authorization: Bearer sk-sluice-of-the-test-only\r\n";

// The whole face of the hub on a loopback port.
class hub_api_api : public ::testing::Test {
 protected:
  hub_api_api()
      : loops_(2), keys_(store_, access::Pepper::random()), device_({.pieces = said({"Hel", "lo"})}) {
    CHECK(keys_.set_preset_key(kKey));
    hub_.metrics = &metrics_;
    hub_.generations = &generations_;
    hub_.device = &device_;
    hub_.instance_id = gateway::make_instance_id();
    hub_.device_models = [] {
      static const auto models = std::make_shared<const std::vector<std::string>>(1, "org/tiny");
      return models;
    };
    Parts parts;
    parts.hub = &hub_;
    parts.keys = &keys_;
    parts.version = "0.1-test";
    api_ = std::make_unique<Api>(loops_, std::move(parts), settings({}));
    net::ServerOptions options;
    options.refusal_writer = &Api::write_refusal;
    options.host_filter = [this](std::string_view host, const net::Peer& peer) {
      return api_->allows_host(host, peer);
    };
    server_ = std::make_unique<net::Server>(
        loops_, std::move(options), [this](net::Exchange& exchange) { return api_->handle(exchange); });
    port_ = server_->listen(net::TcpAddress{}).value();
  }
  ~hub_api_api() override {
    server_->stop(2000ms);
    server_.reset();
    api_.reset();
  }

  static SettingsPtr settings(Settings change) {
    auto made = std::make_shared<Settings>(std::move(change));
    if (!made->gateway) made->gateway = std::make_shared<gateway::Settings>();
    return made;
  }

  RawMessage ask(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view headers = "") {
    return send(request_bytes(method, path, body, headers));
  }
  RawMessage send(std::string_view bytes) {
    Wire wire = Wire::connect_to(port_);
    CHECK(wire.send(bytes));
    return wire.read_message().value_or(RawMessage{});
  }

  net::Loops loops_;
  EmptyStore store_;
  access::Keyring keys_;
  telemetry::Metrics metrics_;
  telemetry::Generations generations_{8};
  FakeDevice device_;
  gateway::Hub hub_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(hub_api_api, answers_with_a_key_in_either_header) {
  for (const std::string& header : {std::string(kBearer), "x-api-key: " + std::string(kKey) + "\r\n"}) {
    const RawMessage answer = ask("POST", "/v1/chat/completions", chat_body("org/tiny", false), header);
    EXPECT_EQ(answer.status(), 200) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("\"Hello\""));
    EXPECT_EQ(answer.header("x-inference-provider"), "device");
    EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
    EXPECT_THAT(answer.header("x-request-id"), HasSubstr("req_"));
    EXPECT_NE(answer.header("openai-processing-ms"), "");
  }
}

TEST_F(hub_api_api, refuses_without_a_key_in_the_shape_of_openai) {
  for (const char* header :
       {"", "authorization: Bearer sk-sluice-wrong\r\n", "authorization: Basic eDp5\r\n"}) {
    for (const char* path : {"/v1/chat/completions", "/chat/completions", "/v1/completions"}) {
      const RawMessage answer = ask("POST", path, chat_body("org/tiny", false), header);
      EXPECT_EQ(answer.status(), 401) << path;
      EXPECT_THAT(answer.body,
                  AllOf(HasSubstr("\"error\":{\"message\":"), HasSubstr("\"type\""), HasSubstr("\"code\"")));
      EXPECT_EQ(answer.header("www-authenticate"), "Bearer");
    }
    EXPECT_EQ(ask("GET", "/v1/models", "", header).status(), 401);
    EXPECT_EQ(ask("GET", "/v1/models/org/tiny", "", header).status(), 401);
  }
  EXPECT_EQ(device_.opened, 0);
}

TEST_F(hub_api_api, tells_what_an_answer_took_in_openrouters_shape) {
  const RawMessage answer = ask("POST", "/v1/chat/completions", chat_body("org/tiny", false),
                                std::string(kBearer) + "x-request-id: mine-7\r\n");
  ASSERT_EQ(answer.status(), 200);
  while (metrics_.in_flight() != 0) std::this_thread::sleep_for(1ms);
  for (const char* path :
       {"/v1/generation?id=chatcmpl-d", "/api/v1/generation?x=1&id=chatcmpl%2Dd", "/generation?id=mine-7"}) {
    const RawMessage told = ask("GET", path, "", kBearer);
    EXPECT_EQ(told.status(), 200) << path;
    for (const char* part :
         {R"({"data":{"id":"chatcmpl-)", R"("request_id":"mine-7","upstream_id":"chatcmpl-d")",
          R"("model":"org/tiny")", R"("provider_name":"device")", R"("streamed":false)",
          R"("finish_reason":"stop")", R"("tokens_prompt":3,"tokens_completion":2)",
          R"("native_tokens_prompt":3)", R"("total_cost":0)", R"("created_at":"20)"})
      EXPECT_THAT(told.body, HasSubstr(part)) << path;
  }
  EXPECT_THAT(ask("GET", "/v1/generation?id=chatcmpl-d", "", kBearer).body,
              HasSubstr(R"({"data":{"id":"chatcmpl-d",)"));
  EXPECT_EQ(ask("GET", "/v1/generation?id=chatcmpl-d").status(), 401);
  EXPECT_EQ(ask("GET", "/v1/generation?id=other", "", kBearer).status(), 404);
  EXPECT_EQ(ask("GET", "/v1/generation", "", kBearer).status(), 400);
}

TEST_F(hub_api_api, keys_can_be_switched_off) {
  api_->use(settings({.auth = false}));
  EXPECT_EQ(ask("POST", "/v1/chat/completions", chat_body("org/tiny", false)).status(), 200);
}

TEST_F(hub_api_api, keeps_the_request_id_of_the_client) {
  EXPECT_EQ(ask("GET", "/livez", "", "x-request-id: mine-1\r\n").header("x-request-id"), "mine-1");
  const RawMessage answer = ask("POST", "/v1/chat/completions", chat_body("org/tiny", true),
                                std::string(kBearer) + "x-request-id: mine-2\r\n");
  EXPECT_EQ(answer.header("x-request-id"), "mine-2");
  EXPECT_TRUE(answer.whole);
}

TEST_F(hub_api_api, health_needs_no_key_and_says_why_not) {
  for (const char* path : {"/livez", "/readyz", "/healthz"}) {
    const RawMessage answer = ask("GET", path);
    EXPECT_EQ(answer.status(), 200) << path;
    EXPECT_THAT(answer.body, HasSubstr(R"("status":"ok")"));
  }
  api_->set_not_ready("draining");
  EXPECT_EQ(ask("GET", "/livez").status(), 200);
  for (const char* path : {"/readyz", "/healthz"}) {
    const RawMessage answer = ask("GET", path);
    EXPECT_EQ(answer.status(), 503) << path;
    EXPECT_THAT(answer.body, HasSubstr("draining"));
  }
}

TEST_F(hub_api_api, lists_models_in_the_shape_of_whoever_asks) {
  const std::string headers = std::string(kBearer) + "anthropic-version: 2023-06-01\r\n";
  const RawMessage list = ask("GET", "/v1/models", "", headers);
  EXPECT_EQ(list.status(), 200);
  EXPECT_THAT(list.body,
              AllOf(HasSubstr(R"({"data":[{"type":"model","id":")"), HasSubstr(R"("display_name":")"),
                    HasSubstr(R"("created_at":"1970-01-01T00:00:00Z"})"),
                    HasSubstr(R"("has_more":false,"first_id":")"), Not(HasSubstr("\"object\""))));
  EXPECT_THAT(ask("GET", "/v1/models/org/tiny", "", headers).body,
              HasSubstr(R"({"type":"model","id":"org/tiny")"));
  const RawMessage none = ask("GET", "/v1/models/org/tinny", "", headers);
  EXPECT_EQ(none.status(), 404);
  EXPECT_THAT(none.body, HasSubstr(R"({"type":"error","error":{"type":"not_found_error","message":")"));
}

TEST_F(hub_api_api, errors_of_messages_are_in_their_dialect) {
  const RawMessage refused = ask("POST", "/v1/messages", "{}", "content-type: application/json\r\n");
  EXPECT_EQ(refused.status(), 401);
  EXPECT_THAT(refused.body,
              HasSubstr(R"({"type":"error","error":{"type":"authentication_error","message":")"));
  EXPECT_EQ(refused.header("request-id"), refused.header("x-request-id"));
  const RawMessage wrong =
      ask("POST", "/v1/messages", R"({"model":"org/tiny","messages":[{"role":"user","content":"hi"}]})",
          std::string(kBearer) + "content-type: application/json\r\n");
  EXPECT_EQ(wrong.status(), 400);
  EXPECT_THAT(
      wrong.body,
      HasSubstr(R"({"type":"invalid_request_error","message":"missing required parameter: 'max_tokens')"));
}

TEST_F(hub_api_api, counts_tokens_by_estimate_where_nobody_counts) {
  const RawMessage counted = ask("POST", "/v1/messages/count_tokens",
                                 R"({"model":"org/tiny","messages":[{"role":"user","content":"12345678"}]})",
                                 std::string(kBearer) + "content-type: application/json\r\n");
  EXPECT_EQ(counted.status(), 200) << counted.body;
  EXPECT_EQ(counted.body, R"({"input_tokens":6})");
  EXPECT_EQ(counted.header("x-sluice-estimated"), "true");
  EXPECT_EQ(counted.header("request-id"), counted.header("x-request-id"));
}

TEST_F(hub_api_api, lists_models_and_finds_one) {
  const RawMessage list = ask("GET", "/v1/models", "", kBearer);
  EXPECT_EQ(list.status(), 200);
  EXPECT_THAT(list.body,
              AllOf(HasSubstr(R"({"object":"list","data":[)"), HasSubstr(R"("id":"org/tiny")"),
                    HasSubstr(R"("providers":[{"provider":"device","status":"live","model":"org/tiny",)")));
  for (const char* path : {"/v1/models/org/tiny", "/v1/models/org%2Ftiny", "/models/org/tiny:device"}) {
    const RawMessage one = ask("GET", path, "", kBearer);
    EXPECT_EQ(one.status(), 200) << path << one.body;
    EXPECT_THAT(one.body, HasSubstr(R"("id":"org/tiny","object":"model")"));
  }
  const RawMessage none = ask("GET", "/v1/models/org/tinny", "", kBearer);
  EXPECT_EQ(none.status(), 404);
  EXPECT_THAT(none.body, HasSubstr("org/tiny"));
}

TEST_F(hub_api_api, metrics_are_for_scrapers_on_this_machine_and_for_keys) {
  static_cast<void>(ask("POST", "/v1/chat/completions", chat_body("org/tiny", false), kBearer));
  // A request is counted when it is over, a moment after its answer has left.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (metrics_.in_flight() != 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  const RawMessage answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_THAT(answer.header("content-type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, HasSubstr("# TYPE sluice_requests_total counter"));
  EXPECT_EQ(ask("GET", "/metrics", "", "x-forwarded-for: 10.0.0.9\r\n").status(), 401) << "through a proxy";
  EXPECT_EQ(ask("GET", "/metrics", "", "authorization: Bearer wrong-key-here\r\n").status(), 401);
  EXPECT_EQ(ask("GET", "/metrics", "", "via: 1.1 p\r\n" + std::string(kBearer)).status(), 200);
}

TEST_F(hub_api_api, documents_and_page) {
  const RawMessage document = ask("GET", "/openapi.json");
  EXPECT_EQ(document.status(), 200);
  EXPECT_EQ(document.header("content-type"), "application/json");
  const RawMessage page = ask("GET", "/");
  EXPECT_EQ(page.status(), 200);
  EXPECT_THAT(page.header("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_EQ(page.header("x-frame-options"), "DENY");
  EXPECT_EQ(page.header("referrer-policy"), "no-referrer");
}

TEST_F(hub_api_api, unknown_paths_methods_and_types) {
  const RawMessage typo = ask("POST", "/v1/chat/completion", chat_body("org/tiny", false), kBearer);
  EXPECT_EQ(typo.status(), 404);
  EXPECT_THAT(typo.body, HasSubstr("did you mean POST /v1/chat/completions"));
  const RawMessage method = ask("DELETE", "/v1/models", "", kBearer);
  EXPECT_EQ(method.status(), 405);
  EXPECT_EQ(method.header("allow"), "GET, HEAD, OPTIONS");
  const RawMessage type =
      ask("POST", "/v1/chat/completions", "model=x", std::string(kBearer) + "content-type: text/plain\r\n");
  EXPECT_EQ(type.status(), 415);
  EXPECT_THAT(type.body, HasSubstr("text/plain"));
}

TEST_F(hub_api_api, a_host_that_is_not_this_machine_is_refused) {
  const RawMessage rebound = send("GET /livez HTTP/1.1\r\nhost: evil.example:8484\r\n\r\n");
  EXPECT_EQ(rebound.status(), 403);
  EXPECT_THAT(rebound.body, HasSubstr("\"error\""));
  api_->use(settings({.allowed_hosts = {"hub.internal"}}));
  EXPECT_EQ(send("GET /livez HTTP/1.1\r\nhost: hub.internal:8484\r\n\r\n").status(), 200);
}

TEST_F(hub_api_api, refusals_of_the_server_have_openais_shape) {
  const RawMessage bad = send("GET / HTTP/1.1\r\nhost : localhost\r\n\r\n");
  EXPECT_EQ(bad.status(), 400);
  EXPECT_THAT(bad.body, HasSubstr("\"error\":{\"message\":"));
  EXPECT_THAT(bad.header("x-request-id"), HasSubstr("req_"));
}

TEST_F(hub_api_api, other_origins_get_nothing_unless_configured) {
  const std::string preflight =
      "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\norigin: https://app.example\r\n"
      "access-control-request-method: POST\r\n\r\n";
  RawMessage answer = send(preflight);
  EXPECT_EQ(answer.header("access-control-allow-origin"), "");
  EXPECT_EQ(answer.header("access-control-allow-methods"), "");
  api_->use(settings({.cors_origins = {"https://app.example"}}));
  answer = send(preflight);
  EXPECT_EQ(answer.status(), 204);
  EXPECT_EQ(answer.header("access-control-allow-origin"), "https://app.example");
  EXPECT_THAT(answer.header("access-control-allow-headers"), HasSubstr("authorization"));
  const RawMessage stream = ask("POST", "/v1/chat/completions", chat_body("org/tiny", true),
                                std::string(kBearer) + "origin: https://app.example\r\n");
  EXPECT_EQ(stream.header("access-control-allow-origin"), "https://app.example");
  const RawMessage other = ask("GET", "/livez", "", "origin: https://evil.example\r\n");
  EXPECT_EQ(other.header("access-control-allow-origin"), "");
}

TEST_F(hub_api_api, head_has_no_body) {
  Wire wire = Wire::connect_to(port_);
  wire.send("HEAD /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  const auto head = wire.read_through("\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_THAT(*head, HasSubstr("200"));
  EXPECT_FALSE(wire.fill()) << "nothing follows";
}

TEST_F(hub_api_api, a_reload_while_requests_run_is_seen_by_the_next_ones) {
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::thread load([&] {
    while (!stop)
      bad += ask("POST", "/v1/chat/completions", chat_body("org/tiny", true), kBearer).status() != 200;
  });
  for (int i = 0; i < 50; ++i) api_->use(settings({.auth = i % 2 == 0}));
  stop = true;
  load.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace sluice::hub::api
