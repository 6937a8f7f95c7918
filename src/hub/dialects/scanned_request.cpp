#include "hub/dialects/scanned_request.h"

#include <algorithm>

namespace sluice::hub::dialects {

const Member* ScannedRequest::find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

}  // namespace sluice::hub::dialects
