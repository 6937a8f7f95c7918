// How many cores a process may use, read from the kernel's own files. Private to tensor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::vlm::tensor {

// Whole cores that the CPU quotas above this process allow, rounded up; 0 when there is none. Arguments as
// group_folders() has them (control_groups.h); the smallest of all groups wins.
std::size_t quota_cores(std::string_view membership, const std::string& root);

}  // namespace sluice::vlm::tensor
