#include "hub/gateway/probes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "hub/gateway/attempt.h"
#include "hub/gateway/bill.h"
#include "hub/gateway/choose_routes.h"
#include "hub/gateway/failure.h"
#include "hub/gateway/limits.h"
#include "hub/gateway/models.h"

namespace sluice::hub::gateway {
namespace {

using Rows = std::map<std::string, health::Row, std::less<>>;

std::int64_t unix_now_ms() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

// The whole of what a probe says.
std::string question_for(std::string_view model) {
  std::string text;
  base::JsonWriter json(text);
  json.begin_object().field("model", model).field("stream", true).field("max_tokens", kProbeTokensMax);
  json.key("messages").begin_array().begin_object();
  json.field("role", "user").field("content", "Reply with the word OK.");
  json.end_object().end_array().end_object();
  return text;
}

}  // namespace

bool is_probe_due(const health::Row* known, std::chrono::milliseconds every, net::TimePoint now) {
  if (known == nullptr) return true;
  if (known->figures.retry_at && *known->figures.retry_at > now) return false;
  if (known->figures.circuit != health::Circuit::closed) return true;
  return known->figures.in_flight == 0 && std::chrono::duration<double>(known->idle_s) >= every;
}

// What the probes under way share with the Prober, and may outlive it by.
struct Prober::Shared {
  Shared(std::shared_ptr<net::Client> with, const Hub& of) : client(std::move(with)), hub(of) {}

  const std::shared_ptr<net::Client> client;
  const Hub& hub;
  credentials::Memory memory;
  net::Cancel stop;
  std::map<std::string, net::TimePoint, std::less<>> asked_at;  // by route id
  std::set<std::string, std::less<>> unknown;                   // models that were complained of
  std::size_t under_way = 0;
};

namespace {

const dialects::Dialect& front() {
  static const dialects::Dialect& openai = *dialects::find_dialect("openai");
  return openai;
}

// Who would answer our question, by the function that chooses for everybody. Owns what it is about.
struct Turn {
  dialects::ScannedRequest scanned;
  Choice choice;
};

base::Result<Turn> turn_of(const std::string& model, const Settings& settings, const Hub& hub,
                           net::TimePoint now) {
  Turn turn;
  SLUICE_TRY(turn.scanned, front().downstream->scan(tasks::Kind::chat, http::Slice::of(question_for(model))));
  turn.choice =
      choose_routes({.settings = settings,
                     .front = front(),
                     .scanned = turn.scanned,
                     .device_models = device_models_of(hub),
                     .figures = [&](const health::Key& key) { return hub.health->figures(key, now); },
                     .now = now,
                     .today_s = unix_now_ms() / 1000});
  if (turn.choice.refusal) return base::fail(*turn.choice.refusal);
  return turn;
}

// A send to a provider, for the model itself.
bool may_be_probed(const Choice& choice, const routing::Option& option) {
  return !choice.local_only && !option.candidate.is_device() && !option.substitutes;
}

// One question on its way.
struct Probe {
  Probe(const Ground& ground, const Turn& turn, const routing::Ranked& ranked, net::Cancel& stop)
      : settings(ground.settings),
        hub(ground.hub),
        option(turn.choice.options[ranked.option]),
        expected(ranked.expected),
        ask(turn.choice.ask),
        request_id(base::make_id("req_")),
        call(request_id, front(), turn.scanned),
        limits(limits_of(ground.settings->times, true)),
        attempt(
            ground,
            {.attempt = 0, .candidate = 0, .reason = StartReason::probe, .insist = false, .limits = limits},
            option.asked_model, stop) {
    attempt.number = 1;
    call.set_pinned(true);
  }

  bool pay();
  void settle(const Failure* failure, health::Verdict verdict);
  void keep_record(const Failure* failure, health::Verdict verdict, std::optional<base::NanoUsd> cost,
                   base::NanoUsd charged);

