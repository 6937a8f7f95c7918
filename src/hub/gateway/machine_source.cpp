#include "hub/gateway/machine_source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"
#include "hub/health/limit_headers.h"
#include "net/alarms.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using std::chrono::milliseconds;

// Retry-After as a date. Dialects read the other forms, but have no clock.
std::optional<milliseconds> read_retry_date(const http::Headers& headers) {
  const auto date = health::parse_date(base::trim(headers.find("retry-after").value_or("")));
  if (!date) return std::nullopt;
  const double now =
      static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  const double seconds = *date - now;
  if (seconds < 0 || seconds > health::kRetryAfterMostS) return std::nullopt;
  return milliseconds(static_cast<milliseconds::rep>(seconds * 1000));
}

// Tells a provider that nobody waits any more. Whether it hears is its own business: nothing depends on it.
net::Task<void> send_cancel(std::shared_ptr<net::Client> client, net::ClientRequest request,
                            std::string provider) {
  net::Cancel never;
  const net::Deadlines deadlines{
      .connect = kCancelTime, .first_byte = kCancelTime, .idle = kCancelTime, .total = kCancelTime};
  base::Status status;
  if (auto response = co_await client->send(std::move(request), deadlines, never)) {
    if (auto body = co_await response->read_all(kCancelAnswerBytesMax); !body)
      status = std::unexpected(std::move(body).error());
  } else {
    status = std::unexpected(std::move(response).error());
  }
  if (!status)
    base::LogLine(base::LogLevel::debug, "cancel request failed")
        .text("provider", provider)
        .text("error", status.error().message)
        .write();
}

}  // namespace

milliseconds left_until(net::TimePoint deadline) {
  if (deadline == net::kNever) return milliseconds(0);
  const auto rest = std::chrono::ceil<milliseconds>(deadline - net::Clock::now());
  return std::max(rest, milliseconds(1));
}

Failure name_provider(const std::string& provider, base::Error error) {
  if (error.code != ErrorCode::cancelled)
    error.message = fmt::format("provider {}: {}", provider, error.message);
  error.provider = provider;
  return Failure(std::move(error));
}

MachineSource::MachineSource(std::unique_ptr<dialects::UpstreamMachine> machine, MachineSetup setup,
                             net::Cancel& cancel)
    : machine_(std::move(machine)), setup_(std::move(setup)), cancel_(cancel) {}

MachineSource::~MachineSource() {
  net::Loop* loop = net::Loop::current();
  if (!sent_ || done_ || machine_failed_ || loop == nullptr) return;
  auto wanted = machine_->cancel();
  if (!wanted) return;
  if (auto request = prepare(std::move(*wanted)))
    loop->spawn(send_cancel(setup_.client, std::move(*request), setup_.provider));
}

Failure MachineSource::failure_of(dialects::Fail fail_step) const {
  Failure failure(std::move(fail_step.error));
  failure.status = fail_step.status;
  failure.retry_after = fail_step.retry_after;
  if (!failure.retry_after) failure.retry_after = read_retry_date(headers_);
  failure.blames_request = fail_step.blames_request;
  return failure;
}

void MachineSource::take(Round& round, dialects::Emit emit) {
  for (http::Slice& slice : emit.bytes) http::append(round.bytes, std::move(slice));
  std::ranges::move(emit.events, std::back_inserter(round.events));
}

// Asks until the machine wants input (or has ended), so that all events of one read leave in one piece.
MachineSource::Round MachineSource::ask_machine() {
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
      machine_failed_ = true;
    } else {
      done_ = true;
    }
  }
  return round;
}

Piece MachineSource::piece_of(Round&& round) const {
  if (setup_.passes_through) return Relay{.bytes = std::move(round.bytes), .facts = std::move(round.events)};
  return Events{.events = std::move(round.events)};
}

net::Task<Outcome<std::optional<Piece>>> MachineSource::next() {
  if (first_) {
    Piece piece = std::move(*first_);
    first_.reset();
    co_return piece;
  }
  co_return co_await drive();
}

net::Task<Outcome<std::optional<Piece>>> MachineSource::drive() {
  for (;;) {
    if (pause_) {
      const milliseconds duration = *std::exchange(pause_, std::nullopt);
      if (auto failed = co_await wait(duration)) co_return std::unexpected(std::move(*failed));
    }
    Round round = ask_machine();
    pause_ = round.wait;  // what came before it goes out first
    if (round.send)
      if (auto failed = co_await send(std::move(*round.send))) failure_ = std::move(failed);
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

base::Result<net::ClientRequest> MachineSource::prepare(http::Request asked) const {
  net::ClientRequest request;
  SLUICE_TRY(request.url, http::parse_url(asked.target));
  request.method = std::move(asked.method);
  request.headers = std::move(asked.headers);
  request.body = std::move(asked.body);
  request.local_only = setup_.local_only;
  request.headers.set(kHopHeader, setup_.hops);
  request.headers.set("user-agent", "sluice");
  SLUICE_TRY_VOID(setup_.credential.apply(request.headers, setup_.token));
  return request;
}

net::Task<std::optional<Failure>> MachineSource::send(dialects::Send send) {
  auto request = prepare(std::move(send.request));
  if (!request) co_return name_provider(setup_.provider, std::move(request).error());
  const net::Deadlines deadlines{.connect = setup_.limits.connect,
                                 .first_byte = setup_.limits.first_byte,
                                 .idle = setup_.limits.gap,
                                 .total = left()};
  response_.reset();
  ended_ = false;
  sent_ = true;
  auto response = co_await setup_.client->send(std::move(*request), deadlines, cancel_);
  if (!response) co_return name_provider(setup_.provider, std::move(response).error());
  response_.emplace(std::move(*response));
  headers_ = response_->head().headers;
  if (setup_.listener != nullptr) setup_.listener->hear(response_->head());
  machine_->feed_head(response_->head());
  co_return std::nullopt;
}

// No machine may keep a loop busy, and none waits longer than the request has.
net::Task<std::optional<Failure>> MachineSource::wait(milliseconds duration) {
  duration = std::max(duration, kPollGapMin);
  if (setup_.deadline != net::kNever) duration = std::min(duration, left());
  const auto slept = co_await net::sleep_for(duration, cancel_);
  if (!slept) co_return name_provider(setup_.provider, slept.error());
  if (net::Clock::now() >= setup_.deadline)
    co_return name_provider(
        setup_.provider,
        {.code = ErrorCode::timed_out, .message = "the answer was not ready within the time of the request"});
  co_return std::nullopt;
}

net::Task<std::optional<Failure>> MachineSource::feed() {
  // The machine wants bytes where none can come: its own mistake, but one that a provider could provoke.
  if (!response_ || ended_)
    co_return name_provider(setup_.provider,
                            {.code = ErrorCode::upstream_failed, .message = "the answer ended too early"});
  auto bytes = co_await response_->read();
  if (!bytes) co_return name_provider(setup_.provider, std::move(bytes).error());
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
net::Task<void> MachineSource::settle() {
  if (!response_ || ended_) co_return;
  net::Alarm late(net::Loop::current()->alarms(), [this] { cancel_.fire(); });
  late.set(net::Clock::now() + kSettle);
  for (;;) {
    const auto bytes = co_await response_->read();
    if (!bytes || !*bytes) break;
  }
  ended_ = true;
}

}  // namespace sluice::hub::gateway
