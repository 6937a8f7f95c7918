#include "hub/gateway/settings.h"

#include <fmt/format.h>

#include "base/random.h"

namespace sluice::hub::gateway {

AttemptLimits limits_of(const Times& times, bool stream) {
  return {.connect = times.connect,
          .first_byte = times.first_byte,
          // An answer that is not streamed shows nothing before its end.
          .first_token = stream ? times.first_token : std::chrono::milliseconds(0),
          .gap = times.idle};
}

std::string make_instance_id() {
  return fmt::format("{:016x}", base::secure_random_u64());
}

}  // namespace sluice::hub::gateway
