// What an answer cost: its usage at the price of its offer, in integers, each part rounded up. Kinds are
// charged apart. Where a price has no figure of its own for cached, written, pictured or reasoning tokens,
// they are charged as what they are a part of, which is what providers do; sound has no such rule, and then
// the cost is unknown: absent, never zero. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/money.h"
#include "hub/catalog/offer.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::gateway {

// `images`: pictures in the request, for prices each.
std::optional<base::NanoUsd> bill(const catalog::Price& price, const tasks::Usage& usage,
                                  std::uint32_t images = 0);

// The provider's own word, else by the price of `offer` (null: none is known), else nobody knows.
std::optional<base::NanoUsd> cost_of(const catalog::OfferPtr& offer, const tasks::Usage& usage,
                                     std::uint32_t images = 0);

}  // namespace sluice::hub::gateway
