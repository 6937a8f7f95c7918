#include "hub/api/replies.h"

#include <chrono>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "base/usd_text.h"
#include "hub/api/embedded.h"
#include "hub/api/model_rows.h"
#include "hub/api/route_health.h"
#include "hub/catalog/resolve.h"
#include "hub/dialects/dialect.h"
#include "hub/gateway/models.h"

namespace sluice::hub::api {
namespace {

bool is_local_only(const Question& question) {
  return question.settings.local_only || (question.caller != nullptr && question.caller->policy.local_only);
}

// Two dialects list models at one address; Anthropic's clients always say which version they speak.
bool speaks_anthropic(const Question& question) {
  return question.request.headers.contains("anthropic-version");
}

void write_anthropic_model(base::JsonWriter& json, const gateway::ModelRow& row) {
  json.begin_object().field("type", "model").field("id", row.id).field("display_name", row.id);
  json.field("created_at", "1970-01-01T00:00:00Z").end_object();  // when it was made nobody says
}

// One page, whatever its size.
Reply reply_anthropic_models(const std::vector<gateway::ModelRow>& rows) {
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().key("data").begin_array();
  for (const gateway::ModelRow& row : rows) write_anthropic_model(json, row);
  json.end_array().field("has_more", false).key("first_id");
  rows.empty() ? json.null() : json.string(rows.front().id);
  json.key("last_id");
  rows.empty() ? json.null() : json.string(rows.back().id);
  json.end_object();
  return reply;
}

std::int64_t milliseconds_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e3 + 0.5);
}

void write_generation(base::JsonWriter& json, const telemetry::Generation& one) {
  const auto text = [&](std::string_view name, const std::string& value) {
    json.key(name);
    value.empty() ? json.null() : json.string(value);
  };
  const auto count = [&](std::string_view name, std::uint64_t value) {
    json.key(name);
    one.has_usage ? json.number(value) : json.null();
  };
  json.begin_object().field("id", one.id).field("request_id", one.request_id);
  text("upstream_id", one.upstream_id);
  json.field("model", one.model).field("provider_name", one.provider).field("origin", one.route);
  json.field("streamed", one.streamed).field("cancelled", one.cancelled);
  json.field("created_at", iso_time(one.created_unix_s * 1000));
  json.field("latency", milliseconds_of(one.first_token_s));
  json.field("generation_time", milliseconds_of(one.duration_s - one.first_token_s));
  text("finish_reason", one.finish_reason);
  text("native_finish_reason", one.native_finish_reason);
  // There is no tokenizer here that would count otherwise than the provider.
  count("tokens_prompt", one.input);
  count("tokens_completion", one.output);
  count("native_tokens_prompt", one.input);
  count("native_tokens_completion", one.output);
  count("native_tokens_reasoning", one.output_reasoning);
  count("native_tokens_cached", one.input_cached);
  for (const std::string_view name : {"total_cost", "usage"}) {
    json.key(name);
    one.cost_usd ? json.raw(base::usd_text(*one.cost_usd)) : json.null();
  }
  json.end_object();
}

}  // namespace

std::string iso_time(std::int64_t unix_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(unix_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto fraction = clock.subseconds().count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     fraction == 0 ? "" : fmt::format(".{:03}", fraction));
}

Reply reply_error(const base::Error& error, std::string_view front) {
  const dialects::Dialect* dialect = dialects::find_dialect(front);
  CHECK(dialect != nullptr && dialect->downstream);
  return {.status = base::http_status_of(error.code), .body = dialect->downstream->encode_error(error)};
}

Reply reply_models(const Question& question) {
  const auto rows = gateway::list_models(question.settings, question.hub, is_local_only(question));
  if (speaks_anthropic(question)) return reply_anthropic_models(rows);
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().field("object", "list").key("data").begin_array();
  const RowTime now = row_time();
  for (const auto& row : rows) write_model_row(json, row, question.settings, question.hub, now);
  json.end_array().end_object();
  return reply;
}

Reply reply_model(const Question& question) {
  const auto row = gateway::find_model(question.settings, question.hub, is_local_only(question), question.id);
  const bool is_anthropic = speaks_anthropic(question);
  if (!row) return reply_error(row.error(), is_anthropic ? "anthropic" : "openai");
  Reply reply;
  base::JsonWriter json(reply.body);
  if (is_anthropic)
    write_anthropic_model(json, *row);
  else
    write_model_row(json, *row, question.settings, question.hub, row_time());
  return reply;
}

// What one answer took, to whoever made it: OpenRouter's shape.
Reply reply_generation(const Question& question) {
  std::string id;
  for (const std::string_view pair : base::split(question.request.query(), '&'))
    if (pair.starts_with("id=")) id = decode_percent(pair.substr(3));
  if (id.empty()) {
    return reply_error({.code = base::ErrorCode::invalid_argument,
                        .message = "GET /v1/generation needs ?id=, the id of an answer or of its request",
                        .parameter = "id"});
  }
  const std::string_view key = question.caller != nullptr ? std::string_view(question.caller->id) : "";
  auto found = question.hub.generations != nullptr ? question.hub.generations->find(id, key) : std::nullopt;
  if (!found) {
    return reply_error(
        {.code = base::ErrorCode::not_found,
         .message = fmt::format("no answer '{}' is remembered for this key", id.substr(0, 100)),
         .parameter = "id"});
  }
  // Some fronts show the provider's id: whoever asks by it knows the answer by that name.
  if (found->upstream_id == id) found->id = id;
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().key("data");
  write_generation(json, *found);
  json.end_object();
  return reply;
}

// The process runs and its loops turn: nothing else is asked here, or a restart would be the answer to a
// provider's trouble.
Reply reply_live(const Question& question) {
  Reply reply;
  base::JsonWriter(reply.body)
      .begin_object()
      .field("status", "ok")
      .field("version", question.version)
      .end_object();
  return reply;
}

Reply reply_ready(const Question& question) {
  Reply reply;
  const bool ready = question.not_ready.empty();
  reply.status = ready ? 200 : 503;
  base::JsonWriter json(reply.body);
  json.begin_object().field("status", ready ? std::string_view("ok") : question.not_ready);
  json.field("version", question.version);
  json.field("in_flight", question.hub.metrics->in_flight()).end_object();
  return reply;
}

Reply reply_metrics(const Question& question) {
  Reply reply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = question.hub.metrics->text()};
  if (question.hub.health != nullptr)
    reply.body += route_metrics(question.hub.health->rows(std::chrono::steady_clock::now()));
  return reply;
}

Reply reply_openapi(const Question&) {
  return {.body = std::string(kOpenapiText)};
}

Reply reply_page(const Question&) {
  static const std::string policy = content_security_policy(kIndexPage);
  Reply reply{.content_type = "text/html; charset=utf-8", .body = std::string(kIndexPage)};
  reply.headers.set("content-security-policy", policy);
  reply.headers.set("referrer-policy", "no-referrer");
  reply.headers.set("x-frame-options", "DENY");
  reply.headers.set("cross-origin-opener-policy", "same-origin");
  reply.headers.set("cache-control", "no-cache");
  return reply;
}

}  // namespace sluice::hub::api
