// Does this compiler destroy the temporaries of a co_await expression exactly once?
// g++ 12 does not (docs/decisions/0001-compiler.md); the program says which compiler it was built with.
#include <coroutine>
#include <cstdio>
#include <exception>
#include <functional>
#include <utility>

namespace {

int balance = 0;  // constructions minus destructions

struct Counted {
  Counted() { ++balance; }
  Counted(const Counted&) { ++balance; }
  Counted(Counted&&) noexcept { ++balance; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --balance; }
};

struct Options {  // an aggregate: what goes wrong in g++ 12
  Counted first;
  Counted second;
};

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;

  bool await_ready() const noexcept { return handle.done(); }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const { handle.destroy(); }
};

Task take(Options options) {
  (void)options;
  co_return;
}

Task call(std::function<void()> function) {
  function();
  co_return;
}

Task await_aggregates() {
  co_await take(Options{Counted{}, Counted{}});
  co_await take({Counted{}, Counted{}});
  Counted captured;
  co_await call([captured] { (void)captured; });
}

}  // namespace

int main() {
  await_aggregates().handle.destroy();
  std::printf("built with %s: %d objects left over, expected 0\n", __VERSION__, balance);
  return balance == 0 ? 0 : 1;
}
