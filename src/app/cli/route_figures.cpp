#include "app/cli/route_figures.h"

#include <simdjson.h>

#include "app/server/model_list.h"
#include "net/client.h"

namespace sluice::app::cli {
namespace {

using base::ErrorCode;
using base::Result;
using hub::health::Figures;
using hub::health::Spread;
using simdjson::dom::element;

constexpr std::size_t kAnswerBytesMax = 32 << 20;  // of all routes that a server remembers
constexpr net::Deadlines kPatience{.connect = std::chrono::milliseconds(1000),
                                   .first_byte = std::chrono::milliseconds(3000),
                                   .idle = std::chrono::milliseconds(3000),
                                   .total = std::chrono::milliseconds(5000)};

std::optional<double> number_in(const element& from, std::string_view name) {
  double value = 0;
  if (from[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

void take(const element& from, std::string_view name, double& into) {
  if (const auto value = number_in(from, name)) into = *value;
}

Spread spread_in(const element& row, std::string_view name) {
  Spread spread;
  element from;
  if (row[name].get(from) != simdjson::SUCCESS || !from.is_object()) return spread;
  take(from, "weight", spread.weight);
  take(from, "mean", spread.mean);
  take(from, "p50", spread.p50);
  take(from, "p75", spread.p75);
  take(from, "p90", spread.p90);
  take(from, "p95", spread.p95);
  take(from, "p97", spread.p97);
  take(from, "p99", spread.p99);
  take(from, "log_mean", spread.log_mean);
  take(from, "log_deviation", spread.log_deviation);
  return spread;
}

std::optional<hub::health::TimePoint> moment_in(const element& row, std::string_view name,
                                                hub::health::TimePoint now) {
  constexpr double kFar = 1e6;  // seconds; nobody waits longer
  const auto seconds = number_in(row, name);
  if (!seconds) return std::nullopt;
  return now + std::chrono::milliseconds(std::llround(std::clamp(*seconds, -kFar, kFar) * 1e3));
}

Figures figures_in(const element& row, hub::health::TimePoint now) {
  Figures out;
  out.first_token_s = spread_in(row, "first_token_s");
  out.answer_s = spread_in(row, "answer_s");
  out.gap_s = spread_in(row, "gap_s");
  out.tokens_per_s = spread_in(row, "tokens_per_s");
  out.output_tokens = spread_in(row, "output_tokens");
  take(row, "attempts_recent", out.attempts);
  take(row, "failure_chance", out.failure_chance);
  take(row, "cache_hit_chance", out.cache_hit_chance);
  take(row, "admitted_share", out.admitted_share);
  out.in_flight = static_cast<std::uint32_t>(std::clamp(number_in(row, "in_flight").value_or(0), 0.0, 1e9));
  out.requests_left = number_in(row, "requests_left");
  out.tokens_left = number_in(row, "tokens_left");
  out.limits_reset_at = moment_in(row, "limits_reset_in_s", now);
  out.retry_at = moment_in(row, "retry_in_s", now);
  std::string_view circuit;
  if (row["circuit"].get(circuit) == simdjson::SUCCESS)
    for (const auto one : {hub::health::Circuit::open, hub::health::Circuit::half_open})
      if (circuit == name_of(one)) out.circuit = one;
  return out;
}

net::Task<Result<std::string>> get(net::Loop& loop, const std::string& address, const std::string& key,
                                   const server::Snapshot& snapshot) {
  // The server of this machine is never asked through a proxy.
  net::ClientOptions options = server::unpooled_client_options(snapshot);
  options.proxy = {};
  net::Client client(loop, std::move(options));
  net::Cancel cancel;
  net::ClientRequest request;
  SLUICE_CO_TRY(request.url, http::parse_url(address + "/admin/routes"));
  request.headers.set("accept", "application/json");
  if (!key.empty()) request.headers.set("authorization", "Bearer " + key);
  SLUICE_CO_TRY(net::ClientResponse response, co_await client.send(std::move(request), kPatience, cancel));
  if (response.status() == 401)
    co_return base::fail(ErrorCode::unauthenticated, "it asks for a key: give one in SLUICE_API_KEY");
  if (response.status() != 200)
    co_return base::fail(ErrorCode::upstream_failed, "it answers with status {}", response.status());
  SLUICE_CO_TRY(const http::Body body, co_await response.read_all(kAnswerBytesMax));
  co_return http::to_string(body);
}

}  // namespace

Result<RouteFigures> RouteFigures::parse(std::string_view json, hub::health::TimePoint now) {
  simdjson::dom::parser parser;
  element root;
  simdjson::dom::array rows;
  if (parser.parse(simdjson::padded_string(json)).get(root) != simdjson::SUCCESS ||
      root["data"].get(rows) != simdjson::SUCCESS)
    return base::fail(ErrorCode::upstream_failed, "its /admin/routes is not what a sluice answers");
  RouteFigures out;
  for (const element row : rows) {
    std::string_view route, model;
    if (row["route"].get(route) != simdjson::SUCCESS) continue;
    Figures figures = figures_in(row, now);
    if (row["model"].get(model) == simdjson::SUCCESS && figures.output_tokens.weight > 0)
      out.answers_by_model_.insert_or_assign(std::string(model), figures.output_tokens);
    out.by_route_.insert_or_assign(std::string(route), std::move(figures));
  }
  return out;
}

Figures RouteFigures::find(const hub::health::Key& key) const {
  if (const auto known = by_route_.find(key.route_id); known != by_route_.end()) return known->second;
  static const hub::health::Health nothing_learned;
  Figures figures = nothing_learned.figures(key, {});
  if (const auto answers = answers_by_model_.find(key.model); answers != answers_by_model_.end())
    figures.output_tokens = answers->second;
  return figures;
}

std::string server_address_of(const server::Config& config) {
  if (config.host.empty() || config.port == 0) return {};
  std::string host = config.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  const bool six = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", config.tls.cert.empty() ? "http" : "https",
                     six ? fmt::format("[{}]", host) : host, config.port);
}

Result<RouteFigures> fetch_route_figures(const std::string& address, const std::string& key,
                                         const server::Snapshot& snapshot) {
  Result<std::string> body = base::fail(ErrorCode::internal, "nothing came back");
  server::run_on_loop(
      [&](net::Loop& loop) -> net::Task<void> { body = co_await get(loop, address, key, snapshot); });
  if (!body) return std::unexpected(std::move(body).error());
  return RouteFigures::parse(*body, std::chrono::steady_clock::now());
}

}  // namespace sluice::app::cli
