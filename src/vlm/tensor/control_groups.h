// Where the kernel tells what the control groups above this process allow. Private to tensor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::vlm::tensor {

// Folders of the groups that hold a process, for `controller` ("cpu", "memory"). `membership` is the text of
// /proc/self/cgroup, `root` where the hierarchies are mounted (/sys/fs/cgroup). Understands v2, and v1 with a
// hierarchy for each controller. Containers often see their own group as the root, so every folder from the
// one named up to the root counts.
std::vector<std::string> group_folders(std::string_view membership, const std::string& root,
                                       std::string_view controller);

std::optional<std::string> read_text(const std::string& path);

}  // namespace sluice::vlm::tensor
