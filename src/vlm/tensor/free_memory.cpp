#include "vlm/tensor/free_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "vlm/tensor/control_groups.h"

namespace sluice::vlm::tensor {

namespace {

std::optional<std::size_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::size_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

// "max" is none.
std::optional<std::size_t> number_in(const std::string& path) {
  const auto text = read_text(path);
  return text ? number_at(*text) : std::nullopt;
}

// The number behind a name at the beginning of a line.
std::optional<std::size_t> number_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(name) && line.size() > name.size() &&
        (line[name.size()] == ' ' || name.back() == ':'))
      return number_at(line.substr(name.size()));
  }
  return std::nullopt;
}

struct GroupFiles {
  const char* bound;
  const char* used;
  std::array<const char*, 2> file_pages;  // in memory.stat
};
constexpr GroupFiles kSecondVersion{
    .bound = "/memory.max", .used = "/memory.current", .file_pages = {"inactive_file", "active_file"}};
constexpr GroupFiles kFirstVersion{.bound = "/memory.limit_in_bytes",
                                   .used = "/memory.usage_in_bytes",
                                   .file_pages = {"total_inactive_file", "total_active_file"}};

std::optional<std::size_t> left_in(const std::string& folder, const GroupFiles& files) {
  const auto bound = number_in(folder + files.bound);
  auto used = number_in(folder + files.used);
  if (!bound || !used) return std::nullopt;
  const std::string stat = read_text(folder + "/memory.stat").value_or("");
  for (const char* name : files.file_pages) *used -= std::min(*used, number_of(stat, name).value_or(0));
  return *bound - std::min(*bound, *used);
}

std::size_t left_of(int resource, std::string_view status, std::string_view name) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::size_t>::max();
  const std::size_t used = number_of(status, name).value_or(0) * 1024;
  return limit.rlim_cur - std::min<std::size_t>(limit.rlim_cur, used);
}

}  // namespace

std::optional<std::size_t> left_in_groups(std::string_view membership, const std::string& root) {
  std::optional<std::size_t> least;
  for (const std::string& folder : group_folders(membership, root, "memory"))
    for (const GroupFiles& files : {kSecondVersion, kFirstVersion})
      if (const auto left = left_in(folder, files)) least = std::min(*left, least.value_or(*left));
  return least;
}

std::size_t free_memory() {
  constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();
  std::size_t least = kUnknown;
  if (const auto info = read_text("/proc/meminfo"))
    if (const auto kilobytes = number_of(*info, "MemAvailable:")) least = *kilobytes * 1024;
  const std::string membership = read_text("/proc/self/cgroup").value_or("");
  least = std::min(least, left_in_groups(membership, "/sys/fs/cgroup").value_or(kUnknown));
  const std::string status = read_text("/proc/self/status").value_or("");
  least = std::min(least, left_of(RLIMIT_DATA, status, "VmData:"));
  least = std::min(least, left_of(RLIMIT_AS, status, "VmSize:"));
  return least == kUnknown ? 0 : std::max<std::size_t>(least, 1);
}

}  // namespace sluice::vlm::tensor
