#include "app/device/device.h"

#include <algorithm>
#include <utility>

#include "base/without_memory.h"
#include "net/loop.h"

namespace sluice::app::device {

using vlm::generation::Event;

namespace {

// One post per loop, whatever the number of its sessions.
void hand_over(std::span<Event> events) {
  std::vector<std::pair<net::Loop*, std::vector<Event>>> batches;
  for (Event& event : events) {
    auto& listener = static_cast<Listener&>(*event.session);
    if (listener.loop() == nullptr) {
      listener.take(std::move(event));
      continue;
    }
    auto batch =
        std::ranges::find(batches, listener.loop(), &std::pair<net::Loop*, std::vector<Event>>::first);
    if (batch == batches.end()) batch = batches.insert(batches.end(), {listener.loop(), {}});
    batch->second.push_back(std::move(event));
  }
  for (auto& [loop, batch] : batches)
    loop->post([arrived = std::move(batch)]() mutable {
      for (Event& event : arrived) {
        auto& listener = static_cast<Listener&>(*event.session);
        listener.take(std::move(event));
      }
    });
}

}  // namespace

Device::Device(DeviceOptions options)
    : store_(std::move(options.places)), engine_(options.engine, hand_over) {
  rescan();
  loader_ = std::thread([this] { run_loader(); });
}

Device::~Device() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  loader_.join();
}

std::shared_ptr<const std::vector<std::string>> Device::model_ids() const {
  const std::lock_guard lock(mutex_);
  return ids_;
}

void Device::rescan() {
  auto ids = std::make_shared<std::vector<std::string>>();
  for (const StoredModel& model : store_.list()) ids->push_back(model.id);
  const std::lock_guard lock(mutex_);
  ids_ = std::move(ids);
}

void Device::load(std::string id, std::function<void(base::Result<LoadedModel>)> done) {
  run_aside([this, id = std::move(id), done = std::move(done)] {
    if (LoadedModel ready = store_.loaded(id)) return done(std::move(ready));
    done(base::refuse_without_memory([&]() -> base::Result<LoadedModel> {
      SLUICE_TRY(const StoredModel model, store_.find(id));
      return store_.load(model);
    }));
  });
}

void Device::run_aside(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    loads_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Device::run_loader() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !loads_.empty(); });
    if (stopping_) return;
    const auto load = std::move(loads_.front());
    loads_.pop_front();
    lock.unlock();
    load();
    lock.lock();
  }
}

}  // namespace sluice::app::device
