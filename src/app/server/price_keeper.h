// Keeps a running server's offers current: a day that begins changes which prices hold, and where the
// configuration asks for it the providers' lists are fetched every so often, on a thread of its own. It only
// says when the snapshot should be made anew; the one who polls it does that. For one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <thread>

#include "app/server/snapshot.h"

namespace sluice::app::server {

class PriceKeeper {
 public:
  struct Moment {
    std::chrono::steady_clock::time_point now;
    std::int64_t wall_s = 0;  // since 1970
  };

  // True: the offers have changed. `every`: how often to fetch; 0: never. `snapshot` is asked for when a
  // fetch begins, with `home` to keep what came. A fetch under way ends soon after this object does.
  bool poll(const Moment& moment, std::chrono::milliseconds every, const std::filesystem::path& home,
            const std::function<base::Result<Snapshot>()>& snapshot);

 private:
  std::int64_t day_ = -1;
  std::optional<std::chrono::steady_clock::time_point> fetched_at_;
  std::atomic<bool> running_ = false, fresh_ = false;
  std::jthread worker_;  // last: it touches the flags
};

}  // namespace sluice::app::server
