#include "hub/telemetry/metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <unordered_map>

#include "base/strings.h"
#include "hub/telemetry/limits.h"

namespace sluice::hub::telemetry {
namespace {

constexpr std::array kFirstTokenBounds{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};
constexpr std::array kDurationBounds{0.005, 0.025, 0.1, 0.25, 0.5,  1.0,  2.5,
                                     5.0,   10.0,  30., 60.,  120., 300., 1200.0};
constexpr std::string_view kOther = "other";

template <std::size_t Bounds>
struct Histogram {
  std::array<std::uint64_t, Bounds + 1> counts{};  // the last one: above every bound
  double sum = 0;

  void observe(std::span<const double, Bounds> bounds, double value) {
    ++counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds, value) - bounds.begin())];
    sum += value;
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum += other.sum;
  }
};

struct Series {
  std::vector<std::pair<int, std::uint64_t>> by_status;  // few
  std::uint64_t not_whole = 0;
  TokenCounts tokens;
  Histogram<kFirstTokenBounds.size()> first_token;
  Histogram<kDurationBounds.size()> duration;

  void add_status(int status, std::uint64_t count) {
    const auto found = std::ranges::find(by_status, status, &std::pair<int, std::uint64_t>::first);
    if (found == by_status.end())
      by_status.emplace_back(status, count);
    else
      found->second += count;
  }
  void add(const Series& other) {
    for (const auto& [status, count] : other.by_status) add_status(status, count);
    not_whole += other.not_whole;
    tokens.input += other.tokens.input;
    tokens.input_cached += other.tokens.input_cached;
    tokens.output += other.tokens.output;
    tokens.output_reasoning += other.tokens.output_reasoning;
    first_token.add(other.first_token);
    duration.add(other.duration);
  }
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

constexpr char kSeparator = '\x1f';

// Labels joined; the separator cannot be in a label, since control characters are taken out.
void append_label(std::string& key, std::string_view label) {
  for (const char c : label.substr(0, kMaxLabelBytes))
    key += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  key += kSeparator;
}

std::string_view key_of(std::initializer_list<std::string_view> labels) {
  thread_local std::string key;
  key.clear();
  for (const std::string_view label : labels) append_label(key, label);
  return key;
}

using Labels = std::vector<prometheus::ClientMetric::Label>;

Labels labels_of(std::string_view key, std::span<const std::string_view> names) {
  Labels labels;
  const auto values = base::split(key, kSeparator);
  for (std::size_t i = 0; i < names.size(); ++i)
    labels.push_back({std::string(names[i]), std::string(values[i])});
  return labels;
}

prometheus::MetricFamily family(std::string_view name, std::string_view help, prometheus::MetricType type) {
  prometheus::MetricFamily made;
  made.name = std::string(name);
  made.help = std::string(help);
  made.type = type;
  return made;
}

void add_sample(prometheus::MetricFamily& into, Labels labels, std::uint64_t value) {
  auto& metric = into.metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
}

template <std::size_t Bounds>
void add_histogram(prometheus::MetricFamily& into, Labels labels, const Histogram<Bounds>& histogram,
                   std::span<const double, Bounds> bounds) {
  auto& metric = into.metric.emplace_back();
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    metric.histogram.bucket.push_back(
        {cumulative, i < Bounds ? bounds[i] : std::numeric_limits<double>::infinity()});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = histogram.sum;
}

constexpr std::array<std::string_view, 3> kSeriesLabels{"route", "model", "provider"};

void collect_requests(const std::map<std::string, Series>& merged,
                      std::vector<prometheus::MetricFamily>& out) {
  using prometheus::MetricType;
  auto requests = family("sluice_requests_total", "Requests answered.", MetricType::Counter);
  auto cut = family("sluice_cut_answers_total", "Answers that broke off, or whose client left.",
                    MetricType::Counter);
  auto tokens = family("sluice_tokens_total",
                       "Tokens by kind; input_cached is a part of input, output_reasoning of output.",
                       MetricType::Counter);
  auto first = family("sluice_first_token_seconds", "From the request to the first piece of the answer.",
                      MetricType::Histogram);
  auto duration =
      family("sluice_request_duration_seconds", "From the request to the last byte.", MetricType::Histogram);
  for (const auto& [key, series] : merged) {
    const Labels labels = labels_of(key, kSeriesLabels);
    for (const auto& [status, count] : series.by_status) {
      Labels with_status = labels;
      with_status.push_back({"status", std::to_string(status)});
      add_sample(requests, std::move(with_status), count);
    }
    add_sample(cut, labels, series.not_whole);
    const std::array<std::pair<std::string_view, std::uint64_t>, 4> kinds{
        {{"input", series.tokens.input},
         {"input_cached", series.tokens.input_cached},
         {"output", series.tokens.output},
         {"output_reasoning", series.tokens.output_reasoning}}};
    for (const auto& [kind, count] : kinds) {
      Labels with_kind = labels;
      with_kind.push_back({"kind", std::string(kind)});
      add_sample(tokens, std::move(with_kind), count);
    }
    add_histogram(first, labels, series.first_token, std::span(kFirstTokenBounds));
    add_histogram(duration, labels, series.duration, std::span(kDurationBounds));
  }
  for (auto* made : {&requests, &cut, &tokens, &first, &duration}) out.push_back(std::move(*made));
}

// What is counted under nothing but a few labels.
struct CountFamily {
  std::string_view name, help;
  std::span<const std::string_view> labels;
};
constexpr std::array<std::string_view, 2> kErrorLabels{"provider", "kind"};
constexpr std::array<std::string_view, 1> kHedgeLabels{"outcome"};
constexpr std::array<std::string_view, 2> kProbeLabels{"provider", "outcome"};
constexpr std::array<CountFamily, 4> kCountFamilies{{
    {"sluice_upstream_errors_total", "Failed attempts by provider and kind.", kErrorLabels},
    {"sluice_hedges_total", "Hedges sent, by how they ended.", kHedgeLabels},
    {"sluice_substitutions_total",
     "Answers by another model than the first asked for, where that was allowed.",
     {}},
    {"sluice_probes_total", "Questions of our own to routes that nobody asked.", kProbeLabels},
}};
enum : std::size_t { kErrors, kHedges, kSubstitutions, kProbes };

}  // namespace

