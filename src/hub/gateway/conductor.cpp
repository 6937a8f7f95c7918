#include "hub/gateway/conductor.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "base/ids.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/usd_text.h"
#include "hub/gateway/bill.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/models.h"
#include "hub/routing/limits.h"
#include "hub/telemetry/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;

// What a request without an answer is counted under: nginx's number for a client that closed first.
constexpr int kClientLeftStatus = 499;
constexpr std::size_t kMaxUpstreamIdBytes = 128;

double seconds_since(net::TimePoint began) {
  return std::chrono::duration<double>(net::Clock::now() - began).count();
}

std::int64_t unix_now_ms() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

std::int64_t unix_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

// A model id is the client's text: what no header may hold is written as %XX.
std::string header_safe(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c > ' ' && c < '\x7f')
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// `body` is one JSON object; anything else stays as it is.
http::Body with_member(http::Body body, std::string_view name, std::string_view json) {
  std::string text = http::to_string(body);
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos || text[end] != '}') return body;
  text.insert(end, fmt::format(",\"{}\":{}", name, json));
  return http::body_of(std::move(text));
}

// A request that was refused costs nothing; one that lost its reader, its race or its end may have.
bool is_billed(health::Verdict verdict, const Failure* failure) {
  return may_be_billed(verdict) && !(failure != nullptr && verdict == health::Verdict::not_its_fault);
}

// What a provider's answer may tell the client besides its body.
void copy_answer_headers(const http::Headers& from, http::Headers& to) {
  for (const auto& field : from)
    if ((field.name.size() > 12 && base::equals_ignoring_case(field.name.substr(0, 12), "x-ratelimit-")) ||
        base::equals_ignoring_case(field.name, kEstimatedHeader))
      to.add(field.name, field.value);
}

}  // namespace

Conductor::Conductor(const std::shared_ptr<net::Client>& client, credentials::Memory& memory,
                     Heartbeat& heartbeat, const Hub& hub, SettingsPtr settings, net::Exchange& exchange,
                     Admission admission)
    : hub_(hub),
      settings_(std::move(settings)),
      exchange_(exchange),
      admission_(std::move(admission)),
      heartbeat_(heartbeat),
      ground_{.hub = hub, .client = client, .memory = memory, .settings = settings_},
      deadline_(settings_->times.total.count() > 0 ? admission_.began + settings_->times.total
                                                   : net::kNever) {
  hub_.metrics->begin_request();
  bytes_in_ = http::byte_count(exchange_.request().body);
}

Conductor::~Conductor() {
  keep_generation();
  hub_.metrics->end_request();
  telemetry::RequestCount count{.route = admission_.route,
                                .model = model_,
                                .provider = provider_,
                                .status = status_ != 0 ? status_ : kClientLeftStatus,
                                .whole = outcome_ == "whole" || outcome_ == "refused",
                                .first_token_s = first_token_s_,
                                .duration_s = seconds_since(admission_.began)};
  if (usage_)
    count.tokens = telemetry::TokenCounts{.input = usage_->input.count,
                                          .input_cached = usage_->cached.count,
                                          .output = usage_->output.count,
                                          .output_reasoning = usage_->reasoning.count};
  const telemetry::AccessLine line{
      .request_id = admission_.request_id,
      .key_id = admission_.caller ? std::string_view(admission_.caller->id) : std::string_view(),
      .peer = exchange_.peer().address,
      .method = exchange_.request().method,
      .route = admission_.route,
      .outcome = outcome_,
      .error = error_name_,
      .upstream_request_id = upstream_request_id_,
      .substituted_for = substituted_ ? std::string_view(choice_.asked_model) : std::string_view(),
      .stream = stream_,
      .attempts = attempts_,
      .bytes_in = bytes_in_,
      .bytes_out = exchange_.bytes_sent()};
  telemetry::record_request(*hub_.metrics, line, count);
}

