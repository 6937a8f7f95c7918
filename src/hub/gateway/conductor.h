// One request from admission to its answer: the steps of Gateway::serve, with what they share. Lives in the
// coroutine of its exchange.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "hub/gateway/attempt.h"
#include "hub/gateway/choose_routes.h"
#include "hub/gateway/failure.h"
#include "hub/gateway/gateway.h"
#include "hub/gateway/race.h"
#include "hub/gateway/stream_writer.h"
#include "hub/telemetry/access_log.h"

namespace sluice::hub::gateway {

class Conductor final : private RaceListener {
 public:
  Conductor(const std::shared_ptr<net::Client>& client, credentials::Memory& memory, Heartbeat& heartbeat,
            const Hub& hub, SettingsPtr settings, net::Exchange& exchange, Admission admission);
  ~Conductor() override;  // writes the access-log line
  Conductor(const Conductor&) = delete;
  Conductor& operator=(const Conductor&) = delete;

  net::Task<void> run();

 private:
  base::Result<Call> read_request();
  base::Status choose(Call& call);
  AttemptPlan make_plan(const Call& call) const;

  std::optional<Failure> admit(const routing::Ranked& ranked, Attempt& attempt) override;
  void lose(const routing::Ranked& ranked, Attempt& attempt, health::Verdict verdict,
            const Failure* failure) override;
  // What became of an attempt: to health, to the records, to the money set aside for it.
  void account(const routing::Ranked& ranked, Attempt& attempt, health::Verdict verdict,
               const Failure* failure, bool wins);
  base::NanoUsd cost_for_cap(const routing::Ranked& ranked, bool billed, bool wins) const;
  void keep_record(const routing::Ranked& ranked, const Attempt& attempt, base::NanoUsd charged,
                   health::Verdict verdict, const Failure* failure, bool wins);
  std::string_view outcome_of(health::Verdict verdict, const Failure* failure, bool wins) const;
  void note_route(const routing::Option& option);
  net::Task<void> refuse_all(const Race& race);

  // They say how the attempt that gave the answer ended.
  net::Task<std::optional<Failure>> answer_whole(const Call& call, Begun begun);
  net::Task<std::optional<Failure>> answer_stream(const Call& call, Begun begun, Attempt& attempt);
  // `encoder` is made for the first piece that is not relayed.
  net::Task<std::optional<Failure>> relay(const Call& call, Begun begun, Attempt& attempt,
                                          StreamWriter& writer,
                                          std::unique_ptr<dialects::StreamEncoder>& encoder);
  net::Task<void> refuse(const base::Error& error, std::optional<std::chrono::milliseconds> retry_after = {});

  base::Result<std::string> encode_reply(const Call& call, std::vector<Piece>& pieces);
  dialects::ReplyContext reply_context(const Call& call);
  http::Headers answer_headers(const Begun* begun) const;
  void take_usage(const tasks::Usage& usage);
  bool explains() const;
  // Of so many candidates and excluded ones at most.
  std::string explanation(std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  std::string short_explanation() const;
  http::Body explaining_event() const;
  void tell_cost(std::vector<tasks::Event>& events) const;
  void learn(const std::vector<tasks::Event>& events);
  void keep_generation();

  // Set once.
  const Hub& hub_;
  const SettingsPtr settings_;
  net::Exchange& exchange_;
  const Admission admission_;
  Heartbeat& heartbeat_;
  const Ground ground_;
  net::TimePoint deadline_;
  // Who may answer, and in which order.
  std::string model_text_;  // as the client wrote it
  Choice choice_;
  // What became of it, for the headers and the log.
  std::string model_;  // resolved
  std::string provider_;
  std::string route_id_;
  std::string upstream_request_id_;
  std::string_view reason_;  // why its attempt was made
  std::optional<base::NanoUsd> expected_cost_, cost_;
  catalog::OfferPtr served_offer_;
  bool substituted_ = false;
  bool retry_is_useless_ = false;
  std::uint32_t attempts_ = 0;
  std::uint64_t bytes_in_ = 0;
  bool stream_ = false;
  int status_ = 0;
  std::string_view outcome_ = "client_left";
  std::string_view error_name_;
  std::optional<double> first_token_s_;
  std::optional<tasks::Usage> usage_;
  std::string answer_id_;  // as the client sees it
  std::string served_id_;  // as the provider called it
  tasks::Finished finished_;
  bool has_finished_ = false;
};

}  // namespace sluice::hub::gateway
