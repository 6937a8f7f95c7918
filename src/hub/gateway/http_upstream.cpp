#include "hub/gateway/http_upstream.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/mint.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;
using std::chrono::milliseconds;

constexpr int kUnauthorized = 401;

milliseconds left_until(net::TimePoint deadline) {
  if (deadline == net::kNever) return milliseconds(0);  // none
  const auto rest = std::chrono::ceil<milliseconds>(deadline - net::Clock::now());
  return std::max(rest, milliseconds(1));
}

Failure name_provider(const std::string& id, base::Error error) {
  if (error.code != ErrorCode::cancelled) error.message = fmt::format("provider {}: {}", id, error.message);
  error.provider = id;
  return Failure(std::move(error));
}

// Drives one dialect machine with the client's connection.
class HttpSource final : public EventSource {
 public:
  HttpSource(std::unique_ptr<dialects::UpstreamMachine> machine, net::Client& client,
             const Settings& settings, const credentials::EnabledProvider& provider,
             const credentials::Credential& credential, std::string token, const Call& call,
             bool passes_through, std::string hops, net::TimePoint deadline, net::Cancel& cancel)
      : machine_(std::move(machine)),
        client_(client),
        settings_(settings),
        provider_(provider),
        credential_(credential),
        token_(std::move(token)),
        call_(call),
        passes_through_(passes_through),
        hops_(std::move(hops)),
        deadline_(deadline),
        cancel_(cancel) {}

  net::Task<Outcome<std::optional<Piece>>> next() override;

  // Asks the machine until it has a piece, is done or has failed.
  net::Task<Outcome<std::optional<Piece>>> drive();
  void hold_first(Piece piece) { first_ = std::move(piece); }
  // Of the last answer: the provider's id for it, retry hints.
  const http::Headers& headers() const { return headers_; }

 private:
  // What one round of questions to the machine gave.
  struct Round {
    http::Body bytes;
    std::vector<tasks::Event> events;
    std::optional<dialects::Send> send;
    std::optional<milliseconds> wait;
    bool empty() const { return bytes.empty() && events.empty(); }
  };

  Round ask_machine();
  void take(Round& round, dialects::Emit emit);
  Piece piece_of(Round&& round) const;
  Failure failure_of(dialects::Fail fail_step) const;
  Failure name_provider(base::Error error) const;
  net::Task<std::optional<Failure>> send(dialects::Send send);
  net::Task<std::optional<Failure>> feed();
  net::Task<void> settle();
  milliseconds left() const { return left_until(deadline_); }

  // Set once.
  const std::unique_ptr<dialects::UpstreamMachine> machine_;
  net::Client& client_;
  const Settings& settings_;
  const credentials::EnabledProvider& provider_;
  const credentials::Credential& credential_;
  const std::string token_;  // minted for it, or empty
  const Call& call_;
  const bool passes_through_;  // the client speaks the provider's dialect: its events are facts, not answers
  const std::string hops_;
  const net::TimePoint deadline_;
  net::Cancel cancel_;  // fires with the request's, or when the end of the framing is too long in coming
  // The answer under way; after cancel_, which must outlive it.
  std::optional<net::ClientResponse> response_;
  http::Headers headers_;
  std::optional<Piece> first_;
  std::optional<Failure> failure_;  // met after pieces that must go out first
  bool ended_ = false;              // the body has been read to its end
  bool done_ = false;
};

Failure HttpSource::name_provider(base::Error error) const {
  return gateway::name_provider(provider_.provider->id, std::move(error));
}

Failure HttpSource::failure_of(dialects::Fail fail_step) const {
  Failure failure(std::move(fail_step.error));
  failure.status = fail_step.status;
  failure.retry_after = fail_step.retry_after;
  failure.blames_request = fail_step.blames_request;
  return failure;
}

void HttpSource::take(Round& round, dialects::Emit emit) {
  for (http::Slice& slice : emit.bytes) http::append(round.bytes, std::move(slice));
  std::ranges::move(emit.events, std::back_inserter(round.events));
}

