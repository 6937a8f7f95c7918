#include "hub/gateway/conductor.h"

#include <algorithm>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/models.h"

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

std::int64_t unix_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

std::size_t bytes_of(const Piece& piece) {
  if (const auto* relay = std::get_if<Relay>(&piece)) return http::byte_count(relay->bytes);
  std::size_t bytes = 0;
  for (const auto& event : std::get<Events>(piece).events)
    if (const auto* text = std::get_if<tasks::TextDelta>(&event)) bytes += text->text.size();
  return bytes;
}

// The upstream says that its answer failed.
const tasks::Failed* failed_in(const Piece& piece) {
  const auto* relay = std::get_if<Relay>(&piece);
  const auto& events = relay != nullptr ? relay->facts : std::get<Events>(piece).events;
  for (const auto& event : events)
    if (const auto* failed = std::get_if<tasks::Failed>(&event)) return failed;
  return nullptr;
}

// Whether a client would see something of the answer in this piece. Started alone is none: the engine says
// it before it has computed anything.
bool shows_something(const Piece& piece) {
  if (const auto* relay = std::get_if<Relay>(&piece)) return !relay->bytes.empty();
  return std::ranges::any_of(std::get<Events>(piece).events, [](const tasks::Event& event) {
    return !std::holds_alternative<tasks::Started>(event);
  });
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

// What a provider's answer may tell the client besides its body.
void copy_answer_headers(const http::Headers& from, http::Headers& to) {
  for (const auto& field : from)
    if ((field.name.size() > 12 && base::equals_ignoring_case(field.name.substr(0, 12), "x-ratelimit-")) ||
        base::equals_ignoring_case(field.name, kEstimatedHeader))
      to.add(field.name, field.value);
}

// Whether the candidate itself is sent the routing wishes; an edit of its file takes them out for the others.
bool takes_routing_wishes(const catalog::Candidate& candidate) {
  return !candidate.is_device() &&
         std::ranges::none_of(candidate.provider->primary().quirks, [](const auto& quirk) {
           return quirk.name == "drop" && quirk.parameter == "provider";
         });
}

}  // namespace

Conductor::Conductor(std::shared_ptr<net::Client> client, credentials::Memory& memory, Heartbeat& heartbeat,
                     const Hub& hub, SettingsPtr settings, net::Exchange& exchange, Admission admission)
    : hub_(hub),
      settings_(std::move(settings)),
      exchange_(exchange),
      admission_(std::move(admission)),
      heartbeat_(heartbeat),
      http_(std::move(client), *settings_, memory, hub.instance_id),
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
    if (usage_->reported_cost) kept.cost_usd = usage_->reported_cost->usd();
  }
  hub_.generations->add(std::move(kept));
}

net::Task<void> Conductor::run() {
  auto call = read_request();
  if (!call) co_return co_await refuse(call.error());
  stream_ = call->stream();
  auto candidates = choose_candidates(*call);
  if (!candidates) co_return co_await refuse(candidates.error());
  auto begun = co_await attempt_all(*call, std::move(*candidates));
  if (exchange_.cancel().fired()) co_return;
  if (!begun) co_return co_await refuse(error_for_client(failed_), failed_.back().failure.retry_after);
  if (stream_) co_return co_await answer_stream(*call, std::move(*begun));
  co_await answer_whole(*call, std::move(*begun));
}

base::Result<Call> Conductor::read_request() {
  http::Request& request = exchange_.request();
  SLUICE_TRY(auto hops, read_hops(request.headers, hub_.instance_id));
  SLUICE_TRY(auto scanned, admission_.front->downstream->scan(admission_.kind, http::flatten(request.body)));
  scanned.wants_usage |= admission_.wants_usage;
  const bool local_only = !local_only_reason(scanned).empty();
  Call call(admission_.request_id, *admission_.front, std::move(scanned));
  call.set_passed_hubs(std::move(hops));
  call.set_client_headers(request.headers);
  call.set_local_only(local_only);
  return call;
}

