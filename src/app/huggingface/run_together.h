// Runs the same step for 0..count-1, several at a time, on the current loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "net/loop.h"

namespace sluice::app::huggingface {

using Step = std::function<net::Task<base::Status>(std::size_t index, net::Cancel& cancel)>;

// Steps begin in the order of their index, `at_once` of them under way at most. The first error stops those
// that run and is the result; the call returns when none runs any more.
net::Task<base::Status> run_together(std::size_t count, std::size_t at_once, net::Cancel& cancel, Step step);

}  // namespace sluice::app::huggingface
