// Tells work that nobody wants its result any more: the client left, another attempt won, the server stops.
// A Cancel lives on one loop and is not thread-safe; post to the loop to fire it from elsewhere. It must
// outlive the hooks on it. Every awaitable of net that takes a Cancel& returns ErrorCode::cancelled at once
// when it fires, and closes what it held.
#pragma once

#include <functional>
#include <memory>

namespace sluice::net {

class Cancel {
 public:
  // Runs `callback` when the Cancel fires, at once if it has already; not at all once the hook is gone.
  class Hook {
   public:
    Hook(Cancel& cancel, std::function<void()> callback);
    ~Hook();
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

   private:
    friend class Cancel;
    void unlink();

    Cancel* cancel_ = nullptr;  // null once fired or unlinked
    std::function<void()> callback_;
    Hook* previous_ = nullptr;
    Hook* next_ = nullptr;
  };

  Cancel() = default;
  explicit Cancel(Cancel& parent);  // fires with its parent, or alone
  ~Cancel();
  Cancel(const Cancel&) = delete;
  Cancel& operator=(const Cancel&) = delete;

  void fire();  // idempotent; hooks run inside, in the order they were made
  bool fired() const { return fired_; }

 private:
  bool fired_ = false;
  Hook* first_ = nullptr;
  Hook* last_ = nullptr;
  std::unique_ptr<Hook> on_parent_;
};

}  // namespace sluice::net
