#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ5_0;

}  // namespace sluice::vlm::kernels
