#include "hub/gateway/attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;
using std::chrono::milliseconds;

double seconds_between(net::TimePoint from, net::TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

std::int64_t wall_seconds() {
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

// Whether a client would see something of the answer in this piece. Started is none: the engine says it
// before it has computed anything; nor is a text without a letter.
bool shows_something(const Piece& piece) {
  if (const auto* relay = std::get_if<Relay>(&piece)) return !relay->bytes.empty();
  return std::ranges::any_of(std::get<Events>(piece).events, [](const tasks::Event& event) {
    const auto* text = std::get_if<tasks::TextDelta>(&event);
    return text != nullptr ? !text->text.empty() : !std::holds_alternative<tasks::Started>(event);
  });
}

}  // namespace

Attempt::Attempt(const Ground& ground, const Start& start, std::string model, net::Cancel& request_cancel)
    : hub_(ground.hub),
      settings_(ground.settings),
      start_(start),
      model_(std::move(model)),
      http_(ground.client, *settings_, ground.memory, ground.hub.instance_id),
      cancel_(request_cancel),
      alarm_(net::Loop::current()->alarms(), [this] {
        is_late_ = true;
        cancel_.fire();
      }) {}

Attempt::~Attempt() {
  end({.verdict = health::Verdict::not_its_fault});
}

bool Attempt::leave(const catalog::Candidate& candidate, double tokens) {
  route_id_ = candidate.route_id();
  provider_ = candidate.provider_id();
  began_ = net::Clock::now();
  if (hub_.health == nullptr) return true;
  ticket_ = hub_.health->begin(key(), began_, tokens, start_.insist);
  if (!ticket_ && reserved) reserved->settle({});  // nothing was sent
  return ticket_.has_value();
}

std::optional<net::TimePoint> Attempt::may_leave_at() const {
  return hub_.health->figures(key(), began_).retry_at;
}

void Attempt::end(const AttemptEnd& end) {
  alarm_.clear();
  if (!ticket_) return;
  health::Ended ended{.verdict = end.verdict,
                      .streamed = is_streamed_,
                      .first_token_s = first_token_s_,
                      .total_s = seconds(),
                      .usage = end.usage,
                      .retry_after_s = {}};
  if (end.retry_after) ended.retry_after_s = std::chrono::duration<double>(*end.retry_after).count();
  hub_.health->end(key(), *ticket_, ended, net::Clock::now());
  ticket_.reset();
}

double Attempt::seconds() const {
  return seconds_between(began_, net::Clock::now());
}

void Attempt::hear(const http::ResponseHead& head) {
  status_ = head.status;
  if (!ticket_) return;
  std::vector<health::Field> fields;
  fields.reserve(head.headers.size());
  for (const auto& field : head.headers) fields.push_back({.name = field.name, .value = field.value});
  hub_.health->note_headers(key(), *ticket_, fields, wall_seconds(), net::Clock::now());
}

void Attempt::arm(milliseconds limit, const char* doing) {
  limit_ = limit;
  waits_for_ = doing;
  alarm_.set(limit.count() > 0 ? last_piece_ + limit : net::kNever);
}

// A Cancel that we fired ourselves for lateness is no cancellation.
Failure Attempt::explain(Failure failure) const {
  if (!is_late_ || failure.error.code != ErrorCode::cancelled) return failure;
  return Failure(base::Error{
      .code = ErrorCode::timed_out,
      .message = fmt::format("provider {}: no {} within {} ms", provider_, waits_for_, limit_.count()),
      .provider = provider_});
}

net::Task<Outcome<Begun>> Attempt::begin(const Call& call, net::TimePoint deadline) {
  is_streamed_ = call.stream();
  last_piece_ = began_;
  arm(start_.limits.first_token, "first token");
  auto begun = co_await open_and_hold(call, deadline);
  alarm_.clear();
  if (!begun) co_return std::unexpected(explain(std::move(begun).error()));
  co_return begun;
}

// Until there is something to show for a stream; to the end for a whole answer: until then the client has
// seen nothing, and another candidate may be tried.
net::Task<Outcome<Begun>> Attempt::open_and_hold(const Call& call, net::TimePoint deadline) {
  Upstream* upstream = &http_;
  if (call.candidate().is_device()) upstream = hub_.device;
  if (needs_estimate(call)) upstream = &estimator_;
  if (upstream == nullptr) co_return fail(ErrorCode::unavailable, "this hub runs without a device");
  auto opened = co_await upstream->open(call, deadline, cancel_);
  if (!opened) co_return std::unexpected(std::move(opened).error());
  Begun begun{.opened = std::move(*opened), .pieces = {}, .whole = false};
  std::size_t bytes = 0;
  for (;;) {
    auto piece = co_await begun.opened.source->next();
    if (!piece) co_return std::unexpected(std::move(piece).error());
    if (!*piece) {
      begun.whole = true;
      break;
    }
    if (const auto* failed = failed_in(**piece)) co_return Outcome<Begun>(std::unexpect, failed->error);
    bytes += bytes_of(**piece);
    if (bytes > kMaxReplyBytes && !call.stream())
      co_return fail(ErrorCode::upstream_failed, "the answer has more than {} bytes", kMaxReplyBytes);
    const bool shown = shows_something(**piece);
    if (shown) note_piece(**piece);
    begun.pieces.push_back(std::move(**piece));
    if (shown && call.stream()) break;
  }
  if (begun.whole && !std::ranges::any_of(begun.pieces, shows_something))
    co_return fail(ErrorCode::upstream_failed, "the answer was empty");
  co_return begun;
}

void Attempt::note_piece(const Piece& piece) {
  const auto now = net::Clock::now();
  if (!first_token_s_) {
    first_token_s_ = seconds_between(began_, now);
    if (is_streamed_ && ticket_) hub_.health->note_first_token(key(), *ticket_, now);
  } else if (is_streamed_ && ticket_ && shows_something(piece)) {
    hub_.health->note_gap(key(), seconds_between(last_piece_, now), now);
  }
  last_piece_ = now;
}

net::Task<Outcome<std::optional<Piece>>> Attempt::next(EventSource& source) {
  // Where the client was slow to take the last piece, that is not the provider's silence.
  last_piece_ = net::Clock::now();
  arm(start_.limits.gap, "piece of the answer");
  auto piece = co_await source.next();
  alarm_.clear();
  if (!piece) co_return std::unexpected(explain(std::move(piece).error()));
  if (*piece) note_piece(**piece);
  co_return piece;
}

void Attempt::spawn(std::shared_ptr<Attempt> self, const Call& call, const catalog::Candidate& candidate,
                    net::TimePoint deadline, net::Event& done) {
  self->done_ = &done;
  self->own_call_.emplace(call);
  self->own_call_->try_candidate(candidate, self->start_.limits, self.get());
  net::Loop::current()->spawn(run_aside(std::move(self), deadline));
}

net::Task<void> Attempt::run_aside(std::shared_ptr<Attempt> self, net::TimePoint deadline) {
  auto outcome = co_await self->begin(*self->own_call_, deadline);
  self->outcome_.emplace(std::move(outcome));
  if (self->done_ != nullptr) self->done_->set();
}

}  // namespace sluice::hub::gateway