// Who demands that nothing but the device may answer, or "".
std::string Conductor::local_only_reason(const dialects::ScannedRequest& scanned) const {
  if (settings_->local_only) return "this hub runs with --local-only";
  if (admission_.caller && admission_.caller->policy.local_only)
    return fmt::format("the key {} is local-only", admission_.caller->id);
  if (scanned.local_only) return "the request says provider.local_only";
  return {};
}

base::Result<std::vector<catalog::Candidate>> Conductor::choose_candidates(const Call& call) {
  const ResolveView view(*settings_, hub_);
  SLUICE_TRY(auto resolution, catalog::resolve_model(call.scanned().model, view.input()));
  model_ = resolution.model;
  auto& candidates = resolution.candidates;
  // Whoever sends a wish counts on it: refused, never dropped.
  if (const std::string& wish = call.scanned().routing_wish;
      !wish.empty() && !std::ranges::all_of(candidates, takes_routing_wishes))
    return fail({.code = ErrorCode::invalid_argument,
                 .message = fmt::format("'{}' is not honoured here: pin a provider (model:provider), or list "
                                        "the routes of the model in the configuration",
                                        wish),
                 .parameter = wish});
  if (resolution.pin != catalog::Resolution::Pin::none && candidates.size() > 1) candidates.resize(1);
  if (call.local_only()) {
    std::string others;
    for (const auto& candidate : candidates)
      if (!candidate.is_device())
        others += fmt::format("{}{}", others.empty() ? "" : ", ", candidate.provider_id());
    std::erase_if(candidates, [](const auto& candidate) { return !candidate.is_device(); });
    if (candidates.empty())
      return fail(ErrorCode::forbidden, "'{}' would be answered by {}, but only this machine may: {}",
                  call.scanned().model, others, local_only_reason(call.scanned()));
  }
  if (candidates.size() > kMaxAttempts) candidates.resize(kMaxAttempts);
  return std::move(candidates);
}

net::Task<std::optional<Conductor::Begun>> Conductor::attempt_all(
    Call& call, std::vector<catalog::Candidate> candidates) {
  for (auto& candidate : candidates) {
    provider_ = candidate.provider_id();
    route_id_ = candidate.route_id();
    call.try_candidate(std::move(candidate));
    ++attempts_;
    auto begun = co_await attempt(call);
    if (begun) co_return std::move(*begun);
    Failure& failure = begun.error();
    if (exchange_.cancel().fired()) co_return std::nullopt;
    hub_.metrics->count_upstream_error(provider_, kind_of(failure));
    const bool next = may_try_next(failure) && net::Clock::now() < deadline_;
    base::LogLine(base::LogLevel::debug, "attempt failed")
        .text("request_id", admission_.request_id)
        .text("route_id", route_id_)
        .text("error", failure.error.message)
        .write();
    failed_.push_back({.provider = provider_, .failure = std::move(failure)});
    if (!next) break;
  }
  co_return std::nullopt;
}

// Until there is something to show for a stream; to the end for a whole answer: until then the client has
// seen nothing, and the next candidate may be tried.
net::Task<Outcome<Conductor::Begun>> Conductor::attempt(const Call& call) {
  Upstream* upstream = &http_;
  if (call.candidate().is_device()) upstream = hub_.device;
  if (needs_estimate(call)) upstream = &estimator_;
  if (upstream == nullptr) co_return fail(ErrorCode::unavailable, "this hub runs without a device");
  auto opened = co_await upstream->open(call, deadline_, exchange_.cancel());
  if (!opened) co_return std::unexpected(std::move(opened).error());
  Begun begun{.opened = std::move(*opened), .pieces = {}, .whole = false};
  upstream_request_id_ =
      std::string(begun.opened.headers.find("x-request-id").value_or("").substr(0, kMaxUpstreamIdBytes));
  std::size_t bytes = 0;
  for (;;) {
    auto piece = co_await begun.opened.source->next();
    if (!piece) co_return std::unexpected(std::move(piece).error());
    if (!*piece) {
      begun.whole = true;
      break;
    }
    if (const auto* failed = failed_in(**piece)) co_return Outcome<Begun>(std::unexpect, failed->error);
    note_first_piece();
    bytes += bytes_of(**piece);
    if (bytes > kMaxReplyBytes && !call.stream())
      co_return fail(ErrorCode::upstream_failed, "the answer has more than {} bytes", kMaxReplyBytes);
    const bool shown = shows_something(**piece);
    begun.pieces.push_back(std::move(**piece));
    if (shown && call.stream()) break;
  }
  if (begun.whole && !std::ranges::any_of(begun.pieces, shows_something))
    co_return fail(ErrorCode::upstream_failed, "the answer was empty");
  co_return begun;
}

