// Memory that is not there, as a value: the one thing that the standard library throws in our own code. For
// the outermost call of a thread's work, where whoever asked can still be told.
#pragma once

#include <new>

#include "base/result.h"

namespace sluice::base {

inline Error no_memory() {
  return {.code = ErrorCode::overloaded, .message = "no memory for it"};  // short enough to need none itself
}

// What `work` gives, which is a Result or a Status, or an error when memory ran out in it.
template <typename Work>
auto refuse_without_memory(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return std::unexpected(no_memory());
  }
}

}  // namespace sluice::base