// Answers that began, cut ones as well: they may have cost something.
void Conductor::keep_generation() {
  if (hub_.generations == nullptr || status_ != 200 || admission_.kind == tasks::Kind::count_tokens) return;
  telemetry::Generation kept;
  kept.id = answer_id_.empty() ? admission_.request_id : std::move(answer_id_);
  kept.request_id = admission_.request_id;
  if (admission_.caller) kept.key_id = admission_.caller->id;
  kept.model = model_;
  kept.provider = provider_;
  kept.route = admission_.route;
  kept.upstream_id = served_id_.empty() ? upstream_request_id_ : std::move(served_id_);
  if (has_finished_) kept.finish_reason = tasks::name_of(finished_.reason);
  kept.native_finish_reason = std::move(finished_.native_reason);
  kept.duration_s = seconds_since(admission_.began);
  kept.created_unix_s = unix_now() - static_cast<std::int64_t>(kept.duration_s);
  kept.first_token_s = first_token_s_.value_or(kept.duration_s);
  kept.streamed = stream_;
  kept.cancelled = outcome_ == "client_left";
  kept.has_usage = usage_.has_value();
  if (usage_) {
    kept.input = usage_->input.count;
    kept.input_cached = usage_->cached.count;
    kept.output = usage_->output.count;
    kept.output_reasoning = usage_->reasoning.count;
    if (cost_) kept.cost_usd = cost_->usd();
  }
  hub_.generations->add(std::move(kept));
}

net::Task<void> Conductor::run() {
  auto call = read_request();
  if (!call) co_return co_await refuse(call.error());
  stream_ = call->stream();
  if (const auto chosen = choose(*call); !chosen) co_return co_await refuse(chosen.error());
  const RaceSetup setup{.ground = ground_,
                        .call = *call,
                        .options = choice_.options,
                        .ranked = choice_.decision.ranked,
                        .cancel = exchange_.cancel(),
                        .deadline = deadline_,
                        .tokens = static_cast<double>(choice_.ask.input_expected.count)};
  Race race(setup, make_plan(*call), *this);
  auto begun = co_await race.run();
  attempts_ = race.sent();
  if (const auto last = race.last_asked(); last && !begun) note_route(choice_.options[*last]);
  if (exchange_.cancel().fired()) co_return;
  if (!begun) co_return co_await refuse_all(race);
  Attempt& winner = *race.winner();
  const routing::Ranked& ranked = race.ranked_of(winner);
  note_route(choice_.options[ranked.option]);
  reason_ = name_of(winner.start().reason);
  expected_cost_ = ranked.expected.cost;
  upstream_request_id_ =
      std::string(begun->opened.headers.find("x-request-id").value_or("").substr(0, kMaxUpstreamIdBytes));
  if (const auto first = winner.first_token_s())
    first_token_s_ = *first + std::chrono::duration<double>(winner.began() - admission_.began).count();
  const auto failure = stream_ ? co_await answer_stream(*call, std::move(*begun), winner)
                               : co_await answer_whole(*call, std::move(*begun));
  auto verdict = health::Verdict::whole;
  if (failure)
    verdict = verdict_of(*failure, true);
  else if (outcome_ != "whole" && exchange_.cancel().fired())
    verdict = health::Verdict::not_its_fault;
  account(ranked, winner, verdict, failure ? &*failure : nullptr, true);
}

base::Result<Call> Conductor::read_request() {
  http::Request& request = exchange_.request();
  SLUICE_TRY(auto hops, read_hops(request.headers, hub_.instance_id));
  SLUICE_TRY(auto scanned, admission_.front->downstream->scan(admission_.kind, http::flatten(request.body)));
  scanned.wants_usage |= admission_.wants_usage;
  model_text_ = scanned.model;
  Call call(admission_.request_id, *admission_.front, std::move(scanned));
  call.set_passed_hubs(std::move(hops));
  call.set_client_headers(request.headers);
  return call;
}

