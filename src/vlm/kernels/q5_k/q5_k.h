#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ5_k;

}  // namespace sluice::vlm::kernels
