#include "hub/dialects/drop_list.h"

#include <algorithm>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {

void DropList::add(std::string_view name) {
  if (names_.size() > kDroppedNamesMax || std::ranges::find(names_, name) != names_.end()) return;
  names_.emplace_back(names_.size() == kDroppedNamesMax ? std::string_view("...") : name);
}

void DropList::add_others(const std::vector<tasks::Extra>& others, std::string_view prefix) {
  for (const tasks::Extra& extra : others) add(std::string(prefix) + extra.name);
}

}  // namespace sluice::hub::dialects
