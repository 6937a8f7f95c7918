#include "app/drill/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_writer.h"

namespace sluice::app::drill {
namespace {

constexpr milliseconds kLate{1000};  // to the first token: worth telling

constexpr std::string_view form_of(bool stream) {
  return stream ? "stream" : "plain";
}

std::string saw(const Row& row) {
  const Got& got = row.got;
  if (got.end == Got::End::whole)
    return row.served_by == kNobody ? "whole, but wrong"
                                    : fmt::format("whole, by route {}", row.served_by + 1);
  if (got.end == Got::End::error) return fmt::format("error {}", got.status);
  if (row.closed_after) return fmt::format("left, closed {} ms", row.closed_after->count());
  return std::string(name_of(got.end));
}

std::string attempts_of(const Row& row) {
  std::string out;
  for (std::size_t i = 0; i < row.play->scenario->route_count; ++i) {
    if (i > 0) out += " + ";
    out += row.play->expect().attempts[i] == kUnseen ? "?" : std::to_string(row.attempts[i]);
  }
  return out;
}

std::string ms_of(const std::optional<milliseconds>& time) {
  return time ? fmt::format("{} ms", time->count()) : "";
}

std::string micro_usd(const Row& row) {
  return fmt::format("{:.1f}", static_cast<double>(row.cost.nanos) / 1e3);
}

std::string expected(const Expect& expect) {
  std::string out;
  switch (expect.outcome) {
    case Outcome::whole:
      out = fmt::format("whole, by route {}", expect.served_by + 1);
      break;
    case Outcome::error:
      out = expect.status == 0 ? "refused" : fmt::format("error {}", expect.status);
      break;
    case Outcome::cut:
      out = "cut, told";
      break;
    case Outcome::left:
      out = "upstream closed";
      break;
  }
  return out;
}

std::string expected_attempts(const Scenario& scenario, const Expect& expect) {
  std::string out;
  for (std::size_t i = 0; i < scenario.route_count; ++i)
    out += (i > 0 ? " + " : "") + (expect.attempts[i] < 0 ? "?" : std::to_string(expect.attempts[i]));
  return out;
}

std::string routes_of(const Scenario& scenario) {
  std::string out;
  for (const Route& route : scenario.used_routes()) {
    std::string_view name = route.fault;
    if (route.place == Place::refused) name = "refused connection";
    if (route.place == Place::unknown_name) name = "unknown name";
    if (route.place == Place::bad_tls) name = "failed handshake";
    if (route.first_token > kLate) name = "late";
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", name == "none" ? "healthy" : name,
                       route.requests == 1 ? " once" : "");
  }
  return out;
}

std::string summary(const Report& report) {
  base::NanoUsd cost;
  for (const Row& row : report.rows) cost = cost + row.cost;
  return fmt::format("{} rows, {} failed, {:.1f} s, ${:.6f} at the upstreams\n", report.rows.size(),
                     report.failed(), static_cast<double>(report.time.count()) / 1e3, cost.usd());
}

constexpr std::size_t kProblemsShown = 3;  // of a row under load

// One line for all requests of a play.
std::string write_load_table(const Report& report) {
  std::string out = fmt::format("{:<24}{:<8}{:>14}{:>14}{:>12}{:>12}{:>14}\n", "row", "form", "as documented",
                                "attempts", "time p50", "longest", "micro-USD");
  for (const Play& play : report.plays) {
    std::size_t good = 0, count = 0;
    std::array<int, kRoutesMax> attempts{};
    std::vector<std::int64_t> times;
    base::NanoUsd cost;
    std::vector<std::string> problems;
    for (const Row& row : report.rows) {
      if (row.play != &play) continue;
      ++count;
      good += row.is_good() ? 1 : 0;
      for (std::size_t i = 0; i < kRoutesMax; ++i) attempts[i] += row.attempts[i];
      times.push_back(row.time.count());
      cost = cost + row.cost;
      for (const std::string& problem : row.problems)
        if (problems.size() < kProblemsShown) problems.push_back(problem);
    }
    std::ranges::sort(times);
    out += fmt::format("{:<24}{:<8}{:>14}{:>14}{:>9} ms{:>9} ms{:>14.1f}{}\n", play.scenario->name,
                       form_of(play.stream), fmt::format("{} of {}", good, count),
                       fmt::format("{} + {}", attempts[0], attempts[1]), times[times.size() / 2],
                       times.back(), static_cast<double>(cost.nanos) / 1e3, good == count ? "" : "  FAILED");
    for (const std::string& problem : problems) out += fmt::format("    {}\n", problem);
  }
  return out + summary(report);
}

// A scenario's cell for one form, over all rows of it.
std::string cell(const Report& report, const Scenario& scenario, bool stream) {
  const Row* shown = nullptr;
  std::size_t rows = 0, good = 0;
  for (const Row& row : report.rows) {
    if (row.play->scenario != &scenario || row.play->stream != stream) continue;
    ++rows;
    good += row.is_good() ? 1 : 0;
    if (shown == nullptr || !row.is_good()) shown = &row;
  }
  if (shown == nullptr) return "";
  if (rows > 1) return fmt::format("{} of {} as documented", good, rows);
  const bool left = shown->got.end == Got::End::left && shown->is_good();
  return fmt::format("{}{} ({})", good == rows ? "" : "**FAILED** ", left ? "upstream closed" : saw(*shown),
                     attempts_of(*shown));
}

}  // namespace

