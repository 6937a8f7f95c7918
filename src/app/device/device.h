// The device as the rest of the program knows it: the models of this machine and the engine that runs them.
// It is offered to the hub as DeviceUpstream (device_upstream.h) and used directly by `sluice run`.
//
// Threads: every member may be called from any thread. It has a thread of its own that loads models, so that
// no event loop ever waits for a disk; the engine has another. Destroy it after every session's Cancel has
// fired or its source is gone, and before the net::Loops that sessions were started on.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/device/model_store.h"
#include "base/result.h"
#include "vlm/generation/engine.h"

namespace sluice::net {
class Loop;
}

namespace sluice::app::device {

// A session that says where its events go: to a loop, in one post per engine step for all sessions of that
// loop, or, without one, straight to take() on the engine thread.
class Listener : public vlm::generation::Session {
 public:
  explicit Listener(net::Loop* loop) : loop_(loop) {}
  net::Loop* loop() const { return loop_; }
  virtual void take(vlm::generation::Event event) = 0;  // on the loop, or the engine thread; must not block

 private:
  net::Loop* const loop_;
};

struct DeviceOptions {
  ModelPlaces places;
  vlm::generation::EngineOptions engine = {};
};

class Device {
 public:
  using LoadedModel = std::shared_ptr<const vlm::generation::LanguageModel>;

  explicit Device(DeviceOptions options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  ModelStore& store() { return store_; }
  // Sessions given to it must be Listeners.
  vlm::generation::Engine& engine() { return engine_; }

  // The ids served, from memory; rescan() looks at the folders again (blocking).
  std::shared_ptr<const std::vector<std::string>> model_ids() const;
  void rescan();

  // What is loaded under this id already, or null. Never blocks on a disk.
  LoadedModel loaded(std::string_view id) { return store_.loaded(id); }
  // Loads on the loader thread and calls `done` there. Requests for one model that overlap load it once.
  void load(std::string id, std::function<void(base::Result<LoadedModel>)> done);
  // Runs `job` on the loader thread: work that is too long for an event loop and too small for the engine.
  void run_aside(std::function<void()> job);

 private:
  void run_loader();

  ModelStore store_;
  vlm::generation::Engine engine_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::shared_ptr<const std::vector<std::string>> ids_;
  std::deque<std::function<void()>> loads_;
  bool stopping_ = false;

  std::thread loader_;  // last: it uses everything above
};

}  // namespace sluice::app::device
