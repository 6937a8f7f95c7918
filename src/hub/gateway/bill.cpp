#include "hub/gateway/bill.h"

#include <algorithm>
#include <limits>

#include "hub/routing/expected_cost.h"

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
    known_ = known_ && per_million;
    if (per_million) add(routing::cost_of(tokens, *per_million));
  }
  void add(NanoUsd more) {
    if (__builtin_add_overflow(nanos_, more.nanos, &nanos_))
      nanos_ = std::numeric_limits<std::int64_t>::max();
  }
  std::optional<NanoUsd> total() const { return known_ ? std::optional(NanoUsd{nanos_}) : std::nullopt; }

 private:
  std::int64_t nanos_ = 0;
  bool known_ = true;
};

Rate either(const Rate& own, const Rate& family) {
  return own ? own : family;
}

}  // namespace

std::optional<NanoUsd> bill(const catalog::Price& price, const tasks::Usage& usage, std::uint32_t images) {
  if (price.free) return NanoUsd{};
  const catalog::Rates rates = routing::rates_at(price, usage.input);
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

  if (rates.image) sum.add(routing::cost_of({images * std::uint64_t{1'000'000}}, *rates.image));
  if (rates.request) sum.add(*rates.request);
  return sum.total();
}

std::optional<NanoUsd> cost_of(const catalog::OfferPtr& offer, const tasks::Usage& usage,
                               std::uint32_t images) {
  if (usage.reported_cost) return usage.reported_cost;
  return offer && offer->price ? bill(*offer->price, usage, images) : std::nullopt;
}

}  // namespace sluice::hub::gateway