std::string write_table(const Report& report) {
  if (report.rows.size() > report.plays.size()) return write_load_table(report);
  std::string out = fmt::format("{:<24}{:<8}{:<22}{:<10}{:>10}{:>11}{:>11}  \n", "row", "form",
                                "the caller saw", "attempts", "gap", "time", "micro-USD");
  for (const Row& row : report.rows) {
    out += fmt::format("{:<24}{:<8}{:<22}{:<10}{:>10}{:>11}{:>11}  {}\n", row.play->scenario->name,
                       form_of(row.play->stream), saw(row), attempts_of(row), ms_of(row.gap), ms_of(row.time),
                       micro_usd(row), row.is_good() ? "ok" : "FAILED");
    for (const std::string& problem : row.problems) out += fmt::format("    {}\n", problem);
  }
  return out + summary(report);
}

std::string write_json(const Report& report) {
  std::string out;
  for (const Row& row : report.rows) {
    base::JsonWriter json(out);
    const Scenario& scenario = *row.play->scenario;
    json.begin_object().field("row", scenario.name).field("form", form_of(row.play->stream));
    json.field("ok", row.is_good()).field("expected", expected(row.play->expect())).field("saw", saw(row));
    json.field("status", row.got.status).field("text", row.got.text).field("message", row.got.message);
    json.field("provider", row.got.provider).field("calls", row.got.calls);
    json.field("says_no_retry", row.got.says_no_retry).key("attempts").begin_array();
    for (std::size_t i = 0; i < scenario.route_count; ++i) {
      if (row.play->expect().attempts[i] == kUnseen) {
        json.null();
      } else {
        json.number(row.attempts[i]);
      }
    }
    json.end_array();
    if (row.gap) json.field("gap_ms", row.gap->count());
    if (row.closed_after) json.field("closed_after_ms", row.closed_after->count());
    json.field("time_ms", row.time.count()).field("usd", row.cost.usd()).key("problems").begin_array();
    for (const std::string& problem : row.problems) json.string(problem);
    json.end_array().end_object();
    out += '\n';
  }
  return out;
}

std::string write_markdown(const Report& report) {
  std::string out = "| row | whole answer (attempts) | stream (attempts) |\n|---|---|---|\n";
  // Rows that ended alike share a line, at the place of the first.
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Scenario& scenario : all_scenarios()) {
    const std::string plain = cell(report, scenario, false), stream = cell(report, scenario, true);
    if (plain.empty() && stream.empty()) continue;
    const std::string cells = fmt::format("{} | {}", plain, stream);
    const auto same = std::ranges::find(lines, cells, &std::pair<std::string, std::string>::second);
    if (same == lines.end()) {
      lines.emplace_back(fmt::format("`{}`", scenario.name), cells);
    } else {
      same->first += fmt::format(", `{}`", scenario.name);
    }
  }
  for (const auto& [names, cells] : lines) out += fmt::format("| {} | {} |\n", names, cells);
  return out + "\n" + summary(report);
}

std::string write_reference() {
  std::string out =
      "| row | routes | whole answer | stream | attempts | gap | why |\n|---|---|---|---|---|---|---|\n";
  for (const Scenario& scenario : all_scenarios()) {
    const auto outcome = [](const std::optional<Expect>& expect) { return expect ? expected(*expect) : "-"; };
    const auto attempts = [&](const std::optional<Expect>& expect) {
      return expect ? expected_attempts(scenario, *expect) : "";
    };
    std::string counts = attempts(scenario.plain);
    if (const std::string other = attempts(scenario.stream); other != counts)
      counts += (counts.empty() || other.empty() ? "" : " / ") + other;
    const Expect& shown = scenario.plain ? *scenario.plain : *scenario.stream;
    const bool has_gap =
        scenario.route_count > 1 ? shown.attempts[0] != 0 && shown.attempts[1] > 0 : shown.attempts[0] > 1;
    out +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", scenario.name, routes_of(scenario),
                    outcome(scenario.plain), outcome(scenario.stream), counts,
                    has_gap ? fmt::format("{} to {} ms", shown.gap_min.count(), shown.gap_max.count()) : "",
                    scenario.story);
  }
  return out;
}

}  // namespace sluice::app::drill
