// What traffic teaches about the routes, kept by route id: sketches with exponential forgetting, limits,
// circuits. It reads no clock: every call says what time it is, and times may only go forward.
//
// One Health serves the whole process and survives reloads. Any thread; one short mutex a route, one a
// provider for what its headers say of the account, never held while another is taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/health/figures.h"
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

// Which route: its id and the provider whose account it shares. Views live for the call.
struct Key {
  std::string_view route_id;
  std::string_view provider;
  std::string_view model;  // as resolved, for the length of answers
};

struct Ended {
  Verdict verdict = Verdict::whole;
  std::optional<double> first_token_s;
  double total_s = 0;
  std::optional<tasks::Usage> usage;
  std::optional<double> retry_after_s;  // the provider's own word
};

// A field of an answer's head that may speak of limits; views.
struct Field {
  std::string_view name, value;
};

struct Options {
  double half_life_s = 60;           // of what is remembered of latency and failures
  double length_half_life_s = 3600;  // of the length of answers
  // A circuit opens when the recent attempts hold so many failures and at least this share of them.
  double open_failures = 5;
  double open_share = 0.5;
  double open_first_s = 5, open_most_s = 120;  // doubled each time that the trial fails
  double return_s = 30;                        // from the first success to the full share
};

class Health {
 public:
  explicit Health(Options options = {});
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  Figures figures(const Key& key, TimePoint now) const;

  // An attempt leaves. False: the circuit is half open and its one trial is under way already.
  bool begin(const Key& key, TimePoint now);
  // Every begun attempt ends exactly once.
  void end(const Key& key, const Ended& ended, TimePoint now);
  void note_gap(const Key& key, double gap_s, TimePoint now);
  // The head of an answer: limits in all their formats. `wall_s`: seconds since 1970, for dates.
  void note_headers(const Key& key, std::span<const Field> fields, std::int64_t wall_s, TimePoint now);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::hub::health
