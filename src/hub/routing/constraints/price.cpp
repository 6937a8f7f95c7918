#include <fmt/format.h>

#include "base/usd_text.h"
#include "hub/routing/constraints/constraints.h"

namespace sluice::hub::routing::constraints {
namespace {

using base::NanoUsd;
using base::usd_text;
using catalog::Rates;

struct Cap {
  std::optional<NanoUsd> MaxPrice::* cap;
  std::optional<NanoUsd> Rates::* rate;
  std::string_view name;
  bool
      absent_is_zero;  // few lists price requests and images apart; prompts and answers always cost something
};
constexpr Cap kCaps[] = {
    {&MaxPrice::prompt, &Rates::input, "prompt", false},
    {&MaxPrice::completion, &Rates::output, "completion", false},
    {&MaxPrice::request, &Rates::request, "request", true},
    {&MaxPrice::image, &Rates::image, "image", true},
};

std::string why_not_relied_on(const Objection& about) {
  const catalog::Offer* offer = about.option.candidate.offer.get();
  if (offer == nullptr || !offer->price) return "its price is unknown";
  if (about.cost.price == PriceTrust::doubted)
    return fmt::format("its price is in doubt: {}", offer->price->doubt);
  return fmt::format("its price is incomplete or too old (of {})",
                     offer->price->date.empty() ? "an unknown day" : offer->price->date);
}

}  // namespace

std::string refuse_max_price(const Objection& about) {
  const MaxPrice& most = about.situation.wishes->max_price;
  if (most == MaxPrice{} || about.option.candidate.is_device()) return {};
  const catalog::Offer* offer = about.option.candidate.offer.get();
  if (offer == nullptr || !offer->price || about.cost.price != PriceTrust::known)
    return fmt::format("max_price is set, and {}", why_not_relied_on(about));
  if (offer->price->free) return {};
  for (const auto& [cap, rate, name, absent_is_zero] : kCaps) {
    if (!(most.*cap)) continue;
    const std::optional<NanoUsd> found = offer->price->rates.*rate;
    if (!found && absent_is_zero) continue;
    if (!found) return fmt::format("max_price.{} is set, and its price for that is unknown", name);
    if (*found > *(most.*cap))
      return fmt::format("expected at most {} USD for {}, its price is {}", usd_text(*(most.*cap)), name,
                         usd_text(*found));
  }
  return {};
}

std::string refuse_max_cost(const Objection& about) {
  const auto& most = about.situation.wishes->max_cost;
  if (!most) return {};
  if (about.cost.price != PriceTrust::known)
    return fmt::format("the cost is limited to {} USD, and {}", usd_text(*most), why_not_relied_on(about));
  if (!about.cost.worst)
    return fmt::format("the cost is limited to {} USD, and nothing bounds its answer: set max_tokens",
                       usd_text(*most));
  if (*about.cost.worst <= *most) return {};
  return fmt::format("expected a cost of at most {} USD, it may be {}", usd_text(*most),
                     usd_text(*about.cost.worst));
}

}  // namespace sluice::hub::routing::constraints
