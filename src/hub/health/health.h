// What traffic teaches about the routes, kept by route id: sketches with exponential forgetting, limits,
// circuits. It reads no clock: every call says what time it is, and times may only go forward.
//
// One Health serves the whole process and survives reloads. Any thread; one short mutex a route, one a
// provider for what its headers say of the account, one a model; none is held while another is taken. The
// number of routes is bounded: the one not heard of for longest is forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/health/figures.h"
#include "hub/health/limit_book.h"
#include "hub/health/limit_headers.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::health {

// How an attempt ended, as far as it says something about the route.
enum class Verdict : std::uint8_t {
  whole,
  cut,            // broke off after it had begun
  connection,     // refused, reset, no name, no TLS
  silent,         // nothing came in time
  overloaded,     // 5xx, 529
  rate_limited,   // 429
  refused,        // 401, 402, 403: our credential
  unknown_model,  // 404
  rubbish,        // not what the protocol says
  not_its_fault,  // the client left, the request was wrong, a hedge lost
};
constexpr std::size_t kVerdicts = 10;
constexpr std::string_view name_of(Verdict verdict) {
  constexpr std::string_view kNames[] = {"whole",      "cut",          "connection", "silent",
                                         "overloaded", "rate_limited", "refused",    "unknown_model",
                                         "rubbish",    "not_its_fault"};
  static_assert(std::size(kNames) == kVerdicts);
  return kNames[static_cast<std::size_t>(verdict)];
}

// Which route: its id and the provider whose account it shares. Views live for the call.
struct Key {
  std::string_view route_id;
  std::string_view provider;
  std::string_view model;  // as resolved, for the length of answers
};

struct Ended {
  Verdict verdict = Verdict::whole;
  bool streamed = true;
  std::optional<double> first_token_s;
  double total_s = 0;
  std::optional<tasks::Usage> usage;
  std::optional<double> retry_after_s;  // the provider's own word
};

// What begin() gives and the attempt carries: where it stands among those that left, so that a limit told
// with its answer is known not to count those that left after it.
struct Ticket {
  LimitMark route, account;
  bool is_trial = false;    // the one trial of a half-open circuit
  std::uint32_t place = 0;  // among those that wait for a head
  bool showed = false;      // its first token has been told
};

struct Options {
  double half_life_s = 60;           // of what is remembered of latency and failures
  double length_half_life_s = 3600;  // of the length of answers
  // A circuit opens when the recent attempts hold so many failures and at least this share of them.
  double open_failures = 5;
  double open_share = 0.5;
  double open_first_s = 2, open_most_s = 30;  // doubled each time that the trial fails
  double return_s = 10;                       // from the first success to the full share
};

// One route as /admin/routes and /metrics show it.
struct Row {
  std::string route_id, provider, model;
  Figures figures;
  std::uint64_t attempts_total = 0;
  std::array<std::uint64_t, kVerdicts> by_verdict{};  // since the start
  std::uint64_t opened_total = 0;                     // how often its circuit opened
  double idle_s = 0;                                  // since anything was heard of it
  std::vector<LimitRow> limits;                       // what is known of its limits and its account's
};

class Health {
 public:
  explicit Health(Options options = {});
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // Of a route never heard of: the prior.
  Figures figures(const Key& key, TimePoint now) const;

  // An attempt leaves; `tokens` is what it is expected to take of a limit on tokens. Absent: it must not
  // leave and nothing was counted, because the circuit is open or its one trial is under way, or a known
  // limit is used up (figures().retry_at). `insist` lets it leave all the same: the last thing to try.
  std::optional<Ticket> begin(const Key& key, TimePoint now, double tokens = 0, bool insist = false);
  // A stream has begun to show its answer: what that teaches need not wait for the end.
  void note_first_token(const Key& key, Ticket& ticket, TimePoint now);
  // Every begun attempt ends exactly once.
  void end(const Key& key, const Ticket& ticket, const Ended& ended, TimePoint now);
  void note_gap(const Key& key, double gap_s, TimePoint now);
  // The head of an answer has come, whatever its status: it waits no longer, and the fields may tell limits
  // in all their formats. `wall_s`: seconds since 1970, for dates.
  void note_headers(const Key& key, const Ticket& ticket, std::span<const Field> fields, std::int64_t wall_s,
                    TimePoint now);
  // An attempt that ended `age_s` ago, in an earlier life of the process. Limits and circuits begin anew.
  void seed(const Key& key, const Ended& ended, double age_s, TimePoint now);

  // By route id.
  std::vector<Row> rows(TimePoint now) const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::hub::health
