#include "hub/gateway/settings.h"

#include <fmt/format.h>

#include "base/random.h"

namespace sluice::hub::gateway {

std::string make_instance_id() {
  return fmt::format("{:016x}", base::secure_random_u64());
}

}  // namespace sluice::hub::gateway