base::Status Conductor::choose(Call& call) {
  const net::TimePoint now = net::Clock::now();
  std::function<health::Figures(const health::Key&)> figures;
  if (hub_.health != nullptr)
    figures = [health = hub_.health, now](const health::Key& key) { return health->figures(key, now); };
  choice_ = choose_routes({.settings = *settings_,
                           .front = *admission_.front,
                           .scanned = call.scanned(),
                           .headers = call.client_headers(),
                           .caller = admission_.caller.get(),
                           .device_models = device_models_of(hub_),
                           .figures = std::move(figures),
                           .now = now,
                           .today_s = unix_now(),
                           .seed = std::hash<std::string>()(admission_.request_id)});
  model_ = choice_.asked_model;
  call.set_pinned(choice_.is_pinned);
  call.set_local_only(choice_.local_only);
  const routing::Wishes& wishes = choice_.wishes;
  if (wishes.require_parameters.value_or(false)) call.require_parameters();
  if (wishes.deadline) deadline_ = std::min(deadline_, admission_.began + *wishes.deadline);
  if (choice_.refusal) return std::unexpected(*choice_.refusal);
  return {};
}

AttemptPlan Conductor::make_plan(const Call& call) const {
  AttemptPlan plan;
  plan.candidates.reserve(choice_.decision.ranked.size());
  for (const routing::Ranked& ranked : choice_.decision.ranked) {
    const routing::Option& option = choice_.options[ranked.option];
    plan.candidates.push_back(
        {.figures = option.figures,
         .expected = ranked.expected,
         .substitutes = option.substitutes && !choice_.wishes.across_models.value_or(false)});
  }
  plan.limits = limits_of(settings_->times, call.stream());
  plan.streamed = call.stream();
  plan.deadline = deadline_;
  plan.hedge = choice_.wishes.hedge;
  plan.max_cost = choice_.wishes.max_cost;
  if (choice_.decision.policy == "cheapest") plan.second_worth = kSecondWorth;
  return plan;
}

void Conductor::note_route(const routing::Option& option) {
  provider_ = option.candidate.provider_id();
  route_id_ = option.candidate.route_id();
  model_ = option.asked_model;
  substituted_ = option.substitutes;
  served_offer_ = option.candidate.offer;
}

// No request leaves unless its worst case fits under the day's cap.
std::optional<Failure> Conductor::admit(const routing::Ranked& ranked, Attempt& attempt) {
  const routing::Option& option = choice_.options[ranked.option];
  if (hub_.spend == nullptr || !is_paid(option.candidate)) return std::nullopt;
  const base::NanoUsd worst = worst_for_cap(option, ranked.expected, choice_.ask);
  if (auto reserved = hub_.spend->reserve(worst, unix_now())) {
    attempt.reserved.emplace(std::move(*reserved));
    return std::nullopt;
  }
  const auto provider = option.candidate.provider_id();
  const auto cap = hub_.spend->per_day();
  std::string message;
  if (cap.nanos <= 0) {
    message = fmt::format("{} is paid for, and max_spend_usd_per_day is 0: no paid provider may be asked",
                          provider);
  } else {
    const auto state = hub_.spend->state(unix_now());
    message = fmt::format(
        "this request may cost up to {} USD at {}{}; of max_spend_usd_per_day ({}) {} are spent today and {} "
        "set aside for requests under way: raise it, or bound the answer with max_tokens",
        base::usd_text(worst), provider,
        ranked.expected.cost_worst
            ? ""
            : " (its price is not known, so the highest usual one is assumed; configure it)",
        base::usd_text(cap), base::usd_text(state.spent), base::usd_text(state.reserved));
  }
  return Failure({.code = base::ErrorCode::payment_required,
                  .message = std::move(message),
                  .provider = std::string(provider)});
}

void Conductor::lose(const routing::Ranked& ranked, Attempt& attempt, health::Verdict verdict,
                     const Failure* failure) {
  if (failure != nullptr) hub_.metrics->count_upstream_error(attempt.provider(), kind_of(*failure));
  account(ranked, attempt, verdict, failure, false);
}

void Conductor::account(const routing::Ranked& ranked, Attempt& attempt, health::Verdict verdict,
                        const Failure* failure, bool wins) {
  AttemptEnd end{.verdict = verdict};
  if (failure != nullptr) end.retry_after = failure->retry_after;
  if (wins) end.usage = usage_;
  attempt.end(end);
  base::NanoUsd charged;
  if (attempt.reserved) {
    charged = cost_for_cap(ranked, is_billed(verdict, failure), wins);
    attempt.reserved->settle(charged);
  }
  keep_record(ranked, attempt, charged, verdict, failure, wins);
}

