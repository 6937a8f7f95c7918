#include "vlm/tensor/control_groups.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace sluice::vlm::tensor {

namespace {

void add_up_to_root(const std::string& mount, std::string path, std::vector<std::string>& folders) {
  folders.push_back(mount);
  while (!path.empty() && path != "/") {
    folders.push_back(mount + path);
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

std::vector<std::string> group_folders(std::string_view membership, const std::string& root,
                                       std::string_view controller) {
  std::vector<std::string> folders;
  const std::string wanted = "," + std::string(controller) + ",";
  while (!membership.empty()) {
    const std::string_view line = membership.substr(0, membership.find('\n'));
    membership.remove_prefix(std::min(membership.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const std::string path(line.substr(second + 1));
    if (controllers == ",,")
      add_up_to_root(root, path, folders);
    else if (controllers.contains(wanted))
      add_up_to_root(root + "/" + std::string(controller), path, folders);
  }
  return folders;
}

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace sluice::vlm::tensor
