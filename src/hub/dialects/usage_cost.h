// What an answer cost, told to a client whose provider does not tell it: one member more in the usage object
// of bytes that are otherwise passed on as they came. Pure.
#pragma once

#include "base/money.h"
#include "http/slice.h"

namespace sluice::hub::dialects {

// `body`: an answer of OpenAI's kind, or some events of one. The last usage object in it gets "cost" in USD;
// where there is none, or it says a cost already, nothing changes. What is not touched is not copied.
http::Body add_cost(http::Body body, base::NanoUsd cost);

}  // namespace sluice::hub::dialects
