#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ8_0;

}  // namespace sluice::vlm::kernels
