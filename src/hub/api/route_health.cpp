#include "hub/api/route_health.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "base/json_writer.h"
#include "hub/api/limits.h"

namespace sluice::hub::api {
namespace {

using health::Row;
using health::TimePoint;

template <typename Value>
void write_optional(base::JsonWriter& json, std::string_view name, const std::optional<Value>& value) {
  json.key(name);
  value ? json.number(*value) : json.null();
}

void write_spread(base::JsonWriter& json, std::string_view name, const health::Spread& spread) {
  json.key(name);
  if (!(spread.weight > 0)) {
    json.null();
    return;
  }
  json.begin_object().field("weight", spread.weight).field("mean", spread.mean);
  json.field("p50", spread.p50).field("p75", spread.p75).field("p90", spread.p90);
  json.field("p95", spread.p95).field("p97", spread.p97).field("p99", spread.p99);
  json.field("log_mean", spread.log_mean).field("log_deviation", spread.log_deviation).end_object();
}

void write_limit(base::JsonWriter& json, const health::LimitRow& limit) {
  json.begin_object().field("resource", name_of(limit.resource));
  json.field("scope", limit.of_account ? "account" : "route");
  json.field("source", limit.learned ? "refusals" : "headers");
  json.key("window_s");
  limit.window_s > 0 ? json.number(limit.window_s) : json.null();
  write_optional(json, "limit", limit.limit);
  write_optional(json, "remaining", limit.remaining);
  write_optional(json, "reset_in_s", limit.reset_in_s);
  json.end_object();
}

void write_row(base::JsonWriter& json, const Row& row, TimePoint now) {
  const health::Figures& figures = row.figures;
  json.begin_object().field("route", row.route_id).field("provider", row.provider).field("model", row.model);
  json.field("circuit", name_of(figures.circuit)).field("admitted_share", figures.admitted_share);
  json.key("retry_in_s");
  figures.retry_at && *figures.retry_at > now
      ? json.number(std::chrono::duration<double>(*figures.retry_at - now).count())
      : json.null();
  json.field("circuit_opened_total", row.opened_total);
  json.field("in_flight", figures.in_flight);
  write_optional(json, "oldest_waiting_s", figures.oldest_waiting_s);
  json.field("idle_s", row.idle_s).field("attempts_total", row.attempts_total);
  json.field("attempts_recent", figures.attempts);
  json.key("outcomes").begin_object();
  for (std::size_t i = 0; i < health::kVerdicts; ++i)
    json.field(name_of(static_cast<health::Verdict>(i)), row.by_verdict[i]);
  json.end_object();
  json.field("failure_chance", figures.failure_chance).field("cache_hit_chance", figures.cache_hit_chance);
  write_spread(json, "first_token_s", figures.first_token_s);
  write_spread(json, "answer_s", figures.answer_s);
  write_spread(json, "gap_s", figures.gap_s);
  write_spread(json, "tokens_per_s", figures.tokens_per_s);
  write_spread(json, "output_tokens", figures.output_tokens);
  write_optional(json, "requests_left", figures.requests_left);
  write_optional(json, "tokens_left", figures.tokens_left);
  json.key("limits_reset_in_s");
  figures.limits_reset_at ? json.number(std::chrono::duration<double>(*figures.limits_reset_at - now).count())
                          : json.null();
  json.key("limits").begin_array();
  for (const health::LimitRow& limit : row.limits) write_limit(json, limit);
  json.end_array().end_object();
}

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  }
  return out;
}

struct Family {
  std::string_view name, help, type;
  std::optional<double> (*value)(const Row&);
};

std::optional<double> if_seen(const health::Spread& spread, double value) {
  if (!(spread.weight > 0)) return std::nullopt;
  return value;
}

constexpr Family kFamilies[] = {
    {"sluice_route_attempts_total", "Attempts at a route.", "counter",
     [](const Row& row) -> std::optional<double> { return static_cast<double>(row.attempts_total); }},
    {"sluice_route_circuit_opened_total", "How often a route's circuit opened.", "counter",
     [](const Row& row) -> std::optional<double> { return static_cast<double>(row.opened_total); }},
    {"sluice_route_circuit", "0 closed, 1 open, 2 half open.", "gauge",
     [](const Row& row) -> std::optional<double> { return static_cast<double>(row.figures.circuit); }},
    {"sluice_route_in_flight", "Attempts under way at a route.", "gauge",
     [](const Row& row) -> std::optional<double> { return row.figures.in_flight; }},
    {"sluice_route_failure_chance", "Of the next attempt, by the recent ones.", "gauge",
     [](const Row& row) -> std::optional<double> { return row.figures.failure_chance; }},
    {"sluice_route_first_token_p50_seconds", "Recent median time to the first token of a stream.", "gauge",
     [](const Row& row) { return if_seen(row.figures.first_token_s, row.figures.first_token_s.p50); }},
    {"sluice_route_first_token_p95_seconds", "Recent 95th percentile of the same.", "gauge",
     [](const Row& row) { return if_seen(row.figures.first_token_s, row.figures.first_token_s.p95); }},
    {"sluice_route_tokens_per_second", "Recent median after the first token.", "gauge",
     [](const Row& row) { return if_seen(row.figures.tokens_per_s, row.figures.tokens_per_s.p50); }},
    {"sluice_route_requests_left", "What is left of the limits on requests, where known.", "gauge",
     [](const Row& row) { return row.figures.requests_left; }},
    {"sluice_route_tokens_left", "What is left of the limits on tokens, where known.", "gauge",
     [](const Row& row) { return row.figures.tokens_left; }},
};

}  // namespace

Reply reply_routes(const Question& question) {
  const TimePoint now = std::chrono::steady_clock::now();
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().field("object", "list").key("data").begin_array();
  if (question.hub.health != nullptr)
    for (const Row& row : question.hub.health->rows(now)) write_row(json, row, now);
  json.end_array().end_object();
  return reply;
}

std::string route_metrics(std::span<const Row> rows) {
  std::vector<const Row*> shown;
  for (const Row& row : rows) shown.push_back(&row);
  if (shown.size() > kRoutesMeasuredMax) {
    std::ranges::nth_element(shown, shown.begin() + kRoutesMeasuredMax, {}, &Row::idle_s);
    shown.resize(kRoutesMeasuredMax);
  }
  std::string out;
  for (const Family& family : kFamilies) {
    std::string samples;
    for (const Row* row : shown)
      if (const auto value = family.value(*row))
        samples += fmt::format("{}{{route=\"{}\",provider=\"{}\"}} {}\n", family.name, label(row->route_id),
                               label(row->provider), *value);
    if (samples.empty()) continue;
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", family.name, family.help, family.type);
    out += samples;
  }
  return out;
}

}  // namespace sluice::hub::api
