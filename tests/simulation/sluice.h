// Sluice's own way: hub/health, hub/routing and nothing else decide.
#pragma once

#include "simulation/chooser.h"

namespace sluice::simulation {

std::unique_ptr<Chooser> make_sluice_cheapest(const View& view, std::uint64_t seed);
std::unique_ptr<Chooser> make_sluice_fastest(const View& view, std::uint64_t seed);
std::unique_ptr<Chooser> make_sluice_unhedged(const View& view, std::uint64_t seed);
std::unique_ptr<Chooser> make_sluice_hedged(const View& view, std::uint64_t seed);

}  // namespace sluice::simulation
