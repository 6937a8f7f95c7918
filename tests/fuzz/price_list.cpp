// Any bytes as a price list, and as somebody's list of models: read, or refused with a message that says
// where; what is read can be written and read back, looked up, and laid over what is built in.
#include <cstdint>
#include <cstdlib>

#include "hub/catalog/limits.h"
#include "hub/catalog/listing.h"

using namespace sluice::hub::catalog;

namespace {

constexpr std::int64_t kToday = 1'795'305'600;  // 2026-11-22

void check_list(const PriceList& list, const std::string& provider) {
  for (const StatedOffer& stated : list.offers) {
    const auto& price = stated.offer.price;
    if (!price) continue;
    if (!day_s(price->date)) std::abort();
    for (const auto& rate : {price->rates.input, price->rates.output, price->rates.image})
      if (rate && (rate->nanos < 0 || rate->usd() > 1.01 * kUsdPerMillionMax)) std::abort();
  }
  PriceList plain = list;
  for (StatedOffer& stated : plain.offers) stated.offer.is_author = false;
  const auto back = parse_price_list(price_list_json(plain, provider), "back");
  // Sources are cut by nobody: a list that was read can always be written.
  if (!back || back->offers.size() != plain.offers.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const OffersPtr kKnown = Offers::built_in(kToday);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) == 0) {
    const auto list = parse_price_list(text, "fuzz.json");
    if (!list) return list.error().message.starts_with("fuzz.json") ? 0 : (std::abort(), 0);
    if (!list->offers.empty()) check_list(*list, list->offers.front().offer.provider);
    const auto offers = Offers::of({list.operator->(), 1}, kToday);
    if (!offers) return 0;
    for (const StatedOffer& stated : list->offers)
      if ((*offers)->find(stated.offer.provider, stated.offer.provider_model) == nullptr) std::abort();
    return 0;
  }
  const char* const provider = (data[0] & 2) != 0 ? "hf-router" : (data[0] & 4) != 0 ? "openrouter" : "groq";
  const auto listing = read_listing(text, {.provider = provider, .known = kKnown.get(), .today_s = kToday});
  if (!listing) return 0;
  std::vector<PriceList> lists;
  for (const auto& [name, list] : listing->lists) {
    check_list(list, name);
    lists.push_back(list);
  }
  if (lists.size() < 8 && !Offers::of(lists, kToday)) std::abort();
  return 0;
}