net::Task<void> Conductor::answer_whole(const Call& call, Begun begun) {
  for (const Piece& piece : begun.pieces)
    if (const auto* relay = std::get_if<Relay>(&piece)) learn(relay->facts);
  http::Body body;
  if (std::holds_alternative<Relay>(begun.pieces.front())) {
    for (Piece& piece : begun.pieces)
      if (auto* relay = std::get_if<Relay>(&piece))
        for (http::Slice& slice : relay->bytes) http::append(body, std::move(slice));
  } else {
    auto text = encode_reply(call, begun.pieces);
    if (!text) co_return co_await refuse(text.error());
    body = http::body_of(std::move(*text));
    for (const Piece& piece : begun.pieces)
      if (const auto* events = std::get_if<Events>(&piece)) learn(events->events);
  }
  http::Headers headers = answer_headers(&begun);
  headers.set("content-type", admission_.front->downstream->reply_type);
  status_ = 200;
  if (co_await exchange_.respond(200, std::move(headers), std::move(body))) outcome_ = "whole";
}

net::Task<void> Conductor::answer_stream(const Call& call, Begun begun) {
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
  if (co_await writer.begin(std::move(head)))
    failure = co_await relay(call, std::move(begun), writer, encoder);
  co_await writer.close();
  if (exchange_.cancel().fired()) co_return;
  if (!failure) {
    if (co_await exchange_.finish()) outcome_ = "whole";
    co_return;
  }
  // The client has seen a part of the answer. It must learn that no more comes, and that is not all.
  outcome_ = "cut";
  hub_.metrics->count_upstream_error(provider_, "cut");
  std::vector<FailedAttempt> cut;
  cut.push_back({.provider = provider_, .failure = std::move(*failure)});
  base::Error error = error_for_client(cut);
  error_name_ = base::name_of(error.code);
  error.message = fmt::format("the answer was cut: {}", error.message);
  http::Body event = http::body_of(encoder ? encoder->encode_error(error)
                                           : admission_.front->downstream->encode_stream_error(error));
  static_cast<void>(co_await exchange_.write(std::move(event)));  // the connection ends either way
  exchange_.abort();
}

// Passes pieces on until the answer is whole (nullopt) or cut. A client that left shows in the Cancel.
net::Task<std::optional<Failure>> Conductor::relay(const Call& call, Begun begun, StreamWriter& writer,
                                                   std::unique_ptr<dialects::StreamEncoder>& encoder) {
  std::size_t held = 0;
  for (;;) {
    std::optional<Piece> piece;
    if (held < begun.pieces.size()) {
      piece = std::move(begun.pieces[held++]);
    } else if (!begun.whole) {
      auto next = co_await begun.opened.source->next();
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
  }
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

void Conductor::learn(const std::vector<tasks::Event>& events) {
  for (const auto& event : events) {
    if (const auto* report = std::get_if<tasks::UsageReport>(&event)) {
      // A count is no consumption.
      if (admission_.kind != tasks::Kind::count_tokens) usage_ = report->usage;
    } else if (const auto* started = std::get_if<tasks::Started>(&event); started && !started->id.empty()) {
      served_id_ = started->id;
      if (answer_id_.empty()) answer_id_ = started->id;  // relayed: the client sees the provider's
    } else if (const auto* finished = std::get_if<tasks::Finished>(&event); finished && !has_finished_) {
      finished_ = *finished;
      has_finished_ = true;
    }
  }
}

void Conductor::note_first_piece() {
  if (!first_token_s_) first_token_s_ = seconds_since(admission_.began);
}

}  // namespace sluice::hub::gateway
