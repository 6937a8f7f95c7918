// How many cores a process may use, read from the kernel's own files. Private to tensor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::vlm::tensor {

// Whole cores that the CPU quotas above this process allow, rounded up; 0 when there is none. `membership` is
// the text of /proc/self/cgroup, `root` where the hierarchies are mounted (/sys/fs/cgroup). Understands v2
// (cpu.max) and v1 (cpu/cpu.cfs_quota_us). Containers often see their own group as the root, so every folder
// from the one named down to the root counts and the smallest wins.
std::size_t quota_cores(std::string_view membership, const std::string& root);

}  // namespace sluice::vlm::tensor
