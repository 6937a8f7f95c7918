#include "hub/dialects/gemini/gemini.h"

#include "hub/dialects/gemini/upstream.h"

namespace sluice::hub::dialects::gemini {

constinit const Dialect kDialect{
    .name = "gemini",
    .upstream = UpstreamHalf{.begin = begin_upstream},
    .downstream = std::nullopt,
};

}  // namespace sluice::hub::dialects::gemini
