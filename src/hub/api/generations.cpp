#include "hub/api/generations.h"

#include <optional>

#include "base/json_writer.h"
#include "base/strings.h"
#include "base/usd_text.h"
#include "hub/api/limits.h"
#include "hub/api/replies.h"
#include "hub/telemetry/records.h"

namespace sluice::hub::api {
namespace {

using base::ErrorCode;
using base::Result;
using telemetry::AttemptRecord;
using telemetry::RecordQuery;
using telemetry::StoredAttempt;

Errand refuse(base::Error error) {
  return [error = std::move(error)] { return reply_error(error); };
}

base::Error records_off() {
  return {.code = ErrorCode::not_found, .message = "no records are kept: records.enabled is off"};
}

// A key sees what it made itself; without keys there is but one caller.
std::optional<std::string> seen_by(const Question& question) {
  return question.caller != nullptr ? std::optional(question.caller->id) : std::nullopt;
}

void write_number(base::JsonWriter& json, std::string_view name, std::optional<double> value) {
  json.key(name);
  value ? json.number(*value) : json.null();
}

void write_usd(base::JsonWriter& json, std::string_view name, std::optional<base::NanoUsd> money) {
  json.key(name);
  money ? json.raw(base::usd_text(*money)) : json.null();
}

std::optional<double> milliseconds_of(std::optional<double> seconds) {
  return seconds ? std::optional(*seconds * 1e3) : std::nullopt;
}

void write_usage(base::JsonWriter& json, const AttemptRecord& record) {
  json.key("tokens");
  if (!record.has_usage) {
    json.null();
    return;
  }
  json.begin_object();
  for (const auto& [name, member] : telemetry::kTokenKinds) json.field(name, (record.usage.*member).count);
  json.end_object();
}

// The fields that all attempts of a request share.
void write_request_fields(base::JsonWriter& json, const AttemptRecord& record) {
  json.field("id", record.generation_id).field("request_id", record.request_id);
  json.field("key_id", record.key_id).field("endpoint", record.endpoint);
  json.field("model_asked", record.model_asked);
}

void write_attempt_fields(base::JsonWriter& json, const AttemptRecord& record) {
  json.field("created_at", iso_time(record.time_ms));
  json.field("attempt", record.attempt).field("reason", record.reason);
  json.field("route", record.route_id).field("provider", record.provider).field("model", record.model);
  json.field("outcome", record.outcome).key("error");
  record.error.empty() ? json.null() : json.string(record.error);
  json.key("status");
  record.status == 0 ? json.null() : json.number(record.status);
  json.field("streamed", record.streamed);
  write_number(json, "first_token_ms", milliseconds_of(record.first_token_s));
  json.field("total_ms", record.total_s * 1e3);
  write_usd(json, "cost_expected_usd", record.cost_expected);
  write_usd(json, "cost_usd", record.cost);
  json.field("cost_reported", record.cost_reported);
  write_usage(json, record);
}

// What its row says of a route that was alone: there was nothing to choose, so no reasons were kept.
void write_only_candidate(base::JsonWriter& json, const AttemptRecord& record) {
  json.begin_object().field("route_id", record.route_id).field("provider", record.provider);
  json.field("model", record.model).field("asked_model", record.model).field("attempts", record.attempt);
  json.field("reason", record.reason).field("substituted", false);
  write_usd(json, "expected_cost_usd", record.cost_expected);
  json.key("decision").begin_object().field("only_candidate", true).key("candidates").begin_array();
  json.begin_object().field("route", record.route_id).field("provider", record.provider);
  json.field("model", record.model).key("expected").begin_object();
  write_usd(json, "cost_usd", record.cost_expected);
  json.end_object().end_object().end_array().key("excluded").begin_array().end_array();
  json.end_object().end_object();
}

Reply describe_request(const std::vector<StoredAttempt>& attempts) {
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().key("data").begin_object();
  write_request_fields(json, attempts.back().record);
  json.key("attempts").begin_array();
  const std::string* explanation = nullptr;
  for (const StoredAttempt& attempt : attempts) {
    json.begin_object();
    write_attempt_fields(json, attempt.record);
    json.end_object();
    if (!attempt.record.explanation_json.empty()) explanation = &attempt.record.explanation_json;
  }
  json.end_array().key("explanation");
  const AttemptRecord& last = attempts.back().record;
  if (explanation != nullptr)
    json.raw(*explanation);
  else if (last.attempt == 1 && last.outcome != "failed")
    write_only_candidate(json, last);
  else
    json.null();
  json.end_object().end_object();
  return reply;
}

Reply describe_page(const std::vector<StoredAttempt>& rows, std::size_t limit) {
  Reply reply;
  base::JsonWriter json(reply.body);
  json.begin_object().field("object", "list").key("data").begin_array();
  for (const StoredAttempt& row : rows) {
    json.begin_object();
    write_request_fields(json, row.record);
    write_attempt_fields(json, row.record);
    json.end_object();
  }
  json.end_array().key("next");
  // As text: JavaScript reads no number of this size.
  rows.size() == limit ? json.string(std::to_string(rows.back().id)) : json.null();
  json.end_object();
  return reply;
}

Result<std::int64_t> number_in(std::string_view name, std::string_view text, std::int64_t least,
                               std::int64_t most) {
  const auto number = base::parse_unsigned(text);
  if (number && *number >= static_cast<std::uint64_t>(least) && *number <= static_cast<std::uint64_t>(most))
    return static_cast<std::int64_t>(*number);
  return base::fail({.code = ErrorCode::invalid_argument,
                     .message = fmt::format("{}: expected a whole number from {} to {}, found '{}'", name,
                                            least, most, text.substr(0, 40)),
                     .parameter = std::string(name)});
}

Result<RecordQuery> read_query(std::string_view query) {
  constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::string> known{"route", "since", "before", "limit"};
  RecordQuery out;
  for (const std::string_view pair : base::split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = decode_percent(pair.substr(0, equals));
    const std::string value = decode_percent(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "route") {
      out.route_id = value;
    } else if (name == "since") {
      SLUICE_TRY(const std::int64_t seconds, number_in(name, value, 0, kAny / 1000));
      out.since_ms = seconds * 1000;
    } else if (name == "before") {
      SLUICE_TRY(out.before_id, number_in(name, value, 0, kAny));
    } else if (name == "limit") {
      SLUICE_TRY(const std::int64_t limit, number_in(name, value, 1, kMaxGenerationsListed));
      out.limit = static_cast<std::size_t>(limit);
    } else {
      const auto near = base::near_names(name, known);
      return base::fail({.code = ErrorCode::invalid_argument,
                         .message = fmt::format("no such parameter: '{}'; {}", name.substr(0, 40),
                                                near.empty() ? "known: route, since, before, limit"
                                                             : fmt::format("did you mean {}?", near.front())),
                         .parameter = name.substr(0, 40)});
    }
  }
  return out;
}

}  // namespace

Errand list_generations(const Question& question) {
  auto query = read_query(question.request.query());
  if (!query) return refuse(std::move(query).error());
  if (question.records == nullptr) return refuse(records_off());
  query->key_id = seen_by(question);
  return [query = *std::move(query), &records = *question.records] {
    const auto rows = records.list(query);
    return rows ? describe_page(*rows, query.limit) : reply_error(rows.error());
  };
}

Errand show_generation(const Question& question) {
  if (question.records == nullptr) return refuse(records_off());
  // Memory knows the provider's id of an answer too.
  std::string id(question.id);
  const std::string_view key = question.caller != nullptr ? std::string_view(question.caller->id) : "";
  if (question.hub.generations != nullptr)
    if (const auto known = question.hub.generations->find(id, key)) id = known->request_id;
  return [id = std::move(id), key_id = seen_by(question), &records = *question.records] {
    const auto attempts = records.find(id, key_id);
    if (!attempts) return reply_error(attempts.error());
    if (!attempts->empty()) return describe_request(*attempts);
    return reply_error(
        {.code = ErrorCode::not_found,
         .message = fmt::format("no record of '{}' under this key; they are kept for records.retention",
                                id.substr(0, 100)),
         .parameter = "id"});
  };
}

}  // namespace sluice::hub::api
