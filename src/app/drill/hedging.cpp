#include "app/drill/hedging.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "app/drill/caller.h"
#include "app/drill/own_gateway.h"
#include "base/json_writer.h"
#include "hub/simulator/upstreams.h"

namespace sluice::app::drill {
namespace {

using hub::simulator::UpstreamSettings;

constexpr std::array<std::string_view, 2> kUpstreams{"hedge-a", "hedge-b"};
constexpr std::uint64_t kWarmUp = 400;  // for the gateway to learn what is usual
constexpr milliseconds kSettle{1000};   // for losers to be closed
constexpr double kExtraCostMax = 0.05, kRatioMax = 0.5;

UpstreamSettings settings_of(std::string_view name, const HedgingOptions& options) {
  UpstreamSettings settings{.name = std::string(name)};
  settings.first_token = milliseconds(30);
  settings.per_token = milliseconds(2);
  settings.price_input = {100};
  settings.price_output = {400};
  settings.spread = 0.5;
  settings.slow_share = options.slow_share;
  return settings;
}

std::string config_of(std::uint16_t port) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("providers").begin_object();
  for (const std::string_view name : kUpstreams) {
    json.key(name).begin_object().field("api_key", "sk-fake-drill").field("dialect", "openai");
    json.field("base_url", fmt::format("http://127.0.0.1:{}/{}/v1", port, name)).end_object();
  }
  json.end_object().key("models").begin_object().key("hedged").begin_object().key("routes").begin_array();
  for (const std::string_view name : kUpstreams)
    json.begin_object().field("provider", name).field("model", "sim").end_object();
  json.end_array().end_object().end_object().end_object();
  return out;
}

// Sends `count` requests from so many callers at a time and keeps their times.
class Load {
 public:
  Load(net::Loop& loop, http::Url url, std::string key)
      : loop_(loop), url_(std::move(url)), key_(std::move(key)) {}

  HedgingRound run(std::uint64_t count, std::uint64_t callers, std::string body) {
    left_ = count;
    running_ = callers;
    body_ = std::move(body);
    times_.clear();
    failed_ = 0;
    for (std::uint64_t i = 0; i < callers; ++i) loop_.spawn(work());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    std::ranges::sort(times_);
    const auto at = [this](double share) {
      if (times_.empty()) return 0.0;
      return times_[std::min(times_.size() - 1,
                             static_cast<std::size_t>(share * static_cast<double>(times_.size())))];
    };
    HedgingRound round;
    round.requests = count;
    round.failed = failed_;
    round.p50_ms = at(0.5);
    round.p90_ms = at(0.9);
    round.p99_ms = at(0.99);
    round.max_ms = at(1);
    return round;
  }

 private:
  net::Task<void> work() {
    net::Client client(*net::Loop::current(), {});
    while (left_ > 0) {
      --left_;
      Request request;
      request.url = url_;
      request.key = key_;
      request.model = "hedged";
      request.mark = "hedge";
      request.body = body_;
      request.stream = true;
      const Got got = co_await call(client, std::move(request));
      failed_ += got.end == Got::End::whole ? 0 : 1;
      times_.push_back(std::chrono::duration<double, std::milli>(got.ended - got.began).count());
    }
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) changed_.notify_one();
  }

  // Set once.
  net::Loop& loop_;
  const http::Url url_;
  const std::string key_;
  // Of the loop.
  std::string body_;
  std::vector<double> times_;
  std::uint64_t left_ = 0, failed_ = 0;
  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t running_ = 0;
};

void write_round(base::JsonWriter& json, std::string_view name, const HedgingRound& round) {
  json.key(name).begin_object().field("requests", round.requests).field("failed", round.failed);
  json.field("upstream_requests", round.upstream_requests).field("p50_ms", round.p50_ms);
  json.field("p90_ms", round.p90_ms).field("p99_ms", round.p99_ms).field("max_ms", round.max_ms);
  json.field("usd", round.cost.usd()).end_object();
}

}  // namespace

double Hedging::extra_cost() const {
  return static_cast<double>(with.cost.nanos) /
             static_cast<double>(std::max<std::int64_t>(without.cost.nanos, 1)) -
         1;
}

double Hedging::extra_requests() const {
  return static_cast<double>(with.upstream_requests) /
             static_cast<double>(std::max<std::uint64_t>(without.upstream_requests, 1)) -
         1;
}

bool Hedging::holds() const {
  return without.failed + with.failed == 0 && p99_ratio() <= kRatioMax && extra_requests() < kExtraCostMax &&
         extra_cost() < kExtraCostMax;
}

base::Result<Hedging> measure_hedging(const HedgingOptions& options) {
  std::vector<UpstreamSettings> settings;
  for (const std::string_view name : kUpstreams) settings.push_back(settings_of(name, options));
  hub::simulator::Upstreams upstreams(std::move(settings), options.seed);
  net::Loops simulated(1), callers(1);
  net::Server server(simulated, {}, upstreams.handler());
  SLUICE_TRY(const std::uint16_t port, server.listen(net::TcpAddress{}));
  SLUICE_TRY(const auto gateway, OwnGateway::start(config_of(port)));
  SLUICE_TRY(http::Url url, http::parse_url(gateway->url() + "/chat/completions"));
  Load load(callers[0], std::move(url), gateway->key());
  const auto measure = [&](const std::string& body) {
    upstreams.forget();
    HedgingRound round = load.run(options.requests, options.callers, body);
    std::this_thread::sleep_for(kSettle);
    for (const auto& seen : upstreams.seen()) {
      ++round.upstream_requests;
      round.cost = round.cost + seen.cost;
    }
    return round;
  };
  (void)load.run(kWarmUp, options.callers, "");
  Hedging out;
  out.without = measure("");
  out.with = measure(fmt::format(R"(,"hedge":{{"quantile":{}}})", options.quantile));
  return out;
}

std::string write_table(const Hedging& hedging) {
  std::string out =
      "| | answers | p50 | p90 | p99 | longest | upstream requests | cost "
      "|\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
  const auto row = [&](std::string_view name, const HedgingRound& round) {
    out += fmt::format("| {} | {} | {:.0f} ms | {:.0f} ms | {:.0f} ms | {:.0f} ms | {} | ${:.6f} |\n", name,
                       round.requests - round.failed, round.p50_ms, round.p90_ms, round.p99_ms, round.max_ms,
                       round.upstream_requests, round.cost.usd());
  };
  row("no hedge", hedging.without);
  row("hedged", hedging.with);
  return out + fmt::format("p99 times {:.2f}, cost {:+.1f} %, upstream requests {:+.1f} %: {}\n",
                           hedging.p99_ratio(), hedging.extra_cost() * 100, hedging.extra_requests() * 100,
                           hedging.holds() ? "holds" : "does not hold");
}

std::string write_json(const Hedging& hedging) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  write_round(json, "without", hedging.without);
  write_round(json, "with", hedging.with);
  json.field("p99_ratio", hedging.p99_ratio()).field("extra_cost", hedging.extra_cost());
  json.field("extra_requests", hedging.extra_requests()).field("holds", hedging.holds()).end_object();
  return out + "\n";
}

}  // namespace sluice::app::drill
