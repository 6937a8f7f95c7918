// One request from admission to its answer: the steps of Gateway::serve, with what they share. Lives in the
// coroutine of its exchange.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/gateway/failure.h"
#include "hub/gateway/gateway.h"
#include "hub/gateway/http_upstream.h"
#include "hub/gateway/stream_writer.h"
#include "hub/gateway/token_estimate.h"
#include "hub/telemetry/access_log.h"

namespace sluice::hub::gateway {

class Conductor {
 public:
  Conductor(std::shared_ptr<net::Client> client, credentials::Memory& memory, Heartbeat& heartbeat,
            const Hub& hub, SettingsPtr settings, net::Exchange& exchange, Admission admission);
  ~Conductor();  // writes the access-log line
  Conductor(const Conductor&) = delete;
  Conductor& operator=(const Conductor&) = delete;

  net::Task<void> run();

 private:
  // An attempt that began to answer.
  struct Begun {
    Opened opened;
    std::vector<Piece> pieces;  // those before the client may see anything
    bool whole = false;         // they are all of it
  };

  base::Result<Call> read_request();
  base::Result<std::vector<catalog::Candidate>> choose_candidates(const Call& call);
  std::string local_only_reason(const dialects::ScannedRequest& scanned) const;

  // Candidates in order until one answers; leaves the failures in failed_.
  net::Task<std::optional<Begun>> attempt_all(Call& call, std::vector<catalog::Candidate> candidates);
  net::Task<Outcome<Begun>> attempt(const Call& call);

  net::Task<void> answer_whole(const Call& call, Begun begun);
  net::Task<void> answer_stream(const Call& call, Begun begun);
  // `encoder` is made for the first piece that is not relayed.
  net::Task<std::optional<Failure>> relay(const Call& call, Begun begun, StreamWriter& writer,
                                          std::unique_ptr<dialects::StreamEncoder>& encoder);
  net::Task<void> refuse(const base::Error& error, std::optional<std::chrono::milliseconds> retry_after = {});

  base::Result<std::string> encode_reply(const Call& call, std::vector<Piece>& pieces);
  dialects::ReplyContext reply_context(const Call& call);
  http::Headers answer_headers(const Begun* begun) const;
  void learn(const std::vector<tasks::Event>& events);
  void keep_generation();
  void note_first_piece();

  // Set once.
  const Hub& hub_;
  const SettingsPtr settings_;
  net::Exchange& exchange_;
  const Admission admission_;
  Heartbeat& heartbeat_;
  HttpUpstream http_;
  EstimatingUpstream estimator_;
  net::TimePoint deadline_;
  // What became of it, for the headers and the log.
  std::string model_;  // resolved
  std::string provider_;
  std::string route_id_;
  std::string upstream_request_id_;
  std::vector<FailedAttempt> failed_;
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