// As the provider said, else by its price; where neither is known nobody else is either, but the cap must
// not be passed: then what was expected, or the worst.
base::NanoUsd Conductor::cost_for_cap(const routing::Ranked& ranked, bool billed, bool wins) const {
  if (!billed) return {};
  if (wins && cost_) return *cost_;
  if (wins && usage_) return assumed_cost(*usage_);
  if (ranked.expected.cost) return *ranked.expected.cost;
  return worst_for_cap(choice_.options[ranked.option], ranked.expected, choice_.ask);
}

void Conductor::keep_record(const routing::Ranked& ranked, const Attempt& attempt, base::NanoUsd charged,
                            health::Verdict verdict, const Failure* failure, bool wins) {
  if (hub_.records == nullptr) return;
  telemetry::AttemptRecord record;
  record.time_ms = unix_now_ms() - static_cast<std::int64_t>(attempt.seconds() * 1e3);
  record.generation_id = wins && !answer_id_.empty() ? answer_id_ : admission_.request_id;
  record.request_id = admission_.request_id;
  if (admission_.caller) record.key_id = admission_.caller->id;
  record.endpoint = admission_.route;
  record.model_asked = model_text_;
  record.model = choice_.options[ranked.option].asked_model;
  record.route_id = attempt.route_id();
  record.provider = attempt.provider();
  record.attempt = attempt.number;
  record.reason = name_of(attempt.start().reason);
  record.charged = charged;
  record.outcome = outcome_of(verdict, failure, wins);
  if (failure != nullptr) record.error = kind_of(*failure);
  record.verdict = health::name_of(verdict);
  record.status = attempt.status();
  record.streamed = stream_;
  if (wins && usage_) {
    record.usage = *usage_;
    record.has_usage = true;
    record.cost = cost_;
    record.cost_reported = usage_->reported_cost.has_value();
  } else if (!is_billed(verdict, failure)) {
    record.cost = base::NanoUsd{};
  }
  record.first_token_s = attempt.first_token_s();
  record.total_s = attempt.seconds();
  record.cost_expected = ranked.expected.cost;
  // Built only where there was something to choose, or where it was asked for: what there is to say of the
  // only candidate stands in its row.
  if (wins && (choice_.options.size() > 1 || attempts_ > 1 || explains()))
    record.explanation_json = short_explanation();
  hub_.records->add(std::move(record));
}

std::string_view Conductor::outcome_of(health::Verdict verdict, const Failure* failure, bool wins) const {
  if (wins) return verdict == health::Verdict::whole ? "whole" : failure != nullptr ? "cut" : "cancelled";
  if (failure != nullptr) return "failed";
  return exchange_.cancel().fired() ? "cancelled" : "hedge_lost";
}

// Nobody answered. Every route that failed says why; where none was asked, why that was so.
net::Task<void> Conductor::refuse_all(const Race& race) {
  const GiveUp& end = race.end();
  retry_is_useless_ = end.every_route_tried || end.reason == GiveUpReason::refused;
  if (race.failed().empty()) {
    std::string routes;
    for (const auto& ranked : choice_.decision.ranked)
      if (routes.size() < kMaxFailureTextBytes)
        routes += fmt::format("{}{}", routes.empty() ? "" : ", ",
                              choice_.options[ranked.option].candidate.provider_id());
    const base::Error error{.code = base::ErrorCode::unavailable,
                            .message = fmt::format("no route of '{}' can be asked now: the circuit of {} is "
                                                   "open or its limit used up",
                                                   choice_.asked_model, routes)};
    co_return co_await refuse(error, end.retry_after);
  }
  base::Error error = error_for_client(race.failed());
  if (end.reason == GiveUpReason::no_time) error.code = base::ErrorCode::timed_out;
  auto retry_after = race.failed().back().failure.retry_after;
  co_await refuse(error, end.retry_after ? end.retry_after : retry_after);
}

