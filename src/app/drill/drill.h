// `sluice drill`: simulated upstreams that fail in every known way, a gateway in front of them, callers in
// front of it, and a verdict for each row. By default the gateway is this very program's server, started in
// this process with a configuration and a home of its own; with an endpoint it is whatever answers there and
// has been given write_config()'s upstreams. Blocks; one at a time.
#pragma once

#include <functional>

#include "app/drill/judge.h"

namespace sluice::app::drill {

struct Options {
  std::string endpoint;  // base URL of another gateway ("http://127.0.0.1:4000/v1"); empty: our own
  std::string key;
  std::string only;        // name of one scenario
  std::uint64_t load = 0;  // requests of each row at a time; 0: one
  std::uint16_t port = 0;  // of the simulated upstreams; 0: any, for our own gateway
  std::uint64_t seed = 1;
  double slack = 1;                                                                     // Conditions::slack
  std::function<void(std::size_t done, std::size_t all, std::size_t failed)> progress;  // may be empty
};

struct Report {
  std::vector<Play> plays;
  std::vector<Row> rows;  // in the order of the plays; under load several for each
  milliseconds time{0};

  std::size_t failed() const;
};

base::Result<Report> run(const Options& options);

}  // namespace sluice::app::drill
