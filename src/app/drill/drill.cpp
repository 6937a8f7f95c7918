#include "app/drill/drill.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>

#include "app/drill/own_gateway.h"
#include "base/random.h"

namespace sluice::app::drill {
namespace {

using base::ErrorCode;
using base::Result;
using hub::simulator::SeenRequest;
using hub::simulator::Upstreams;

constexpr std::size_t kCallersMax = 12;         // at a time
constexpr std::size_t kCallersMaxLoaded = 256;  // under load
constexpr milliseconds kSettle{3000};           // for upstreams to see that a request is over
constexpr milliseconds kLook{10};

struct Task {
  const Play* play;
  std::uint64_t number;
};

// Plays tasks on one loop, several at a time; wait() returns when all are judged.
class Stage {
 public:
  Stage(const Options& options, Upstreams& upstreams, http::Url url, std::string key)
      : options_(options), upstreams_(upstreams), url_(std::move(url)), key_(std::move(key)) {}

  std::vector<Row> play(net::Loop& loop, const std::vector<Task>& tasks, std::size_t callers) {
    tasks_ = &tasks;
    rows_.assign(tasks.size(), {});
    next_ = 0;
    running_ = std::min(callers, tasks.size());
    const std::size_t count = running_;
    for (std::size_t i = 0; i < count; ++i) loop.spawn(work());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    return std::move(rows_);
  }

 private:
  net::Task<void> work() {
    // A connection a request: what a pool does when a gateway closes it is not what is asked here.
    net::ClientOptions options;
    options.idle_per_origin = 0;
    net::Client client(*net::Loop::current(), std::move(options));
    while (next_ < tasks_->size()) {
      const std::size_t index = next_++;
      rows_[index] = co_await play_one(client, (*tasks_)[index]);
      ++done_;
      failed_ += rows_[index].is_good() ? 0 : 1;
      if (options_.progress) options_.progress(done_, tasks_->size(), failed_);
    }
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) changed_.notify_one();
  }

  net::Task<Row> play_one(net::Client& client, Task task) {
    const Play& play = *task.play;
    const Scenario& scenario = *play.scenario;
    const std::string mark = fmt::format("{} {}", play.model, task.number);
    Request request;
    request.url = url_;
    request.key = key_;
    request.model = play.model;
    request.mark = mark;
    if (scenario.target == Target::pin) request.model = fmt::format("sim:{}", play.upstream(0));
    request.body = scenario.body;
    request.stream = play.stream;
    request.caller = scenario.caller;
    Got got = co_await call(client, std::move(request));
    // Records end a moment after the caller has everything.
    net::Cancel never;
    const net::TimePoint patience = net::Clock::now() + kSettle;
    while (net::Clock::now() < patience && is_running(mark)) (void)co_await net::sleep_for(kLook, never);
    co_return judge(play, std::move(got), upstreams_.seen(mark),
                    {.loaded = options_.load > 0, .slack = options_.slack});
  }

  bool is_running(std::string_view mark) const {
    return std::ranges::any_of(upstreams_.seen(mark),
                               [](const SeenRequest& one) { return one.ended == net::TimePoint{}; });
  }

  // Set once.
  const Options& options_;
  Upstreams& upstreams_;
  const http::Url url_;
  const std::string key_;
  // Of the loop.
  const std::vector<Task>* tasks_ = nullptr;
  std::vector<Row> rows_;
  std::size_t next_ = 0, done_ = 0, failed_ = 0;
  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
};

std::vector<Task> tasks_of(const std::vector<Play>& plays, bool heavy, std::uint64_t load,
                           std::uint64_t seed) {
  std::vector<Task> tasks;
  for (const Play& play : plays) {
    if (play.scenario->heavy != heavy) continue;
    const std::uint64_t count = heavy ? 1 : std::max<std::uint64_t>(load, 1);
    for (std::uint64_t i = 0; i < count; ++i) tasks.push_back({&play, i});
  }
  // Under load the rows run mixed, in an order that the seed repeats.
  base::Random dice(seed);
  for (std::size_t i = tasks.size(); load > 1 && i > 1; --i) std::swap(tasks[i - 1], tasks[dice.below(i)]);
  return tasks;
}

}  // namespace

std::size_t Report::failed() const {
  return static_cast<std::size_t>(std::ranges::count_if(rows, [](const Row& row) { return !row.is_good(); }));
}

Result<Report> run(const Options& options) {
  const net::TimePoint began = net::Clock::now();
  Report report;
  report.plays = all_plays(options.only, options.endpoint.empty());
  if (report.plays.empty())
    return base::fail(ErrorCode::invalid_argument, "no row of the drill is called {}", options.only);
  std::vector<hub::simulator::UpstreamSettings> settings;
  for (const Play& play : report.plays)
    for (std::size_t i = 0; i < play.scenario->route_count; ++i) settings.push_back(settings_of(play, i));
  Upstreams upstreams(std::move(settings), options.seed);

  net::Loops simulated(1), callers(1);
  net::Server server(simulated, {}, upstreams.handler());
  SLUICE_TRY(const std::uint16_t port, server.listen(net::TcpAddress{.port = options.port}));
  std::unique_ptr<OwnGateway> own;
  if (options.endpoint.empty()) {
    SLUICE_TRY(own, OwnGateway::start(write_config(report.plays, port, ConfigForm::sluice)));
  }
  std::string endpoint = own ? own->url() : options.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  SLUICE_TRY(http::Url url, http::parse_url(endpoint + "/chat/completions"));

  Stage stage(options, upstreams, std::move(url), own ? own->key() : options.key);
  const std::size_t most = options.load > 0 ? kCallersMaxLoaded : kCallersMax;
  for (const bool heavy : {false, true}) {
    auto rows =
        stage.play(callers[0], tasks_of(report.plays, heavy, options.load, options.seed), heavy ? 1 : most);
    std::ranges::move(rows, std::back_inserter(report.rows));
  }
  std::ranges::stable_sort(report.rows, std::ranges::less{}, &Row::play);
  own.reset();
  server.stop(milliseconds(0));
  report.time = std::chrono::duration_cast<milliseconds>(net::Clock::now() - began);
  return report;
}

}  // namespace sluice::app::drill
