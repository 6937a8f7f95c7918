#include "app/cli/provider_call.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <memory>

#include "app/server/model_list.h"
#include "base/json_writer.h"
#include "hub/credentials/memory.h"
#include "hub/dialects/dialect.h"
#include "hub/gateway/http_upstream.h"

namespace sluice::app::cli {
namespace {

using base::ErrorCode;
using base::Result;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
namespace gateway = hub::gateway;

// The question and what an answer may have at most: reasoning models refuse less than sixteen.
constexpr std::string_view kQuestion = "Answer with the word OK.";
constexpr std::int64_t kTokensIn = 16, kTokensOut = 16;
constexpr std::size_t kShownBytesMax = 200;

std::string make_body(const std::string& model) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().field("model", model).field("max_completion_tokens", kTokensOut).key("messages");
  json.begin_array()
      .begin_object()
      .field("role", "user")
      .field("content", kQuestion)
      .end_object()
      .end_array();
  json.end_object();
  return body;
}

// Reads what an answer of OpenAI's shape says; providers of other dialects give events instead.
void read_relayed(const std::string& body, ProviderAnswer& out) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return;
  std::string_view text;
  if (root.at_pointer("/choices/0/message/content").get(text) == simdjson::SUCCESS)
    out.answer = std::string(text);
}

void read_events(const std::vector<hub::tasks::Event>& events, ProviderAnswer& out) {
  for (const hub::tasks::Event& event : events) {
    if (const auto* started = std::get_if<hub::tasks::Started>(&event); started && !started->model.empty()) {
      out.model = started->model;
    } else if (const auto* text = std::get_if<hub::tasks::TextDelta>(&event)) {
      out.answer += text->text;
    } else if (const auto* usage = std::get_if<hub::tasks::UsageReport>(&event)) {
      out.usage = usage->usage;
    }
  }
}

net::Task<gateway::Outcome<void>> ask(gateway::HttpUpstream& upstream, const gateway::Call& call,
                                      ProviderAnswer& out) {
  net::Cancel cancel;
  auto opened = co_await upstream.open(call, Clock::now() + std::chrono::seconds(60), cancel);
  if (!opened) co_return std::unexpected(std::move(opened).error());
  std::string body;
  for (;;) {
    auto piece = co_await opened->source->next();
    if (!piece) co_return std::unexpected(std::move(piece).error());
    if (!*piece) break;
    if (const auto* relay = std::get_if<gateway::Relay>(&**piece)) {
      body += http::to_string(relay->bytes);
      read_events(relay->facts, out);
    } else {
      read_events(std::get<gateway::Events>(**piece).events, out);
    }
  }
  if (!body.empty()) read_relayed(body, out);
  co_return gateway::Outcome<void>();
}

void fail_with(ProviderAnswer& out, const base::Error& error, int status) {
  out.good = false;
  out.status = status;
  out.error = error.message;
}

// {"data":[{"id"}]}, {"models":[{"name"}]} or a bare array.
std::vector<std::string> ids_in(const std::string& body, std::size_t most) {
  std::vector<std::string> ids;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array list;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return ids;
  if (root["data"].get(list) != simdjson::SUCCESS && root["models"].get(list) != simdjson::SUCCESS &&
      root.get(list) != simdjson::SUCCESS)
    return ids;
  for (const simdjson::dom::element model : list) {
    std::string_view id;
    if (model["id"].get(id) != simdjson::SUCCESS && model["name"].get(id) != simdjson::SUCCESS) continue;
    if (ids.size() < most) ids.emplace_back(id);
  }
  return ids;
}

}  // namespace

ProviderAnswer call_provider(const server::Snapshot& snapshot, const std::string& id,
                             const std::string& model) {
  ProviderAnswer out;
  out.model = model;
  const gateway::Settings& settings = *snapshot.api->gateway;
  const auto* enabled = settings.enabled.find(id);
  const hub::dialects::Dialect* front = hub::dialects::find_dialect("openai");
  auto scanned = front->downstream->scan(hub::tasks::Kind::chat, http::Slice::of(make_body(model)));
  if (enabled == nullptr || !scanned) {
    fail_with(out, enabled == nullptr ? base::Error{.message = "it is not switched on"} : scanned.error(), 0);
    return out;
  }
  gateway::Call call("check", *front, *std::move(scanned));
  call.try_candidate({.provider = enabled->provider, .model = model},
                     gateway::limits_of(settings.times, false));
  const auto began = Clock::now();
  server::run_on_loop([&](net::Loop& loop) -> net::Task<void> {
    auto client = std::make_shared<net::Client>(loop, server::unpooled_client_options(snapshot));
    hub::credentials::Memory memory;
    gateway::HttpUpstream upstream(std::move(client), settings, memory, "check");
    const auto ended = co_await ask(upstream, call, out);
    out.good = ended.has_value();
    out.status = ended ? 200 : ended.error().status;
    if (!ended) out.error = ended.error().error.message;
  });
  out.latency = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
  if (out.answer.size() > kShownBytesMax) out.answer.resize(kShownBytesMax);
  return out;
}

Result<std::vector<std::string>> list_models(const server::Snapshot& snapshot, const std::string& id,
                                             std::size_t most) {
  const auto* enabled = snapshot.api->gateway->enabled.find(id);
  if (enabled == nullptr) return base::fail(ErrorCode::unavailable, "it is not switched on");
  SLUICE_TRY(const std::string body, server::fetch_model_list(snapshot, *enabled));
  return ids_in(body, most);
}

std::string describe_price(const hub::catalog::Provider& provider, const std::string& model) {
  if (provider.local) return "nothing: it runs on this machine";
  if (!provider.check || provider.check->model != model)
    return "not known to sluice; a few tokens of this model";
  const hub::catalog::TestCall& check = *provider.check;
  const std::int64_t nanos =
      (kTokensIn * check.input_per_million.nanos + kTokensOut * check.output_per_million.nanos) / 1'000'000;
  return fmt::format("at most about ${:.7f} (price of {})", base::NanoUsd{nanos}.usd(), check.date);
}

}  // namespace sluice::app::cli