net::Task<std::optional<Failure>> Conductor::answer_whole(const Call& call, Begun begun) {
  for (const Piece& piece : begun.pieces)
    if (const auto* relay = std::get_if<Relay>(&piece)) learn(relay->facts);
  http::Body body;
  if (std::holds_alternative<Relay>(begun.pieces.front())) {
    for (Piece& piece : begun.pieces)
      if (auto* relay = std::get_if<Relay>(&piece))
        for (http::Slice& slice : relay->bytes) http::append(body, std::move(slice));
  } else {
    for (Piece& piece : begun.pieces)
      if (auto* events = std::get_if<Events>(&piece)) {
        learn(events->events);
        tell_cost(events->events);
      }
    auto text = encode_reply(call, begun.pieces);
    if (!text) {
      co_await refuse(text.error());
      co_return Failure(text.error());
    }
    body = http::body_of(std::move(*text));
  }
  if (explains()) body = with_member(std::move(body), "sluice", explanation());
  http::Headers headers = answer_headers(&begun);
  headers.set("content-type", admission_.front->downstream->reply_type);
  status_ = 200;
  if (co_await exchange_.respond(200, std::move(headers), std::move(body))) outcome_ = "whole";
  co_return std::nullopt;
}

net::Task<std::optional<Failure>> Conductor::answer_stream(const Call& call, Begun begun, Attempt& attempt) {
  http::ResponseHead head;
  head.headers = answer_headers(&begun);
  head.headers.set("content-type", admission_.front->downstream->stream_type);
  head.headers.set("cache-control", "no-cache");
  head.headers.set("x-accel-buffering", "no");  // proxies in front must not collect the stream
  status_ = 200;
  StreamWriter writer(heartbeat_, exchange_, settings_->times.heartbeat,
                      admission_.front->downstream->heartbeat);
  std::optional<Failure> failure;
  std::unique_ptr<dialects::StreamEncoder> encoder;
  bool is_open = static_cast<bool>(co_await writer.begin(std::move(head)));
  if (is_open && explains()) is_open = static_cast<bool>(co_await writer.write(explaining_event()));
  if (is_open) failure = co_await relay(call, std::move(begun), attempt, writer, encoder);
  co_await writer.close();
  if (exchange_.cancel().fired()) co_return std::nullopt;
  if (!failure) {
    if (co_await exchange_.finish()) outcome_ = "whole";
    co_return std::nullopt;
  }
  // The client has seen a part of the answer. It must learn that no more comes, and that is not all.
  outcome_ = "cut";
  hub_.metrics->count_upstream_error(provider_, "cut");
  std::vector<FailedAttempt> cut;
  cut.push_back({.provider = provider_, .failure = *failure});
  base::Error error = error_for_client(cut);
  error_name_ = base::name_of(error.code);
  error.message = fmt::format("the answer was cut: {}", error.message);
  http::Body event = http::body_of(encoder ? encoder->encode_error(error)
                                           : admission_.front->downstream->encode_stream_error(error));
  static_cast<void>(co_await exchange_.write(std::move(event)));  // the connection ends either way
  exchange_.abort();
  co_return failure;
}

