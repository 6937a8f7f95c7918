#include "simulation/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/json_writer.h"

namespace sluice::simulation {
namespace {

using Figure = std::function<double(const Result&)>;

const Figure kCost = [](const Result& result) { return result.usd_per_1000(); };
const Figure kP50 = [](const Result& result) { return result.p50_s; };
const Figure kP95 = [](const Result& result) { return result.p95_s; };
const Figure kP99 = [](const Result& result) { return result.p99_s; };
const Figure kSuccess = [](const Result& result) { return result.success(); };
const Figure kOver = [](const Result& result) { return result.over_limit; };

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double most(const std::vector<double>& values) {
  return values.empty() ? 0 : std::ranges::max(values);
}

std::vector<double> figures_of(const Results& results, std::string_view way, const Figure& figure) {
  std::vector<double> figures;
  if (const auto found = results.find(way); found != results.end())
    for (const Result& result : found->second) figures.push_back(figure(result));
  return figures;
}

// Seed by seed: how much more than the other, as a share.
std::vector<double> excess(const Results& results, std::string_view way, std::string_view beside,
                           const Figure& figure) {
  std::vector<double> own = figures_of(results, way, figure);
  const std::vector<double> other = figures_of(results, beside, figure);
  own.resize(std::min(own.size(), other.size()));
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = own[i] / other[i] - 1;
  return own;
}

Bound bound(std::string_view what, const std::vector<double>& values, double limit, const Results& results,
            std::string_view way) {
  Bound bound{.what = what, .median = median(values), .worst = most(values), .most = limit};
  const auto runs = results.find(way);
  if (runs != results.end() && !values.empty())
    bound.worst_seed =
        runs->second[static_cast<std::size_t>(std::ranges::max_element(values) - values.begin())].seed;
  return bound;
}

std::vector<double> lost(const Results& results, std::string_view way, std::string_view beside) {
  std::vector<double> own = figures_of(results, way, kSuccess);
  const std::vector<double> other = figures_of(results, beside, kSuccess);
  for (std::size_t i = 0; i < std::min(own.size(), other.size()); ++i) own[i] = other[i] - own[i];
  return own;
}

void write_way(base::JsonWriter& json, const std::vector<Result>& results) {
  const std::pair<std::string_view, const Figure*> figures[] = {
      {"usd_per_1000", &kCost}, {"p50_s", &kP50},       {"p95_s", &kP95},
      {"p99_s", &kP99},         {"success", &kSuccess}, {"over_limit", &kOver}};
  json.begin_object();
  for (const auto& [name, figure] : figures) {
    json.key(name).begin_array();
    for (const Result& result : results) json.number((*figure)(result));
    json.end_array();
  }
  json.end_object();
}

// A strip of dots: one row a way, one dot a seed, on a logarithmic scale of "times the clairvoyant's".
class Strip {
 public:
  static constexpr double kLeft = 170, kWidth = 520, kRow = 26;
  static constexpr double kLeast = 0.9, kMost = 4;

  explicit Strip(std::string& out) : out_(out) {}

  double x_of(double ratio) const {
    return kLeft + kWidth * std::log(std::clamp(ratio, kLeast, kMost) / kLeast) / std::log(kMost / kLeast);
  }
  void title(std::string_view text) {
    y_ += kRow * 1.3;
    out_ += fmt::format("<text x=\"10\" y=\"{:.0f}\" font-weight=\"bold\">{}</text>\n", y_, text);
    for (const double tick : {1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0}) {
      out_ +=
          fmt::format("<text x=\"{0:.0f}\" y=\"{1:.0f}\" text-anchor=\"middle\" fill=\"#777\">{2:g}</text>\n",
                      x_of(tick), y_ + kRow * 0.8, tick);
    }
    y_ += kRow * 0.9;
  }
  void row(std::string_view name, const std::vector<double>& excess, std::string_view colour) {
    y_ += kRow;
    out_ += fmt::format("<text x=\"10\" y=\"{:.0f}\">{}</text>\n", y_ + 4, name);
    out_ +=
        fmt::format("<line x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.0f}\" y2=\"{2:.0f}\" stroke=\"#ddd\"/>\n",
                    kLeft, kLeft + kWidth, y_);
    for (const double one : excess)
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.0f}\" r=\"4\" fill=\"{}\" fill-opacity=\"0.45\"/>\n",
                          x_of(1 + one), y_, colour);
    const double middle = x_of(1 + median(excess));
    out_ +=
        fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\" stroke=\"#000\"/>\n",
                    middle, y_ - 8, y_ + 8);
  }
  double bottom() const { return y_ + kRow; }

 private:
  std::string& out_;
  double y_ = 10;
};

}  // namespace

