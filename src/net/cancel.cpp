#include "net/cancel.h"

#include <utility>

namespace sluice::net {

Cancel::Hook::Hook(Cancel& cancel, std::function<void()> callback) : callback_(std::move(callback)) {
  if (cancel.fired_) {
    callback_();
    return;
  }
  cancel_ = &cancel;
  previous_ = cancel.last_;
  (previous_ != nullptr ? previous_->next_ : cancel.first_) = this;
  cancel.last_ = this;
}

Cancel::Hook::~Hook() {
  unlink();
}

void Cancel::Hook::unlink() {
  if (cancel_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : cancel_->first_) = next_;
  (next_ != nullptr ? next_->previous_ : cancel_->last_) = previous_;
  cancel_ = nullptr;
  previous_ = next_ = nullptr;
}

Cancel::Cancel(Cancel& parent) : on_parent_(std::make_unique<Hook>(parent, [this] { fire(); })) {}

Cancel::~Cancel() {
  while (first_ != nullptr) first_->unlink();
}

void Cancel::fire() {
  if (std::exchange(fired_, true)) return;
  while (first_ != nullptr) {
    // The callback may destroy its own hook, or others.
    const auto callback = std::move(first_->callback_);
    first_->unlink();
    callback();
  }
}

}  // namespace sluice::net