struct Metrics::Shard {
  std::mutex mutex;
  // Guarded by mutex.
  TextMap<Series> requests;  // route, model, provider
  std::array<TextMap<std::uint64_t>, kCountFamilies.size()> counts;
};

Metrics::Metrics() {
  for (auto& shard : shards_) shard = std::make_unique<Shard>();
}

Metrics::~Metrics() = default;

Metrics::Shard& Metrics::own_shard() const {
  static std::atomic<std::size_t> threads = 0;
  thread_local const std::size_t index = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
  return *shards_[index];
}

void Metrics::count_request(const RequestCount& request) {
  Shard& shard = own_shard();
  const std::lock_guard lock(shard.mutex);
  auto found = shard.requests.find(key_of({request.route, request.model, request.provider}));
  if (found == shard.requests.end()) {
    const bool full = shard.requests.size() >= kMaxSeries;
    const std::string_view key = full ? key_of({request.route, kOther, kOther})
                                      : key_of({request.route, request.model, request.provider});
    found = shard.requests.try_emplace(std::string(key)).first;
  }
  Series& series = found->second;
  series.add_status(request.status, 1);
  if (!request.whole) ++series.not_whole;
  if (request.first_token_s) series.first_token.observe(std::span(kFirstTokenBounds), *request.first_token_s);
  series.duration.observe(std::span(kDurationBounds), request.duration_s);
  if (request.tokens) {
    series.tokens.input += request.tokens->input;
    series.tokens.input_cached += request.tokens->input_cached;
    series.tokens.output += request.tokens->output;
    series.tokens.output_reasoning += request.tokens->output_reasoning;
  }
}

void Metrics::count(std::size_t family, std::initializer_list<std::string_view> labels) {
  Shard& shard = own_shard();
  const std::lock_guard lock(shard.mutex);
  TextMap<std::uint64_t>& counts = shard.counts[family];
  auto found = counts.find(key_of(labels));
  if (found == counts.end()) {
    std::string key(key_of(labels));
    if (counts.size() >= kMaxSeries) {
      key.clear();
      for (std::size_t i = 0; i < labels.size(); ++i) append_label(key, kOther);
    }
    found = counts.try_emplace(std::move(key)).first;
  }
  ++found->second;
}

void Metrics::count_upstream_error(std::string_view provider, std::string_view kind) {
  count(kErrors, {provider, kind});
}

void Metrics::count_hedge(std::string_view outcome) {
  count(kHedges, {outcome});
}

void Metrics::count_substitution() {
  count(kSubstitutions, {});
}

void Metrics::count_probe(std::string_view provider, std::string_view outcome) {
  count(kProbes, {provider, outcome});
}

void Metrics::add_gauge(std::string name, std::string help, std::function<double()> read) {
  const std::lock_guard lock(readings_mutex_);
  readings_.push_back({std::move(name), std::move(help), std::move(read), false});
}

void Metrics::add_counter(std::string name, std::string help, std::function<double()> read) {
  const std::lock_guard lock(readings_mutex_);
  readings_.push_back({std::move(name), std::move(help), std::move(read), true});
}

std::string Metrics::text() const {
  std::map<std::string, Series> requests;
  std::array<std::map<std::string, std::uint64_t>, kCountFamilies.size()> counts;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    for (const auto& [key, series] : shard->requests) requests[key].add(series);
    for (std::size_t i = 0; i < counts.size(); ++i)
      for (const auto& [key, count] : shard->counts[i]) counts[i][key] += count;
  }
  std::vector<prometheus::MetricFamily> families;
  collect_requests(requests, families);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const CountFamily& of = kCountFamilies[i];
    auto made = family(of.name, of.help, prometheus::MetricType::Counter);
    for (const auto& [key, count] : counts[i]) add_sample(made, labels_of(key, of.labels), count);
    families.push_back(std::move(made));
  }

  const auto add_reading = [&](std::string_view name, std::string_view help, double value, bool counts) {
    auto made = family(name, help, counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge);
    auto& metric = made.metric.emplace_back();
    (counts ? metric.counter.value : metric.gauge.value) = value;
    families.push_back(std::move(made));
  };
  add_reading("sluice_in_flight_requests", "Requests being answered now.", static_cast<double>(in_flight()),
              false);
  const std::lock_guard lock(readings_mutex_);
  for (const Reading& reading : readings_)
    add_reading(reading.name, reading.help, reading.read(), reading.counts);
  // A family without a sample has nothing to say.
  std::erase_if(families, [](const auto& made) { return made.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace sluice::hub::telemetry