// Asks until the machine wants input (or has ended), so that all events of one read leave in one piece.
HttpSource::Round HttpSource::ask_machine() {
  Round round;
  while (!done_ && !failure_) {
    auto step = machine_->next();
    if (!step) break;
    if (auto* emit = std::get_if<dialects::Emit>(&*step)) {
      take(round, std::move(*emit));
    } else if (auto* send_step = std::get_if<dialects::Send>(&*step)) {
      round.send = std::move(*send_step);
      break;
    } else if (auto* wait = std::get_if<dialects::Wait>(&*step)) {
      round.wait = wait->duration;
      break;
    } else if (auto* failed = std::get_if<dialects::Fail>(&*step)) {
      failure_ = failure_of(std::move(*failed));
    } else {
      done_ = true;
    }
  }
  return round;
}

Piece HttpSource::piece_of(Round&& round) const {
  if (passes_through_) return Relay{.bytes = std::move(round.bytes), .facts = std::move(round.events)};
  return Events{.events = std::move(round.events)};
}

net::Task<Outcome<std::optional<Piece>>> HttpSource::next() {
  if (first_) {
    Piece piece = std::move(*first_);
    first_.reset();
    co_return piece;
  }
  co_return co_await drive();
}

net::Task<Outcome<std::optional<Piece>>> HttpSource::drive() {
  for (;;) {
    Round round = ask_machine();
    if (round.send) {
      if (auto failed = co_await send(std::move(*round.send))) failure_ = std::move(failed);
    } else if (round.wait) {
      const auto slept = co_await net::sleep_for(std::min(*round.wait, left()), cancel_);
      if (!slept) failure_ = name_provider(slept.error());
    }
    if (!round.empty()) co_return piece_of(std::move(round));
    if (failure_) co_return std::unexpected(*failure_);
    if (done_) {
      co_await settle();
      co_return std::nullopt;
    }
    if (!round.send && !round.wait)
      if (auto failed = co_await feed()) co_return std::unexpected(std::move(*failed));
  }
}

net::Task<std::optional<Failure>> HttpSource::send(dialects::Send send) {
  auto url = http::parse_url(send.request.target);
  if (!url) co_return name_provider(std::move(url).error());
  net::ClientRequest request;
  request.url = std::move(*url);
  request.method = std::move(send.request.method);
  request.headers = std::move(send.request.headers);
  request.body = std::move(send.request.body);
  request.local_only = call_.local_only();
  request.headers.set(kHopHeader, hops_);
  request.headers.set("user-agent", "sluice");
  if (auto applied = credential_.apply(request.headers, token_); !applied)
    co_return name_provider(std::move(applied).error());

  const net::Deadlines deadlines{.connect = settings_.times.connect,
                                 .first_byte = settings_.times.first_byte,
                                 .idle = settings_.times.idle,
                                 .total = left()};
  response_.reset();
  ended_ = false;
  auto response = co_await client_.send(std::move(request), deadlines, cancel_);
  if (!response) co_return name_provider(std::move(response).error());
  response_.emplace(std::move(*response));
  headers_ = response_->head().headers;
  machine_->feed_head(response_->head());
  co_return std::nullopt;
}

net::Task<std::optional<Failure>> HttpSource::feed() {
  // The machine wants bytes where none can come: its own mistake, but one that a provider could provoke.
  if (!response_ || ended_)
    co_return name_provider({.code = ErrorCode::upstream_failed, .message = "the answer ended too early"});
  auto bytes = co_await response_->read();
  if (!bytes) co_return name_provider(std::move(bytes).error());
  if (*bytes) {
    machine_->feed_body(std::move(**bytes));
  } else {
    ended_ = true;
    machine_->feed_end();
  }
  co_return std::nullopt;
}

// The answer is whole, but the connection can be used again only when the end of its framing has been read.
// It lies in the same packet as a rule; a provider that is slow with it loses the connection.
net::Task<void> HttpSource::settle() {
  if (!response_ || ended_) co_return;
  boost::asio::steady_timer timer(net::Loop::current()->context(), kSettle);
  // The callback may be on its way already when the timer is cancelled: then it must not find us gone.
  const auto settling = std::make_shared<net::Cancel*>(&cancel_);
  timer.async_wait([late = std::weak_ptr(settling)](const boost::system::error_code& error) {
    const auto cancel = late.lock();
    if (!error && cancel) (*cancel)->fire();
  });
  for (;;) {
    const auto bytes = co_await response_->read();
    if (!bytes || !*bytes) break;
  }
  timer.cancel();
  ended_ = true;
}

