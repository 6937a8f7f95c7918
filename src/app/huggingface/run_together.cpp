#include "app/huggingface/run_together.h"

#include "base/check.h"

namespace sluice::app::huggingface {

namespace {

struct Shared {
  Shared(net::Loop& loop, net::Cancel& parent) : cancel(parent), changed(loop) {}

  net::Cancel cancel;
  net::Event changed;
  std::size_t next = 0;
  std::size_t running = 0;
  base::Status result;
};

net::Task<void> run_one(Shared& shared, const Step& step, std::size_t index) {
  base::Status done = co_await step(index, shared.cancel);
  if (!done && shared.result) {
    shared.result = std::move(done);
    shared.cancel.fire();
  }
  --shared.running;
  shared.changed.set();
}

}  // namespace

net::Task<base::Status> run_together(std::size_t count, std::size_t at_once, net::Cancel& cancel, Step step) {
  net::Loop* loop = net::Loop::current();
  CHECK(loop != nullptr);
  Shared shared(*loop, cancel);
  net::Cancel never;  // what runs refers to this frame, so it is waited for whatever happens
  while (true) {
    while (shared.result && !cancel.fired() && shared.next < count && shared.running < at_once) {
      ++shared.running;
      loop->spawn(run_one(shared, step, shared.next++));
    }
    if (shared.running == 0) break;
    (void)co_await shared.changed.wait(never);
  }
  if (shared.result && cancel.fired()) co_return base::fail(base::ErrorCode::cancelled, "cancelled");
  co_return std::move(shared.result);
}

}  // namespace sluice::app::huggingface
