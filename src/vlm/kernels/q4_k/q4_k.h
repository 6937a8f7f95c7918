#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ4_k;

}  // namespace sluice::vlm::kernels