// The request in the hub's own words, for a provider that speaks another dialect than the client.
base::Status decode_for(const Call& call, dialects::UpstreamCall& asked) {
  if (call.kind() == tasks::Kind::completion) {
    SLUICE_TRY(asked.request, call.completion());
  } else if (call.kind() == tasks::Kind::embed) {
    SLUICE_TRY(asked.request, call.embed());
  } else {
    SLUICE_TRY(asked.request, call.chat());
  }
  return {};
}

}  // namespace

net::Task<Outcome<Opened>> HttpUpstream::open(const Call& call, net::TimePoint deadline,
                                              net::Cancel& cancel) {
  const std::string& id = call.candidate().provider->id;
  const auto* enabled = settings_.enabled.find(id);
  if (enabled == nullptr) co_return fail(ErrorCode::unavailable, "provider {} is not switched on", id);
  for (std::size_t tries = 1;; ++tries) {
    const auto now = std::chrono::system_clock::now();
    const credentials::Credential& credential = memory_.choose(*enabled, call.request_id(), now);
    auto opened = co_await open_with(*enabled, credential, call, deadline, cancel);
    const bool is_refused = !opened && opened.error().status == kUnauthorized;
    if (!is_refused || !may_try_again(*enabled, credential, tries)) co_return opened;
  }
}

bool HttpUpstream::may_try_again(const credentials::EnabledProvider& enabled,
                                 const credentials::Credential& refused, std::size_t tries) {
  if (refused.account()) {
    memory_.forget_token(refused);
    return tries == 1;
  }
  if (enabled.credentials.size() == 1) return false;
  const auto now = std::chrono::system_clock::now();
  memory_.set_aside(refused, now);
  return std::ranges::any_of(enabled.credentials, [&](const credentials::Weighted& other) {
    return !memory_.is_set_aside(other.credential, now);
  });
}

net::Task<Outcome<Opened>> HttpUpstream::open_with(const credentials::EnabledProvider& enabled,
                                                   const credentials::Credential& credential,
                                                   const Call& call, net::TimePoint deadline,
                                                   net::Cancel& cancel) {
  const catalog::Provider& provider = *enabled.provider;
  // Where the provider speaks the client's own dialect, the bytes pass through.
  const catalog::Surface* surface = provider.surface_for(call.front().name, call.kind());
  const bool passes_through = surface != nullptr && call.front().upstream;
  if (!passes_through) surface = provider.primary_for(call.kind());
  if (surface == nullptr)
    co_return fail(ErrorCode::not_found, "{} does not offer {}", provider.id, tasks::name_of(call.kind()));
  const dialects::Dialect* dialect = dialects::find_dialect(surface->dialect);
  if (dialect == nullptr || !dialect->upstream)
    co_return fail(ErrorCode::internal, "provider {}: no dialect is named {}", provider.id, surface->dialect);

  dialects::UpstreamCall asked{.provider = &provider,
                               .surface = surface,
                               .kind = call.kind(),
                               .model = call.candidate().model,
                               .request = &call.scanned(),
                               .client_headers = call.client_headers()};
  if (!passes_through) SLUICE_CO_TRY_VOID(decode_for(call, asked));
  SLUICE_CO_TRY(auto begun, dialect->upstream->begin(asked));
  const net::Deadlines minting{.connect = settings_.times.connect,
                               .first_byte = settings_.times.first_byte,
                               .idle = settings_.times.idle,
                               .total = left_until(deadline)};
  auto token = co_await token_for(client_, credential, memory_, minting, call.local_only(), cancel);
  if (!token) co_return std::unexpected(name_provider(provider.id, std::move(token).error()));
  auto source = std::make_unique<HttpSource>(std::move(begun.machine), client_, settings_, enabled,
                                             credential, *std::move(token), call, passes_through,
                                             add_hop(call.passed_hubs(), instance_id_), deadline, cancel);
  auto first = co_await source->drive();
  if (!first) co_return std::unexpected(std::move(first).error());
  Opened opened;
  opened.headers = source->headers();
  opened.dropped = std::move(begun.dropped);
  if (*first) source->hold_first(std::move(**first));
  opened.source = std::move(source);
  co_return opened;
}

}  // namespace sluice::hub::gateway
