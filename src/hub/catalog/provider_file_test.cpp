#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/strings.h"
#include "hub/catalog/embedded.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/provider.h"

namespace sluice::hub::catalog {
namespace {

using testing::HasSubstr;

constexpr std::string_view kGood = R"({
  "id": "x", "name": "X", "base_url": "https://x.example", "dialect": "openai",
  "auth": {"kind": "header", "header": "authorization", "scheme": "Bearer", "env": ["X_API_KEY"]},
  "paths": {"chat": "/v1/chat/completions", "embed": "/v1/embeddings"}, "models_path": "/v1/models",
  "quirks": [{"name": "rename", "parameter": "a", "to": "b"}], "stream_usage": "always",
  "data_policy": {"retains": false, "trains": false, "source": "https://x.example/privacy", "date": "2026-11-01"},
  "headers": {"x-version": "{zone}-1"}, "stream_paths": {"chat": "/v1/{model}/stream"},
  "also": [{"dialect": "anthropic", "paths": {"chat": "/v1/messages"}}],
  "variables": {"zone": {"env": ["X_ZONE"], "default": "eu"}}, "tasks": ["chat"],
  "capabilities": {"images": true, "tools": false},
  "check": {"model": "small", "input_nano_usd_per_million": 50000000, "output_nano_usd_per_million": 80000000,
            "date": "2026-10-01"},
  "answer": {"stream_end": "eof", "errors": ["flat"]}, "rate_limit_headers": ["x-left"], "rate_limit_reset": "seconds",
  "request_id_headers": ["x-id"], "hf_partner": "active", "not_built": "",
  "uncertain": ["paths"], "notes": "n"})";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(hub_catalog_provider_file, reads_every_field) {
  const auto provider = parse_provider(kGood, "x.json");
  ASSERT_TRUE(provider) << provider.error().message;
  EXPECT_EQ(provider->id, "x");
  EXPECT_EQ(provider->auth.env, std::vector<std::string>{"X_API_KEY"});
  EXPECT_EQ(*url_of(*provider, provider->primary(), tasks::Kind::embed, "m", false),
            "https://x.example/v1/embeddings");
  EXPECT_FALSE(url_of(*provider, provider->primary(), tasks::Kind::image, "m", false));
  EXPECT_FALSE(provider->offers(tasks::Kind::completion));
  EXPECT_EQ(provider->primary().quirks.size(), 1U);
  EXPECT_EQ(provider->primary().stream_usage, StreamUsage::always);
  EXPECT_FALSE(provider->data_policy.retains);
  ASSERT_EQ(provider->surfaces.size(), 2U);
  EXPECT_EQ(provider->surfaces[1].base_url, "https://x.example") << "the first one's, unless it has its own";
  EXPECT_EQ(provider->surface_for("anthropic", tasks::Kind::chat), &provider->surfaces[1]);
  EXPECT_EQ(provider->surface_for("anthropic", tasks::Kind::embed), nullptr);
  EXPECT_EQ(provider->primary_for(tasks::Kind::chat), &provider->primary());
  EXPECT_EQ(*url_of(*provider, provider->primary(), tasks::Kind::chat, "org/m:1", true),
            "https://x.example/v1/org/m%3A1/stream");
  EXPECT_EQ(provider->variables.at("zone").fallback, "eu");
  EXPECT_EQ(provider->capabilities.images, true);
  EXPECT_EQ(provider->capabilities.tools, false);
  EXPECT_EQ(provider->capabilities.audio, std::nullopt) << "not said is not known";
  EXPECT_EQ(provider->answer.stream_end, "eof");
  EXPECT_EQ(provider->hf_partner, "active");
  EXPECT_EQ(provider->check->input_per_million, base::NanoUsd{50'000'000});
  EXPECT_EQ(provider->uncertain, std::vector<std::string>{"paths"});
}

