// CHECK is for our own mistakes: it prints and aborts. Nothing that comes from outside the process
// (network, files, prompts, models, images) may ever reach one; that is what Result is for.
#pragma once

namespace sluice::base {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace sluice::base

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::sluice::base::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif
