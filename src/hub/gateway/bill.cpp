#include "hub/gateway/bill.h"

#include <algorithm>
#include <limits>

namespace sluice::hub::gateway {
namespace {

using base::NanoUsd;
using tasks::Tokens;
using Rate = std::optional<NanoUsd>;

// A sum that stays unknown once a part of it is, and stops at the largest amount there is.
class Sum {
 public:
  void add(Tokens tokens, const Rate& per_million) {
    if (tokens.count == 0) return;
    if (!per_million || per_million->nanos < 0) {
      known_ = false;
      return;
    }
    add_nanos((static_cast<__int128>(tokens.count) * per_million->nanos + 999'999) / 1'000'000);
  }
  void add_each(std::uint32_t count, const Rate& each) {
    if (each) add_nanos(static_cast<__int128>(count) * each->nanos);
  }
  std::optional<NanoUsd> total() const {
    if (!known_) return std::nullopt;
    return NanoUsd{static_cast<std::int64_t>(nanos_)};
  }

 private:
  void add_nanos(__int128 more) {
    nanos_ = std::min<__int128>(nanos_ + more, std::numeric_limits<std::int64_t>::max());
  }

  __int128 nanos_ = 0;
  bool known_ = true;
};

Rate either(const Rate& own, const Rate& family) {
  return own ? own : family;
}

const catalog::Rates& rates_for(const catalog::Price& price, Tokens input) {
  const catalog::Rates* rates = &price.rates;
  for (const catalog::Tier& tier : price.tiers)
    if (input > tier.above_input) rates = &tier.rates;
  return *rates;
}

}  // namespace

std::optional<NanoUsd> bill(const catalog::Price& price, const tasks::Usage& usage, std::uint32_t images) {
  if (price.free) return NanoUsd{};
  const catalog::Rates& rates = rates_for(price, usage.input);
  Sum sum;
  const Tokens written_long = std::min(usage.cache_write_long, usage.cache_write);
  const Tokens written = saturating_difference(usage.cache_write, written_long);
  const Tokens seen = usage.input_audio + usage.input_image;
  // Pictures and sound may have been cached; then they are charged as cached.
  const Tokens fresh = saturating_difference(usage.input, usage.cached + usage.cache_write);
  const Tokens audio = std::min(usage.input_audio, fresh);
  const Tokens image = std::min(usage.input_image, saturating_difference(fresh, audio));
  sum.add(saturating_difference(fresh, std::min(seen, audio + image)), rates.input);
  sum.add(audio, rates.input_audio);
  sum.add(image, either(rates.input_image, rates.input));
  sum.add(usage.cached, either(rates.cache_read, rates.input));
  sum.add(written, either(rates.cache_write, rates.input));
  sum.add(written_long, either(rates.cache_write_long, either(rates.cache_write, rates.input)));

  const Tokens special = usage.reasoning + usage.output_audio + usage.output_image;
  sum.add(saturating_difference(usage.output, special), rates.output);
  sum.add(usage.reasoning, either(rates.reasoning, rates.output));
  sum.add(usage.output_audio, rates.output_audio);
  sum.add(usage.output_image, either(rates.output_image, rates.output));

  sum.add_each(images, rates.image);
  sum.add_each(1, rates.request);
  return sum.total();
}

}  // namespace sluice::hub::gateway
