#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kF32;

}  // namespace sluice::vlm::kernels