TEST(hub_catalog_provider_file, refuses_what_it_does_not_know_by_name_and_place) {
  const std::tuple<std::string, const char*> kCases[] = {
      {with("\"quirks\"", "\"quirk\""), "x.json: unknown key 'quirk'; did you mean 'quirks'?"},
      {with("\"scheme\"", "\"sheme\""), "x.json/auth: unknown key 'sheme'; did you mean 'scheme'?"},
      {with("\"embed\"", "\"embeddings\""), "x.json/paths: unknown key 'embeddings'; did you mean 'embed'?"},
      {with("\"to\"", "\"too\""), "x.json/quirks/0: unknown key 'too'"},
      {with("\"id\": \"x\", ", ""), "'id' is missing"},
      {with("\"id\": \"x\"", "\"id\": \"device\""), "x.json/id: 'device' is reserved"},
      {with("\"name\": \"X\"", "\"name\": 5"), "x.json/name: expected a string"},
      {with("\"uncertain\": [\"paths\"]", "\"uncertain\": true"), "x.json/uncertain: expected an array"},
      {with("https://x.example\"", "http://x.example\""), "plain http would show the key"},
      {with("\"kind\": \"header\"", "\"kind\": \"magic\""),
       "x.json/auth/kind: expected 'header', 'service_account' or 'none'"},
      {with("\"kind\": \"header\"", "\"kind\": \"none\""), "'header' belongs to kinds 'header'"},
      {with("\"Bearer\"", "\"Bearer or Key\""), "x.json/auth/scheme: expected one word"},
      {with("X_API_KEY", "X_BASE_URL"), "no variable that holds a secret"},
      {with("\"/v1/chat", "\"v1/chat"), "x.json/paths/chat: expected a path that begins with '/'"},
      {with("\"always\"", "\"sometimes\""), "x.json/stream_usage: expected"},
      {with("\"stream_usage\"", "\"extensions\": [\"magic\"], \"stream_usage\""),
       "x.json/extensions: 'magic' is none of cache_control"},
      {with("\"https://x.example/privacy\"", "\"unknown\""), "unknown counts as retained"},
      {with("2026-11-01", "1.11.2026"), "expected YYYY-MM-DD"},
      {with("\"uncertain\": [\"paths\"]", "\"name\": \"again\""), "'name' is given twice"},
      {with("\"quirks\": [", "\"quirks\": {\"a\": [").substr(0, 400), "not JSON"},
      {with("{zone}", "{zones}"), "x.json/headers/x-version: {zones} is no variable of it"},
      {with("{model}/stream", "{modell}/stream"), "x.json/paths: {modell} is no variable of it"},
      {with("\"zone\": {", "\"model\": {"), "'model' is no variable"},
      {with("\"x-version\"", "\"content-length\""), "sluice sets this one itself"},
      {with("\"x-version\"", "\"X-Version\""), "expected a name in lower case"},
      {with("{\"chat\": \"/v1/{model}/stream\"}", "{\"image\": \"/x\"}"), "'image' is not among the paths"},
      {with("\"paths\": {\"chat\": \"/v1/messages\"}", "\"pathes\": {}"),
       "x.json/also/0: unknown key 'pathes'"},
      {with("50000000", "-1"), "x.json/check/input_nano_usd_per_million: expected nano-USD"},
      {with("50000000", "0.05"), "x.json/check/input_nano_usd_per_million: expected nano-USD"},
      {"[]", "expected an object"},
      {std::string(kProviderFileBytesMax + 1, ' '), "expected at most 65536 bytes"},
  };
  for (const auto& [text, says] : kCases) {
    const auto provider = parse_provider(text, "x.json");
    ASSERT_FALSE(provider) << says;
    EXPECT_THAT(provider.error().message, HasSubstr(says));
  }
  EXPECT_TRUE(
      parse_provider(std::string(kGood) + std::string(kProviderFileBytesMax - kGood.size(), ' '), "x.json"));
}

TEST(hub_catalog_provider_file, every_embedded_file_is_good_and_named_after_its_provider) {
  ASSERT_EQ(embedded_providers().size(), 41U);
  for (const EmbeddedFile& file : embedded_providers()) {
    const auto provider = parse_provider(file.text, file.name);
    ASSERT_TRUE(provider) << provider.error().message;
    EXPECT_EQ(provider->id + ".json", file.name);
    EXPECT_EQ(provider->not_built.empty(), !provider->primary().dialect.contains('-')) << file.name;
    EXPECT_EQ(provider->auth.kind == Auth::Kind::none, provider->local) << file.name;
    EXPECT_TRUE(provider->local || !provider->auth.env.empty()) << file.name;
  }
}

}  // namespace
}  // namespace sluice::hub::catalog
