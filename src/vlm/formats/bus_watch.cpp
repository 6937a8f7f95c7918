#include "vlm/formats/bus_watch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>

#include "vlm/formats/limits.h"

namespace sluice::vlm::formats {

struct BusWatch::Place {
  std::atomic<std::uintptr_t> begin{0};  // 0: free, or being filled in
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> struck{false};
};

namespace {

static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// Never freed: a signal may come at any time. Claimed under `claiming`, read by the handler without it.
std::array<BusWatch::Place, kMappingsMax> places;
std::mutex claiming;
std::array<bool, kMappingsMax> claimed;
struct sigaction before;  // who had the signal
std::uintptr_t page_bytes;

// Only calls that a signal handler may make: mmap is a bare system call.
bool fill_with_zeros(std::uintptr_t address) {
  for (BusWatch::Place& place : places) {
    const std::uintptr_t begin = place.begin.load(std::memory_order_acquire);
    const std::uintptr_t end = place.end.load(std::memory_order_relaxed);
    if (begin == 0 || address < begin || address >= end) continue;
    const std::uintptr_t page = address / page_bytes * page_bytes;
    place.struck.store(true, std::memory_order_release);
    return mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
  }
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool ours =
      info->si_code == BUS_ADRERR && fill_with_zeros(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = error;
  if (ours) return;  // what looked looks again
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr)
    return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  // What looked looks again, and the process ends as it would have.
  std::signal(signal, SIG_DFL);
  if (info->si_code <= 0) std::raise(signal);  // nobody looked: it was sent
}

void install() {
  page_bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before);
}

}  // namespace

base::Result<BusWatch> BusWatch::over(std::span<std::byte> region) {
  static std::once_flag installed;
  std::call_once(installed, install);
  const std::lock_guard lock(claiming);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (claimed[i]) continue;
    claimed[i] = true;
    Place& place = places[i];
    const auto begin = reinterpret_cast<std::uintptr_t>(region.data());
    place.struck.store(false, std::memory_order_relaxed);
    place.end.store(begin + region.size(), std::memory_order_relaxed);
    place.begin.store(begin, std::memory_order_release);
    return BusWatch(&place);
  }
  return base::fail(base::ErrorCode::overloaded, "{} model files are open, more are not watched",
                    places.size());
}

BusWatch::~BusWatch() {
  if (place_ == nullptr) return;
  const std::lock_guard lock(claiming);
  place_->begin.store(0, std::memory_order_release);
  claimed[static_cast<std::size_t>(place_ - places.data())] = false;
}

BusWatch::BusWatch(BusWatch&& other) noexcept : place_(std::exchange(other.place_, nullptr)) {}

BusWatch& BusWatch::operator=(BusWatch&& other) noexcept {
  std::swap(place_, other.place_);
  return *this;
}

bool BusWatch::struck() const {
  return place_ != nullptr && place_->struck.load(std::memory_order_acquire);
}

}  // namespace sluice::vlm::formats
