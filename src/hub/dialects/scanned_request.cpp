#include "hub/dialects/scanned_request.h"

#include <algorithm>

namespace sluice::hub::dialects {

bool is_hub_parameter(std::string_view name) {
  return std::ranges::find(kHubParameters, name) != kHubParameters.end();
}

const Member* ScannedRequest::find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

}  // namespace sluice::hub::dialects
