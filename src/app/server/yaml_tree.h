// A YAML document as plain text nodes with line numbers. Scalars keep the text as written: "no", "1.10" and
// "010" have no type here, the setting they meet gives them one. Aliases are copied out under a cap on
// nodes, `<<` merges, duplicate keys and several documents are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::app::server {

struct YamlNode {
  enum class Kind { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  int line = 0;  // from 1
  std::string text = {};
  std::string key = {};              // what it is called in the map that holds it
  std::vector<YamlNode> items = {};  // of a list or map, in file order
};

// `name` is the file's name for messages.
base::Result<YamlNode> parse_yaml(std::string_view text, std::string_view name);

}  // namespace sluice::app::server
