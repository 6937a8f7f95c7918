// sluice drill: every fault in front of a gateway, and what came of it.
#include "app/drill/drill.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "app/cli/command.h"
#include "app/drill/hedging.h"
#include "app/drill/report.h"
#include "base/log.h"

namespace sluice::app::cli {
namespace {

struct Given {
  drill::Options options;
  std::uint64_t port = 0;
  std::string config_form;
  bool json = false, markdown = false, reference = false, hedging = false;
  drill::HedgingOptions hedge;
};

// Where another gateway's configuration, written beforehand, will find the upstreams.
constexpr std::uint16_t kUpstreamPort = 18480;

void show_progress(std::size_t done, std::size_t all, std::size_t failed) {
  fmt::print(stderr, "\r{} of {} rows, {} failed ", done, all, failed);
  if (done == all) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

int run_drill(Given& given) {
  drill::Options& options = given.options;
  const bool other = !options.endpoint.empty() || !given.config_form.empty();
  if (given.port > 65535)
    return report(
        {.code = base::ErrorCode::invalid_argument, .message = "--upstream-port: expected at most 65535"});
  options.port = given.port != 0 ? static_cast<std::uint16_t>(given.port) : other ? kUpstreamPort : 0;
  if (given.reference) {
    fmt::print("{}", drill::write_reference());
    return kDone;
  }
  base::set_log_level(base::LogLevel::error);
  if (given.hedging) {
    const auto measured = drill::measure_hedging(given.hedge);
    if (!measured) return report(measured.error());
    fmt::print("{}", given.json ? drill::write_json(*measured) : drill::write_table(*measured));
    return measured->holds() ? kDone : kFailed;
  }
  if (!given.config_form.empty()) {
    const auto form = drill::config_form_of(given.config_form);
    if (!form)
      return report({.code = base::ErrorCode::invalid_argument,
                     .message = fmt::format("--write-config: expected sluice, litellm or list, found {}",
                                            given.config_form)});
    fmt::print("{}", drill::write_config(drill::all_plays(options.only, *form == drill::ConfigForm::sluice),
                                         options.port, *form));
    return kDone;
  }
  if (isatty(STDERR_FILENO) != 0) options.progress = show_progress;
  const auto result = drill::run(options);
  if (!result) return report(result.error());
  if (given.json) {
    fmt::print("{}", drill::write_json(*result));
  } else if (given.markdown) {
    fmt::print("{}", drill::write_markdown(*result));
  } else {
    fmt::print("{}", drill::write_table(*result));
  }
  return result->failed() == 0 ? kDone : kFailed;
}

}  // namespace

std::function<int()> declare_drill(Arguments& arguments) {
  auto given = std::make_shared<Given>();
  drill::Options& options = given->options;
  arguments.option("--endpoint", options.endpoint,
                   "base URL of another gateway, such as http://127.0.0.1:4000/v1");
  arguments.option("--key", options.key, "its key");
  arguments.option("--write-config", given->config_form,
                   "print what it must be given: litellm, sluice or list");
  arguments.option("--upstream-port", given->port,
                   "of the simulated upstreams [18480 for another gateway, else any]");
  arguments.option("--only", options.only, "one row by its name");
  arguments.option("--load", options.load, "so many requests of each row, mixed, at a time");
  arguments.option("--seed", options.seed, "of the order under load [1]");
  arguments.option("--slack", options.slack, "times the longest times documented, on a busy machine [1]");
  arguments.flag("--json", given->json, "print one JSON row each");
  arguments.flag("--markdown", given->markdown, "print a Markdown table");
  arguments.flag("--hedging", given->hedging, "measure instead what a hedge buys and costs");
  arguments.option("--requests", given->hedge.requests, "of each round of --hedging [4000]");
  arguments.flag("--reference", given->reference, "print what every row must end in, as Markdown");
  return [given] { return run_drill(*given); };
}

}  // namespace sluice::app::cli
