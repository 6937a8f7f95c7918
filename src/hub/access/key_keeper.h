// Keeps a Keyring fresh from its own thread: every period it reloads when the store changed (so that
// `sluice keys revoke` works on a running server) and saves uses. A failing store is logged once per change
// of its state and the keys in force stay. Stops and joins on destruction; saves uses a last time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "hub/access/keyring.h"

namespace sluice::hub::access {

class KeyKeeper {
 public:
  explicit KeyKeeper(Keyring& keyring, std::chrono::milliseconds period = std::chrono::seconds(1));
  ~KeyKeeper();
  KeyKeeper(const KeyKeeper&) = delete;
  KeyKeeper& operator=(const KeyKeeper&) = delete;

 private:
  void run();
  void refresh();

  // Set once.
  Keyring& keyring_;
  const std::chrono::milliseconds period_;
  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  // Touched only on the thread.
  bool store_failing_ = false;
  std::thread thread_;
};

}  // namespace sluice::hub::access
