#include "hub/access/key_keeper.h"

#include "base/log.h"

namespace sluice::hub::access {

KeyKeeper::KeyKeeper(Keyring& keyring, std::chrono::milliseconds period)
    : keyring_(keyring), period_(period), thread_([this] { run(); }) {}

KeyKeeper::~KeyKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_one();
  thread_.join();
}

void KeyKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    refresh();
    lock.lock();
    stop_changed_.wait_for(lock, period_, [this] { return stop_; });
  }
  lock.unlock();
  refresh();
}

void KeyKeeper::refresh() {
  base::Status status = keyring_.reload();
  if (status) status = keyring_.save_uses();
  if (status.has_value() != store_failing_) return;
  store_failing_ = !status.has_value();
  if (store_failing_)
    base::LogLine(base::LogLevel::error, "key store failing; the keys in force stay valid")
        .text("error", status.error().message)
        .write();
  else
    base::LogLine(base::LogLevel::info, "key store works again").write();
}

}  // namespace sluice::hub::access
