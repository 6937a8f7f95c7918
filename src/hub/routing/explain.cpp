#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_writer.h"
#include "base/usd_text.h"
#include "hub/routing/constraint.h"
#include "hub/routing/decision.h"
#include "hub/routing/limits.h"

namespace sluice::hub::routing {
namespace {

using base::ErrorCode;
using base::JsonWriter;

// Of several reasons the most telling gives the code: a promise that would be broken, then money, then what
// the request is.
constexpr std::array kRefusals{ErrorCode::forbidden, ErrorCode::payment_required, ErrorCode::context_overflow,
                               ErrorCode::invalid_argument, ErrorCode::unavailable};

ErrorCode refusal_of(std::string_view constraint) {
  const Constraint* found = find_constraint(constraint);
  return found == nullptr ? ErrorCode::unavailable : found->refusal;
}

// Numbers of a policy are doubles: shown to what they mean, money to the nano-USD.
void write_part(JsonWriter& json, std::string_view name, double value) {
  constexpr double kUsdMost = 1e9;
  json.key(name);
  if (name.ends_with("_usd") && std::abs(value) < kUsdMost)
    json.raw(base::usd_text(value));
  else
    std::isfinite(value) ? json.raw(fmt::format("{:.9g}", value)) : json.null();
}

void write_expected(JsonWriter& json, const Expected& expected) {
  const auto field = [&json](std::string_view name, const std::optional<double>& value) {
    json.key(name);
    value ? json.number(*value) : json.null();
  };
  const auto usd = [&json](std::string_view name, const std::optional<base::NanoUsd>& cost) {
    json.key(name);
    cost ? json.raw(base::usd_text(*cost)) : json.null();
  };
  json.key("expected").begin_object();
  usd("cost_usd", expected.cost);
  write_part(json, "cost_deviation_usd", expected.cost_deviation_usd);
  usd("cost_worst_usd", expected.cost_worst);
  json.field("price", name_of(expected.price));
  field("first_token_s", expected.first_token_s);
  field("total_s", expected.total_s);
  json.field("total_deviation_s", expected.total_deviation_s);
  json.field("success_chance", expected.success_chance);
  if (expected.in_time_chance) json.field("in_time_chance", *expected.in_time_chance);
  json.end_object();
}

void write_candidate(JsonWriter& json, const Option& option) {
  json.field("route", option.candidate.route_id());
  json.field("provider", option.candidate.provider_id());
  json.field("model", option.asked_model);
  json.field("provider_model", option.candidate.model);
  if (option.substitutes) json.field("substitutes", true);
}

void write_price_source(JsonWriter& json, const Option& option) {
  const catalog::Offer* offer = option.candidate.offer.get();
  if (offer == nullptr || !offer->price) return;
  json.key("price_source").begin_object();
  json.field("source", offer->price->source);
  json.field("date", offer->price->date);
  if (!offer->price->doubt.empty()) json.field("doubt", offer->price->doubt);
  json.end_object();
}

void write_ranked(JsonWriter& json, const Situation& situation, const Ranked& ranked) {
  const Option& option = situation.options[ranked.option];
  json.begin_object();
  write_candidate(json, option);
  write_expected(json, ranked.expected);
  write_price_source(json, option);
  write_part(json, "score", ranked.score);
  json.key("parts").begin_object();
  for (const auto& [name, value] : ranked.parts) write_part(json, name, value);
  json.end_object();
  const health::Figures& figures = option.figures;
  json.key("health").begin_object();
  json.field("circuit", health::name_of(figures.circuit));
  json.field("in_flight", figures.in_flight);
  json.field("attempts", figures.attempts);
  json.end_object();
  if (!ranked.held_back.empty()) json.field("held_back", ranked.held_back);
  if (ranked.not_before) {
    const auto wait = std::chrono::duration<double>(*ranked.not_before - situation.now).count();
    json.field("not_before_s", std::max(wait, 0.0));
  }
  json.end_object();
}

}  // namespace

base::Error explain_refusal(const Situation& situation, const Decision& decision) {
  if (decision.excluded.empty())
    return {.code = ErrorCode::unavailable, .message = "no route serves this model"};
  std::string message = "no route may serve this request: ";
  std::size_t shown = 0;
  std::size_t most_telling = kRefusals.size();
  std::string_view parameter;
  for (const Excluded& excluded : decision.excluded) {
    const auto code = std::ranges::find(kRefusals, refusal_of(excluded.constraint));
    const auto rank = static_cast<std::size_t>(code - kRefusals.begin());
    if (rank < most_telling) {
      most_telling = rank;
      parameter = excluded.constraint;
    }
    if (shown == kExplainedMax) continue;
    message += fmt::format("{}{} ({}: {})", shown == 0 ? "" : "; ",
                           situation.options[excluded.option].candidate.route_id(), excluded.constraint,
                           excluded.reason);
    ++shown;
  }
  if (decision.excluded.size() > shown)
    message += fmt::format("; and {} more", decision.excluded.size() - shown);
  const ErrorCode code = most_telling < kRefusals.size() ? kRefusals[most_telling] : ErrorCode::unavailable;
  const Constraint* constraint = find_constraint(parameter);
  return {.code = code,
          .message = std::move(message),
          .parameter = std::string(constraint == nullptr ? "" : constraint->parameter)};
}

std::string decision_json(const Situation& situation, const Decision& decision, std::size_t most) {
  const std::size_t ranked = std::min(most, decision.ranked.size());
  const std::size_t excluded = std::min(most, decision.excluded.size());
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("policy", decision.policy);
  if (decision.explored) json.field("explored", true);
  json.key("candidates").begin_array();
  for (const Ranked& one : std::span(decision.ranked).first(ranked)) write_ranked(json, situation, one);
  json.end_array();
  json.key("excluded").begin_array();
  for (const Excluded& one : std::span(decision.excluded).first(excluded)) {
    json.begin_object();
    write_candidate(json, situation.options[one.option]);
    json.field("constraint", one.constraint);
    json.field("reason", one.reason);
    json.end_object();
  }
  json.end_array();
  if (const std::size_t left = decision.ranked.size() - ranked + decision.excluded.size() - excluded;
      left > 0)
    json.field("left_out", left);
  json.end_object();
  return out;
}

}  // namespace sluice::hub::routing
