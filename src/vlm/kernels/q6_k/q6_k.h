#pragma once

#include "vlm/kernels/format.h"

namespace sluice::vlm::kernels {

extern const QuantFormat kQ6_k;

}  // namespace sluice::vlm::kernels
