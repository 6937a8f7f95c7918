// Money as people and JSON read it: exact, in USD, never with an exponent.
#pragma once

#include <string>

#include "base/money.h"

namespace sluice::base {

// "0.0000001", "5", "-0.25": also a JSON number.
std::string usd_text(NanoUsd amount);
// Of a setting or a sum of doubles: to the nano-USD, as everything here; "?" when it is no amount.
std::string usd_text(double usd);

}  // namespace sluice::base
