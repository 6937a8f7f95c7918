// One attempt on its way: opens the upstream, holds the answer back until there is something to show, and
// enforces the limits that the socket does not know: first token and gap, by firing the attempt's own Cancel.
// Health hears of it: its leaving, the heads of its answers, its gaps, its end.
//
// Lives on the loop of its request and may outlive the exchange by the moment that a cancelled socket takes
// to wake its coroutine: everything that it refers to lives as long as the loop, or belongs to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/credentials/memory.h"
#include "hub/gateway/attempts.h"
#include "hub/gateway/http_upstream.h"
#include "hub/gateway/settings.h"
#include "hub/gateway/token_estimate.h"
#include "hub/gateway/upstream.h"
#include "hub/health/health.h"
#include "net/alarms.h"
#include "net/client.h"

namespace sluice::hub::gateway {

// What every attempt of a request needs; borrowed from the loop's Gateway.
struct Ground {
  const Hub& hub;
  const std::shared_ptr<net::Client>& client;
  credentials::Memory& memory;
  SettingsPtr settings;
};

// An attempt that began to answer.
struct Begun {
  Opened opened;
  std::vector<Piece> pieces;  // those before the client may see anything
  bool whole = false;         // they are all of it
};

// How an attempt ended; the rest of what is kept of it is known to itself.
struct AttemptEnd {
  health::Verdict verdict = health::Verdict::whole;
  std::optional<tasks::Usage> usage = {};
  std::optional<std::chrono::milliseconds> retry_after = {};
  double prompt_bytes = 0;  // as health::Ended has it
};

class Attempt final : public HeadListener {
 public:
  Attempt(const Ground& ground, const Start& start, std::string model, net::Cancel& request_cancel);
  ~Attempt() override;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // False: health does not let it leave; then nothing else may be asked of it. `tokens`: what it will take.
  bool leave(const catalog::Candidate& candidate, double tokens);

  // Sends it; returns with something to show, or with why there is nothing. `call` is at this candidate and
  // outlives the answer.
  net::Task<Outcome<Begun>> begin(const Call& call, net::TimePoint deadline);
  // The same by a coroutine of its own, on a copy of `call`; `done` is set when outcome() is there, unless
  // forget_listener() was called before.
  static void spawn(std::shared_ptr<Attempt> self, const Call& call, const catalog::Candidate& candidate,
                    net::TimePoint deadline, net::Event& done);
  std::optional<Outcome<Begun>>& outcome() { return outcome_; }
  void forget_listener() { done_ = nullptr; }

  // The next piece of the answer that begin() gave.
  net::Task<Outcome<std::optional<Piece>>> next(EventSource& source);
  void cancel() { cancel_.fire(); }

  // Once, by whoever knows; the first call counts.
  void end(const AttemptEnd& end);

  void hear(const http::ResponseHead& head) override;

  std::uint32_t number = 0;  // of those that the request sent, from 1
  // Money set aside for it; settled by whoever knows what it cost.
  std::optional<Reservation> reserved;

  const Start& start() const { return start_; }
  const std::string& route_id() const { return route_id_; }
  const std::string& provider() const { return provider_; }
  int status() const { return status_; }  // of the last head that it heard; 0: none
  std::optional<double> first_token_s() const { return first_token_s_; }
  net::TimePoint began() const { return began_; }
  double seconds() const;  // since it left
  // After leave() said no: when it may be asked again, where that is known.
  std::optional<net::TimePoint> may_leave_at() const;

 private:
  health::Key key() const { return {.route_id = route_id_, .provider = provider_, .model = model_}; }
  static net::Task<void> run_aside(std::shared_ptr<Attempt> self, net::TimePoint deadline);
  net::Task<Outcome<Begun>> open_and_hold(const Call& call, net::TimePoint deadline);
  Failure explain(Failure failure) const;
  void note_piece(const Piece& piece);
  void arm(std::chrono::milliseconds limit, const char* doing);

  // Set once.
  const Hub& hub_;
  const SettingsPtr settings_;
  const Start start_;
  const std::string model_;
  HttpUpstream http_;
  EstimatingUpstream estimator_;
  // Its state.
  net::Cancel cancel_;
  net::Alarm alarm_;
  const char* waits_for_ = nullptr;  // what the alarm limits
  bool is_late_ = false;
  std::chrono::milliseconds limit_{0};
  bool is_streamed_ = false;
  std::string route_id_, provider_;
  std::optional<health::Ticket> ticket_;
  net::TimePoint began_ = net::Clock::now();
  net::TimePoint last_piece_;
  std::optional<double> first_token_s_;
  int status_ = 0;
  // Of an attempt that runs aside.
  net::Event* done_ = nullptr;
  std::optional<Call> own_call_;
  std::optional<Outcome<Begun>> outcome_;  // after the Cancel and the Call, which must outlive it
};

}  // namespace sluice::hub::gateway