// Passes pieces on until the answer is whole (nullopt) or cut. A client that left shows in the Cancel.
net::Task<std::optional<Failure>> Conductor::relay(const Call& call, Begun begun, Attempt& attempt,
                                                   StreamWriter& writer,
                                                   std::unique_ptr<dialects::StreamEncoder>& encoder) {
  std::size_t held = 0;
  for (;;) {
    std::optional<Piece> piece;
    if (held < begun.pieces.size()) {
      piece = std::move(begun.pieces[held++]);
    } else if (!begun.whole) {
      auto next = co_await attempt.next(*begun.opened.source);
      if (!next) co_return std::move(next).error();
      piece = std::move(*next);
    }
    http::Body bytes;
    if (!piece) {
      if (encoder) bytes = http::body_of(encoder->finish());
    } else if (auto* relayed = std::get_if<Relay>(&*piece)) {
      learn(relayed->facts);
      bytes = std::move(relayed->bytes);
    } else {
      auto& events = std::get<Events>(*piece).events;
      if (!encoder) encoder = admission_.front->downstream->encode_stream(reply_context(call));
      const auto failed = std::ranges::find_if(
          events, [](const auto& event) { return std::holds_alternative<tasks::Failed>(event); });
      if (failed != events.end()) {
        base::Error error = std::get<tasks::Failed>(*failed).error;
        events.erase(failed, events.end());
        static_cast<void>(co_await writer.write(http::body_of(encoder->encode(events))));
        co_return Failure(std::move(error));
      }
      learn(events);
      tell_cost(events);
      bytes = http::body_of(encoder->encode(events));
    }
    if (!bytes.empty() && !co_await writer.write(std::move(bytes))) co_return std::nullopt;
    if (!piece) co_return std::nullopt;
  }
}

net::Task<void> Conductor::refuse(const base::Error& error,
                                  std::optional<std::chrono::milliseconds> retry_after) {
  if (exchange_.cancel().fired() || exchange_.started()) co_return;
  status_ = base::http_status_of(error.code);
  outcome_ = "refused";
  error_name_ = base::name_of(error.code);
  http::Headers headers = answer_headers(nullptr);
  headers.set("content-type", admission_.front->downstream->reply_type);
  if (!retry_after && (error.code == ErrorCode::overloaded || error.code == ErrorCode::rate_limited))
    retry_after = std::chrono::seconds(1);
  if (retry_after)
    headers.set("retry-after", std::to_string(std::chrono::ceil<std::chrono::seconds>(*retry_after).count()));
  static_cast<void>(co_await exchange_.respond(
      status_, std::move(headers), http::body_of(admission_.front->downstream->encode_error(error))));
}

bool Conductor::explains() const {
  return choice_.wishes.explain.value_or(false);
}

// Who answered and why, as one JSON object: what `explain` asks for, and what the records keep.
std::string Conductor::explanation(std::size_t most) const {
  std::string text;
  base::JsonWriter json(text);
  json.begin_object();
  json.field("route_id", route_id_).field("provider", provider_).field("model", model_);
  json.field("asked_model", choice_.asked_model).field("attempts", attempts_).field("reason", reason_);
  json.field("substituted", substituted_);
  json.key("expected_cost_usd");
  expected_cost_ ? json.raw(base::usd_text(*expected_cost_)) : json.null();
  json.key("decision").raw(routing::decision_json(choice_.situation(), choice_.decision, most));
  json.end_object();
  return text;
}

// With as many routes as a record has room for.
std::string Conductor::short_explanation() const {
  std::size_t most = routing::kExplainedMax;
  std::string text = explanation(most);
  while (text.size() > telemetry::kExplanationBytesMax && most > 0) text = explanation(most /= 2);
  return text;
}

// Before the answer, so that the reasoning is there whatever comes of the stream: for OpenAI's clients a
// chunk without choices, for others of the same framing an event of our own, which they pass over; where
// every line is an object, one that says nothing else.
http::Body Conductor::explaining_event() const {
  const bool is_openai = admission_.front->name == "openai";
  const bool is_lines = admission_.front->downstream->stream_type.find("ndjson") != std::string_view::npos;
  std::string text = is_openai ? "data: " : is_lines ? "" : "event: sluice.explanation\ndata: ";
  base::JsonWriter json(text);
  json.begin_object();
  if (is_openai) {
    json.field("id", admission_.request_id);
    json.field("object", admission_.kind == tasks::Kind::chat ? "chat.completion.chunk" : "text_completion");
    json.field("created", unix_now()).field("model", model_);
    json.key("choices").begin_array().end_array();
  } else if (is_lines) {
    json.field("model", model_).field("done", false).field("response", "").key("message");
    json.begin_object().field("role", "assistant").field("content", "").end_object();
  } else {
    json.field("type", "sluice.explanation");
  }
  json.key("sluice").raw(explanation());
  json.end_object();
  text += is_lines ? "\n" : "\n\n";
  return http::body_of(std::move(text));
}