std::vector<Bound> bounds_of(const Results& results) {
  constexpr std::string_view kKnowsCost = "clairvoyant_cheapest", kKnowsTime = "clairvoyant_fastest";
  constexpr std::string_view kCheapest = "sluice_cheapest", kFastest = "sluice_fastest";
  const auto of = [&](std::string_view what, const std::vector<double>& values, double limit,
                      std::string_view way) { return bound(what, values, limit, results, way); };
  return {of("cheapest: cost over the clairvoyant's", excess(results, kCheapest, kKnowsCost, kCost), 0.02,
             kCheapest),
          of("cheapest: success below the clairvoyant's", lost(results, kCheapest, kKnowsCost), 0.001,
             kCheapest),
          of("fastest: p50 over the clairvoyant's", excess(results, kFastest, kKnowsTime, kP50), 0.10,
             kFastest),
          of("fastest: p95 over the clairvoyant's", excess(results, kFastest, kKnowsTime, kP95), 0.15,
             kFastest),
          of("cheapest: requests over a learned limit", figures_of(results, kCheapest, kOver), 0.02, kCheapest),
          of("fastest: requests over a learned limit", figures_of(results, kFastest, kOver), 0.02, kFastest)};
}

std::vector<Bound> hedging_bounds_of(const Results& results) {
  constexpr std::string_view kHedged = "sluice_hedged", kUnhedged = "sluice_unhedged";
  return {bound("hedged: p99 beside unhedged, less 1", excess(results, kHedged, kUnhedged, kP99), -0.5, results,
                kHedged),
          bound("hedged: cost over unhedged", excess(results, kHedged, kUnhedged, kCost), 0.05, results,
                kHedged)};
}

std::string table_of(const Results& results) {
  std::string out =
      "| way | USD per 1,000 answers | p50 s | p95 s | p99 s | success % | attempts a request | worst minute "
      "over a "
      "limit % | sent all the same % |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  const Figure attempts = [](const Result& result) {
    return static_cast<double>(result.attempts) / std::max(1.0, static_cast<double>(result.requests));
  };
  const Figure insisted = [](const Result& result) {
    return static_cast<double>(result.insisted) / std::max(1.0, static_cast<double>(result.requests));
  };
  for (const Way& way : all_ways()) {
    if (!results.contains(way.name)) continue;
    const auto of = [&](const Figure& figure) { return median(figures_of(results, way.name, figure)); };
    out += fmt::format("| {} ({}) | {:.4f} | {:.2f} | {:.2f} | {:.2f} | {:.3f} | {:.2f} | {:.1f} | {:.2f} |\n",
                       way.name, way.about, of(kCost), of(kP50), of(kP95), of(kP99), 100 * of(kSuccess),
                       of(attempts), 100 * of(kOver), 100 * most(figures_of(results, way.name, insisted)));
  }
  return out;
}

std::string table_of(const std::vector<Bound>& bounds) {
  std::string out = "| bound | median % | worst % | of seed | allowed % | |\n|---|--:|--:|--:|--:|---|\n";
  for (const Bound& one : bounds)
    out += fmt::format("| {} | {:.2f} | {:.2f} | {} | {:.2f} | {} |\n", one.what, 100 * one.median,
                       100 * one.worst, one.worst_seed, 100 * one.most,
                       one.holds()              ? "holds"
                       : one.median <= one.most ? "MISSED by the worst"
                                                : "MISSED");
  return out;
}

std::string json_of(const Results& results, const std::vector<Bound>& bounds) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("ways").begin_object();
  for (const auto& [way, runs] : results) {
    json.key(way);
    write_way(json, runs);
  }
  json.end_object().key("bounds").begin_array();
  for (const Bound& one : bounds)
    json.begin_object()
        .field("what", one.what)
        .field("median", one.median)
        .field("worst", one.worst)
        .field("worst_seed", one.worst_seed)
        .field("most", one.most)
        .field("holds", one.holds())
        .end_object();
  json.end_array().end_object();
  return out;
}

std::string plot_of(const Results& results) {
  constexpr std::string_view kOurs = "#0a7d4f", kOthers = "#b3541e";
  std::string body;
  Strip strip(body);
  strip.title("Cost, times the clairvoyant's cheapest");
  for (const std::string_view way : {"sluice_cheapest", "list_price", "round_robin", "probe"})
    strip.row(way, excess(results, way, "clairvoyant_cheapest", kCost),
              way.starts_with("sluice") ? kOurs : kOthers);
  for (const auto& [name, figure] : {std::pair{"p50", &kP50}, std::pair{"p95", &kP95}}) {
    strip.title(fmt::format("Time to the last token, {}, times the clairvoyant's fastest", name));
    for (const std::string_view way : {"sluice_fastest", "probe", "round_robin", "list_price"})
      strip.row(way, excess(results, way, "clairvoyant_fastest", *figure),
                way.starts_with("sluice") ? kOurs : kOthers);
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {0:.0f}\" font-family=\"sans-serif\" "
      "font-size=\"13\">\n<rect width=\"720\" height=\"{0:.0f}\" fill=\"#fff\"/>\n{1}</svg>\n",
      strip.bottom(), body);
}

}  // namespace sluice::simulation
