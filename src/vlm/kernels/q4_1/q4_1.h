#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ4_1;

}  // namespace sluice::vlm::kernels