base::Result<std::string> Conductor::encode_reply(const Call& call, std::vector<Piece>& pieces) {
  std::vector<tasks::Event> events;
  for (Piece& piece : pieces)
    if (auto* more = std::get_if<Events>(&piece)) std::ranges::copy(more->events, std::back_inserter(events));
  return admission_.front->downstream->encode_reply(events, reply_context(call));
}

dialects::ReplyContext Conductor::reply_context(const Call& call) {
  const bool is_completion = call.kind() == tasks::Kind::completion;
  answer_id_ = base::make_id(is_completion ? "cmpl-" : admission_.front->downstream->id_prefix);
  return {
      .kind = call.kind(),
      .id = answer_id_,
      .model = model_,
      .created_unix_s = unix_now(),
      .include_usage = call.scanned().include_usage.value_or(call.scanned().wants_usage),
      .request = &call.scanned(),
      .elapsed = [began = admission_.began] { return std::chrono::nanoseconds(net::Clock::now() - began); }};
}

http::Headers Conductor::answer_headers(const Begun* begun) const {
  http::Headers headers;
  headers.reserve(12, 512);
  for (const auto& field : admission_.headers) headers.add(field.name, field.value);
  headers.set("x-request-id", admission_.request_id);
  if (const auto own = admission_.front->downstream->request_id_header; !own.empty())
    headers.set(own, admission_.request_id);
  if (attempts_ > 0) {
    headers.set("x-inference-provider", provider_);
    headers.set("x-sluice-route", header_safe(route_id_));
    headers.set("x-sluice-attempts", std::to_string(attempts_));
    if (!reason_.empty()) headers.set("x-sluice-reason", reason_);
    if (expected_cost_) headers.set("x-sluice-expected-cost-usd", base::usd_text(*expected_cost_));
    if (substituted_) headers.set("x-sluice-substituted", header_safe(model_));
  }
  if (retry_is_useless_) headers.set("x-should-retry", "false");
  headers.set("openai-processing-ms",
              std::to_string(static_cast<long long>(seconds_since(admission_.began) * 1e3)));
  if (begun != nullptr) {
    copy_answer_headers(begun->opened.headers, headers);
    if (const auto& dropped = begun->opened.dropped; !dropped.empty()) {
      std::string names;
      for (const std::string& name : dropped) names += (names.empty() ? "" : ", ") + header_safe(name);
      headers.set("x-sluice-dropped", names);
    }
  }
  return headers;
}

// What it cost: the provider's own word, else its price, else nobody knows.
void Conductor::take_usage(const tasks::Usage& usage) {
  usage_ = usage;
  cost_ = usage.reported_cost;
  if (!cost_ && served_offer_ && served_offer_->price)
    cost_ = bill(*served_offer_->price, usage, choice_.ask.images);
  if (!cost_ && provider_ == catalog::kDeviceId) cost_ = base::NanoUsd{};
}

// Where the provider told no cost and its price is known, the usage that we write says what we reckon.
void Conductor::tell_cost(std::vector<tasks::Event>& events) const {
  for (auto& event : events)
    if (auto* report = std::get_if<tasks::UsageReport>(&event);
        report && !report->usage.reported_cost && served_offer_)
      report->usage.reported_cost = cost_;
}

void Conductor::learn(const std::vector<tasks::Event>& events) {
  for (const auto& event : events) {
    if (const auto* report = std::get_if<tasks::UsageReport>(&event)) {
      // A count is no consumption.
      if (admission_.kind != tasks::Kind::count_tokens) take_usage(report->usage);
    } else if (const auto* started = std::get_if<tasks::Started>(&event); started && !started->id.empty()) {
      served_id_ = started->id;
      if (answer_id_.empty()) answer_id_ = started->id;  // relayed: the client sees the provider's
    } else if (const auto* finished = std::get_if<tasks::Finished>(&event); finished && !has_finished_) {
      finished_ = *finished;
      has_finished_ = true;
    }
  }
}

}  // namespace sluice::hub::gateway
