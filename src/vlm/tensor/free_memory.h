// How much memory this process may still take before the machine swaps, its control group kills it or its own
// limits refuse it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::vlm::tensor {

// The least of what the machine has available, what control groups leave, and what RLIMIT_DATA and RLIMIT_AS
// leave; 0 when nothing says.
std::size_t free_memory();

// What the control groups above a process leave; arguments as group_folders() has them. Pages of files do not
// count as taken: they can be read again.
std::optional<std::size_t> left_in_groups(std::string_view membership, const std::string& root);

}  // namespace sluice::vlm::tensor
