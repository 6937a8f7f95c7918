#include "app/huggingface/pull.h"

#include <algorithm>
#include <numeric>

#include "app/huggingface/limits.h"
#include "app/huggingface/run_together.h"

namespace sluice::app::huggingface {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

namespace {

// Runs `work` on a loop of this thread until it ends.
template <typename Outcome, typename Work>
Outcome run_on_loop(Work work) {
  net::Loop loop(0);
  Outcome outcome;
  const auto work_and_stop = [&]() -> net::Task<void> {
    outcome = co_await work(loop);
    loop.stop();
  };
  loop.spawn(work_and_stop());
  loop.run();
  return outcome;
}

struct Fetch {
  HubClient& client;
  const CachedRepository& repository;
  const Plan& plan;
  const Progress& progress;
};

net::Task<Result<BlobWriter>> open_writer(const Fetch& fetch, const RemoteFile& file, net::Cancel& cancel) {
  while (true) {
    SLUICE_CO_TRY(auto writer, BlobWriter::open(fetch.repository, file));
    if (writer) co_return *std::move(writer);
    SLUICE_CO_TRY_VOID(co_await net::sleep_for(kLockPoll, cancel));
  }
}

net::Task<Status> fetch_file(const Fetch& fetch, const RemoteFile& file, net::Cancel& cancel) {
  if (fetch.repository.holds(file)) co_return Status();
  SLUICE_CO_TRY(BlobWriter writer, co_await open_writer(fetch, file, cancel));
  if (fetch.repository.holds(file)) co_return Status();  // the one who held the lock has fetched it
  const std::string target = fetch.client.target_of(fetch.plan.name.repository, fetch.plan.commit, file.path);
  const bool had_prefix = writer.written() > 0;
  for (int pass = 0;; ++pass) {
    FileDownload download(fetch.client, writer, file, target, fetch.progress);
    SLUICE_CO_TRY_VOID(co_await download.run(cancel));
    Status named = writer.finish();
    // The prefix may have been another tool's, and wrong: once more from the beginning.
    if (named || named.error().code != ErrorCode::corrupt_data || !had_prefix || pass > 0) co_return named;
  }
}

// Small files several at a time; large ones, which have connections enough of their own, one by one.
net::Task<Status> fetch_all(const Fetch& fetch, net::Cancel& cancel) {
  std::vector<const RemoteFile*> small, large;
  for (const RemoteFile& file : fetch.plan.choice.files)
    (file.bytes > kPartBytes ? large : small).push_back(&file);
  const auto step = [&fetch](const std::vector<const RemoteFile*>& files) -> Step {
    return [&](std::size_t index, net::Cancel& stop) { return fetch_file(fetch, *files[index], stop); };
  };
  SLUICE_CO_TRY_VOID(co_await run_together(small.size(), kFilesAtOnce, cancel, step(small)));
  co_return co_await run_together(large.size(), 1, cancel, step(large));
}

}  // namespace

std::uint64_t Plan::bytes() const {
  return std::transform_reduce(choice.files.begin(), choice.files.end(), std::uint64_t{0}, std::plus<>(),
                               [](const RemoteFile& file) { return file.bytes; });
}

std::uint64_t Plan::bytes_missing() const {
  return bytes() - std::accumulate(held.begin(), held.end(), std::uint64_t{0});
}

Result<Plan> Puller::look(const ModelName& name) const {
  if (settings_.offline)
    return fail(ErrorCode::unavailable,
                "HF_HUB_OFFLINE forbids to ask the Hub; `sluice list` shows what is here already");
  SLUICE_TRY(Listing listing,
             run_on_loop<Result<Listing>>([&](net::Loop& loop) -> net::Task<Result<Listing>> {
               HubClient client(loop, settings_, client_);
               net::Cancel cancel;
               co_return co_await client.list(name, cancel);
             }));
  Plan plan{.name = name, .commit = listing.commit, .licence = listing.licence, .gated = listing.gated};
  SLUICE_TRY(plan.choice, choose_files(listing, name.repository, name.quant));
  const CachedRepository repository(settings_.cache, name.repository);
  for (const RemoteFile& file : plan.choice.files) plan.held.push_back(repository.bytes_held(file));
  plan.snapshot = repository.snapshot(plan.commit);
  return plan;
}

Status Puller::fetch(const Plan& plan, const Progress& progress) const {
  const CachedRepository repository(settings_.cache, plan.name.repository);
  SLUICE_TRY_VOID(repository.prepare(plan.bytes_missing()));
  if (plan.bytes_missing() > 0) {
    SLUICE_TRY_VOID(run_on_loop<Status>([&](net::Loop& loop) -> net::Task<Status> {
      HubClient client(loop, settings_, client_);
      net::Cancel cancel;
      const Fetch fetch{client, repository, plan, progress};
      co_return co_await fetch_all(fetch, cancel);
    }));
  }
  return repository.publish(plan.commit, plan.name.revision, plan.choice.files);
}

}  // namespace sluice::app::huggingface
