#include "vlm/tensor/core_quota.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "vlm/tensor/control_groups.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::tensor {

namespace {

// "max", "-1" and rubbish mean no limit.
std::size_t cores_of(std::string_view quota, std::string_view period) {
  long long quota_us = 0;
  long long period_us = 0;
  const auto parse = [](std::string_view text, long long& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
  };
  if (!parse(quota, quota_us) || !parse(period, period_us) || quota_us <= 0 || period_us <= 0) return 0;
  return static_cast<std::size_t>((quota_us - 1) / period_us + 1);
}

std::size_t cores_of_folder(const std::string& folder) {
  if (const auto both = read_text(folder + "/cpu.max")) {
    const std::size_t space = both->find(' ');
    if (space == std::string::npos) return 0;
    return cores_of(std::string_view(*both).substr(0, space), std::string_view(*both).substr(space + 1));
  }
  const auto quota = read_text(folder + "/cpu.cfs_quota_us");
  const auto period = read_text(folder + "/cpu.cfs_period_us");
  return quota && period ? cores_of(*quota, *period) : 0;
}

std::size_t smaller_limit(std::size_t a, std::size_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

std::size_t quota_cores(std::string_view membership, const std::string& root) {
  std::size_t cores = 0;
  for (const std::string& folder : group_folders(membership, root, "cpu"))
    cores = smaller_limit(cores, cores_of_folder(folder));
  return cores;
}

std::size_t default_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::size_t cores = 1;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    cores = static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  }
  const std::size_t quota = quota_cores(read_text("/proc/self/cgroup").value_or(""), "/sys/fs/cgroup");
  return std::clamp(smaller_limit(cores, quota), std::size_t{1}, kThreadsMax);
}

}  // namespace sluice::vlm::tensor
