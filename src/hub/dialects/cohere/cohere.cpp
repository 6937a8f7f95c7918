#include "hub/dialects/cohere/cohere.h"

#include "hub/dialects/cohere/upstream.h"

namespace sluice::hub::dialects::cohere {

constinit const Dialect kDialect{
    .name = "cohere",
    .upstream = UpstreamHalf{.begin = begin_upstream},
    .downstream = std::nullopt,
};

}  // namespace sluice::hub::dialects::cohere