  const SettingsPtr settings;
  const Hub& hub;
  const routing::Option option;
  const routing::Expected expected;
  const routing::Ask ask;
  const std::string request_id;
  Call call;
  const AttemptLimits limits;
  Attempt attempt;
  std::optional<Reservation> reserved;  // under the probes' own cap
  std::optional<tasks::Usage> usage;
};

// False: there is no money for it today.
bool Probe::pay() {
  if (!is_paid(option.candidate)) return true;
  const std::int64_t now_s = unix_now_ms() / 1000;
  const base::NanoUsd worst = worst_for_cap(option, expected, ask);
  auto own = hub.probe_spend->reserve(worst, now_s);
  if (!own) return false;
  reserved.emplace(std::move(*own));
  if (hub.spend == nullptr) return true;
  auto of_all = hub.spend->reserve(worst, now_s);
  if (of_all) attempt.reserved.emplace(std::move(*of_all));
  if (!of_all) reserved->settle({});
  return of_all.has_value();
}

void Probe::settle(const Failure* failure, health::Verdict verdict) {
  AttemptEnd end{.verdict = verdict, .usage = usage};
  if (failure != nullptr) end.retry_after = failure->retry_after;
  attempt.end(end);
  std::optional<base::NanoUsd> cost;
  if (usage)
    cost = cost_of(option.candidate.offer, *usage);
  else if (!may_be_billed(verdict))
    cost = base::NanoUsd{};
  base::NanoUsd charged;
  if (reserved) {
    charged = cost ? *cost : usage ? assumed_cost(*usage) : reserved->amount();
    reserved->settle(charged);
  }
  if (attempt.reserved) attempt.reserved->settle(charged);
  hub.metrics->count_probe(attempt.provider(), failure == nullptr ? "whole" : "failed");
  keep_record(failure, verdict, cost, charged);
}

void Probe::keep_record(const Failure* failure, health::Verdict verdict, std::optional<base::NanoUsd> cost,
                        base::NanoUsd charged) {
  if (hub.records == nullptr) return;
  telemetry::AttemptRecord record;
  record.time_ms = unix_now_ms() - static_cast<std::int64_t>(attempt.seconds() * 1e3);
  record.generation_id = record.request_id = request_id;
  record.key_id = telemetry::kProbeKeyId;
  record.model_asked = record.model = option.asked_model;
  record.route_id = attempt.route_id();
  record.provider = attempt.provider();
  record.reason = name_of(StartReason::probe);
  record.outcome = failure == nullptr ? "whole" : "failed";
  if (failure != nullptr) record.error = kind_of(*failure);
  record.verdict = health::name_of(verdict);
  record.status = attempt.status();
  record.streamed = true;
  record.has_usage = usage.has_value();
  if (usage) {
    record.usage = *usage;
    record.cost_reported = usage->reported_cost.has_value();
  }
  record.first_token_s = attempt.first_token_s();
  record.total_s = attempt.seconds();
  record.cost_expected = expected.cost;
  record.cost = cost;
  record.charged = charged;
  hub.records->add(std::move(record));
}

void note_usage(const Piece& piece, std::optional<tasks::Usage>& usage) {
  const auto* relay = std::get_if<Relay>(&piece);
  for (const auto& event : relay != nullptr ? relay->facts : std::get<Events>(piece).events)
    if (const auto* report = std::get_if<tasks::UsageReport>(&event)) usage = report->usage;
}

// The answer to its end, of which only the usage is kept.
net::Task<std::optional<Failure>> listen(Probe& probe) {
  const auto deadline = net::Clock::now() + kProbeTime;
  probe.call.try_candidate(probe.option.candidate, probe.limits, &probe.attempt);
  auto begun = co_await probe.attempt.begin(probe.call, deadline);
  if (!begun) co_return std::move(begun).error();
  for (const Piece& piece : begun->pieces) note_usage(piece, probe.usage);
  while (!begun->whole) {
    const auto piece = co_await probe.attempt.next(*begun->opened.source);
    if (!piece) co_return piece.error();
    if (!*piece) break;
    note_usage(**piece, probe.usage);
  }
  co_return std::nullopt;
}

template <typename Shared>
net::Task<void> run_probe(std::shared_ptr<Shared> shared, std::unique_ptr<Probe> probe) {
  const auto failure = co_await listen(*probe);
  auto verdict = health::Verdict::whole;
  if (shared->stop.fired())
    verdict = health::Verdict::not_its_fault;
  else if (failure)
    verdict = verdict_of(*failure, probe->attempt.status() != 0);
  probe->settle(failure ? &*failure : nullptr, verdict);
  --shared->under_way;
}

}  // namespace

Prober::Prober(std::shared_ptr<net::Client> client, const Hub& hub)
    : shared_(std::make_shared<Shared>(std::move(client), hub)) {}

Prober::~Prober() {
  shared_->stop.fire();
}

void Prober::poll(const SettingsPtr& settings, net::TimePoint now) {
  const Hub& hub = shared_->hub;
  const Probes& probes = settings->probes;
  if (probes.models.empty() || settings->local_only || hub.health == nullptr || hub.probe_spend == nullptr)
    return;
  std::erase_if(shared_->asked_at, [&](const auto& one) { return now - one.second >= probes.every; });
  Rows rows;
  for (auto& row : hub.health->rows(now)) rows.emplace(row.route_id, std::move(row));
  for (const std::string& model : probes.models) {
    const auto turn = turn_of(model, *settings, hub, now);
    if (!turn) {
      if (shared_->unknown.insert(model).second)
        base::LogLine(base::LogLevel::warning, "a model of probes.models cannot be probed")
            .text("model", model)
            .text("reason", turn.error().message)
            .write();
      continue;
    }
    for (const auto& ranked : turn->choice.decision.ranked) {
      if (shared_->under_way >= kProbesUnderWayMax) return;
      const routing::Option& option = turn->choice.options[ranked.option];
      if (!may_be_probed(turn->choice, option)) continue;
      const auto& candidate = option.candidate;
      const std::string route_id = candidate.route_id();
      const auto known = rows.find(route_id);
      if (shared_->asked_at.contains(route_id) ||
          !is_probe_due(known == rows.end() ? nullptr : &known->second, probes.every, now))
        continue;
      const Ground ground{
          .hub = hub, .client = shared_->client, .memory = shared_->memory, .settings = settings};
      auto probe = std::make_unique<Probe>(ground, *turn, ranked, shared_->stop);
      if (!probe->pay()) continue;
      if (!probe->attempt.leave(candidate, static_cast<double>(turn->choice.ask.input_expected.count))) {
        if (probe->reserved) probe->reserved->settle({});
        continue;
      }
      shared_->asked_at[route_id] = now;
      ++shared_->under_way;
      net::Loop::current()->spawn(run_probe(shared_, std::move(probe)));
    }
  }
}

}  // namespace sluice::hub::gateway
