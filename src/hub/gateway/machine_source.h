// Drives one upstream machine: carries what it sends, waits when it says so, feeds it the answer, and gives
// up for it when nobody wants the answer any more. One per attempt, on the loop of its request; everything
// given is borrowed and outlives it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/credentials/credentials.h"
#include "hub/dialects/dialect.h"
#include "hub/gateway/settings.h"
#include "hub/gateway/upstream.h"
#include "net/client.h"

namespace sluice::hub::gateway {

struct MachineSetup {
  std::shared_ptr<net::Client> client;  // shared, since a cancel request may outlive all else
  AttemptLimits limits;
  HeadListener* listener = nullptr;
  const std::string& provider;
  const credentials::Credential& credential;
  std::string token;  // minted for it, or empty
  std::string hops;   // the hop header
  bool local_only = false;
  bool passes_through = false;  // the client speaks the provider's dialect: events are facts, not answers
  net::TimePoint deadline = net::kNever;
};

// `error` in the name of the provider.
Failure name_provider(const std::string& provider, base::Error error);
// Zero when there is no deadline, else at least a millisecond.
std::chrono::milliseconds left_until(net::TimePoint deadline);

class MachineSource final : public EventSource {
 public:
  MachineSource(std::unique_ptr<dialects::UpstreamMachine> machine, MachineSetup setup, net::Cancel& cancel);
  // Before the machine ended: what it wants sent on giving up is sent once, best effort, bounded by
  // kCancelTime, by a coroutine of its own.
  ~MachineSource() override;

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
    std::optional<std::chrono::milliseconds> wait;
    bool empty() const { return bytes.empty() && events.empty(); }
  };

  Round ask_machine();
  void take(Round& round, dialects::Emit emit);
  Piece piece_of(Round&& round) const;
  Failure failure_of(dialects::Fail fail_step) const;
  base::Result<net::ClientRequest> prepare(http::Request request) const;
  net::Task<std::optional<Failure>> send(dialects::Send send);
  net::Task<std::optional<Failure>> wait(std::chrono::milliseconds duration);
  net::Task<std::optional<Failure>> feed();
  net::Task<void> settle();
  std::chrono::milliseconds left() const { return left_until(setup_.deadline); }

  // Set once.
  const std::unique_ptr<dialects::UpstreamMachine> machine_;
  const MachineSetup setup_;
  net::Cancel cancel_;  // fires with the request's, or when the end of the framing is too long in coming
  // The answer under way; after cancel_, which must outlive it.
  std::optional<net::ClientResponse> response_;
  http::Headers headers_;
  std::optional<Piece> first_;
  std::optional<std::chrono::milliseconds> pause_;  // before the machine is asked again
  std::optional<Failure> failure_;                  // met after pieces that must go out first
  bool sent_ = false;                               // something left for the provider
  bool ended_ = false;                              // the body has been read to its end
  bool done_ = false;
  bool machine_failed_ = false;  // it ended itself
};

}  // namespace sluice::hub::gateway
