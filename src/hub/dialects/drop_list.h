// What a translation could not carry, by name: becomes Begun::dropped. One object per request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/tasks/generation.h"

namespace sluice::hub::dialects {

class DropList {
 public:
  // Each name is kept once, in the order in which they first came; no more than kDroppedNamesMax, the last
  // one then being "...".
  void add(std::string_view name);
  // The names of `others` behind `prefix` ("messages.").
  void add_others(const std::vector<tasks::Extra>& others, std::string_view prefix = {});

  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

}  // namespace sluice::hub::dialects
