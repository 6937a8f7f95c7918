#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kF16;

}  // namespace sluice::vlm::kernels
