// sluice pull MODEL: downloads a model of the Hub into the cache that its other tools share. A second pull
// asks what is there and moves nothing.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/fetch_model.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

struct Options {
  std::string model;
  HubOptions hub;
  bool json = false;
  bool dry_run = false;
};

std::string as_json(const huggingface::Plan& plan, std::uint64_t moved, double seconds) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("repository", plan.name.repository).field("revision", plan.name.revision);
  json.field("commit", plan.commit).field("licence", plan.licence).field("gated", plan.gated);
  json.field("folder", plan.snapshot.string()).field("bytes", plan.bytes()).field("bytes_moved", moved);
  json.field("seconds", seconds).key("files").begin_array();
  for (std::size_t i = 0; i < plan.choice.files.size(); ++i) {
    const huggingface::RemoteFile& file = plan.choice.files[i];
    json.begin_object().field("path", file.path).field("bytes", file.bytes).field("hash", file.hash);
    json.field("bytes_held_before", plan.held[i]).end_object();
  }
  json.end_array().end_object();
  return out;
}

int run(const Options& options) {
  const auto name = huggingface::parse_model_name(options.model);
  if (!name) {
    report(name.error());
    return kUsage;
  }
  const auto puller = options.hub.puller();
  if (!puller) return report(puller.error());
  const auto plan = puller->look(*name);
  if (!plan) return report_missing(plan.error());
  if (!options.json) print_plan(*plan);
  const auto began = std::chrono::steady_clock::now();
  if (!options.dry_run)
    if (const auto done = fetch_with_progress(*puller, *plan); !done) return report_missing(done.error());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  const std::uint64_t moved = options.dry_run ? 0 : plan->bytes_missing();
  if (options.json)
    fmt::print("{}\n", as_json(*plan, moved, seconds.count()));
  else if (!options.dry_run)
    fmt::print("{}\n", plan->snapshot.string());
  return kDone;
}

}  // namespace

std::function<int()> declare_pull(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.required("MODEL", options->model, "org/name, org/name:Q4_K_M or org/name@revision");
  options->hub.declare(arguments);
  arguments.flag("--dry-run", options->dry_run, "print files, sizes and licence, and download nothing");
  arguments.flag("--json", options->json, "print one JSON object");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
