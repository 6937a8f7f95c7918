#include "hub/catalog/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/strings.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/provider.h"
#include "hub/catalog/strict_json.h"

namespace sluice::hub::catalog {
namespace {

using base::NanoUsd;
using simdjson::dom::element;

constexpr double kMillion = 1e6;

std::string_view text_at(element row, std::string_view key) {
  std::string_view text;
  return row[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::optional<bool> flag_at(element row, std::string_view key) {
  bool flag = false;
  return row[key].get(flag) == simdjson::SUCCESS ? std::optional(flag) : std::nullopt;
}

// A number, or a decimal written as text.
std::optional<double> number_at(element row, std::string_view key) {
  element value;
  if (row[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || text.empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> tokens_at(element row, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto number = number_at(row, key);
    if (number && *number >= 1 && *number <= static_cast<double>(kContextTokensMax))
      return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

bool holds(element row, std::string_view list, std::string_view wanted) {
  simdjson::dom::array items;
  if (row.at_pointer(list).get(items) != simdjson::SUCCESS) return false;
  return std::ranges::any_of(items, [&](element item) {
    std::string_view text;
    return item.get(text) == simdjson::SUCCESS && text == wanted;
  });
}

bool has(element row, std::string_view pointer) {
  element any;
  return row.at_pointer(pointer).get(any) == simdjson::SUCCESS;
}

bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= kPriceTextBytesMax &&
         std::ranges::none_of(id, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_far_from(const std::optional<NanoUsd>& stated, const std::optional<NanoUsd>& known) {
  if (!stated || !known || (stated->nanos == 0 && known->nanos == 0)) return false;
  const double a = static_cast<double>(stated->nanos), b = static_cast<double>(known->nanos);
  return a > b * kPriceJumpMax || b > a * kPriceJumpMax;
}

class ListingReader {
 public:
  explicit ListingReader(const ListingContext& context)
      : context_(context),
        source_(fmt::format("{}: list of models", context.provider)),
        today_(date_of(context.today_s)) {}

  base::Status read(element root) {
    simdjson::dom::array rows;
    if (root.get(rows) != simdjson::SUCCESS && root["data"].get(rows) != simdjson::SUCCESS &&
        root["models"].get(rows) != simdjson::SUCCESS)
      return base::fail(base::ErrorCode::upstream_failed, "{}: holds no array of models", source_);
    for (const element row : rows) {
      if (out_.offers >= kOffersMax) {
        ++out_.passed_over;
        continue;
      }
      simdjson::dom::object object;
      if (row.get(object) != simdjson::SUCCESS || !read_row(row)) ++out_.passed_over;
    }
    return {};
  }

  Listing take() { return std::move(out_); }

 private:
  bool read_row(element row) {
    std::string_view id = text_at(row, "id");
    if (id.empty()) id = text_at(row, "name");
    if (!is_plain_id(id)) return false;
    StatedOffer stated = begin_offer(context_.provider, id, row);
    if (!is_plain_id(stated.offer.model)) return false;  // the provider's name before it made it too long
    simdjson::dom::array providers;
    if (row["providers"].get(providers) == simdjson::SUCCESS) {
      read_routed(providers, stated);
    } else {
      stated.offer.price = price_of(row, stated.offer);
    }
    add(std::move(stated));
    return true;
  }

  StatedOffer begin_offer(std::string_view provider, std::string_view id, element row) {
    StatedOffer stated;
    Offer& offer = stated.offer;
    offer.provider = std::string(provider);
    offer.provider_model = std::string(id);
    offer.source = source_;
    name_model(offer, row);
    offer.context_length =
        tokens_at(row, {"context_length", "context_window", "max_context_length", "max_model_len"});
    element top;
    if (row["top_provider"].get(top) == simdjson::SUCCESS && top.is_object())
      offer.output_max = tokens_at(top, {"max_completion_tokens"});
    if (!offer.output_max) offer.output_max = tokens_at(row, {"max_output_tokens", "max_completion_tokens"});
    if (has(row, "/architecture/input_modalities")) {
      offer.images = holds(row, "/architecture/input_modalities", "image");
      offer.audio = holds(row, "/architecture/input_modalities", "audio");
      offer.documents = holds(row, "/architecture/input_modalities", "file");
    }
    if (has(row, "/supported_parameters")) {
      offer.tools = holds(row, "/supported_parameters", "tools");
      offer.structured_output = holds(row, "/supported_parameters", "structured_outputs");
    }
    return stated;
  }

  // Which model an id means: what the catalogue knows, what the list declares, the id itself where it is one
  // of the Hub; else a name that nobody else's can be equal to.
  void name_model(Offer& offer, element row) {
    const std::string_view id = offer.provider_model;
    if (const OfferPtr known = context_.known->find(offer.provider, id)) {
      offer.model = known->model;
      offer.variant = known->variant;
      return;
    }
    const std::string_view declared = text_at(row, "hugging_face_id");
    const bool is_free_tier = id.ends_with(":free");
    if (is_free_tier) offer.variant = "free";  // other terms: never in place of the ordinary one
    if (is_plain_id(declared)) {
      offer.model = std::string(declared);
    } else if (id.contains('/') && offer.provider != "openrouter") {
      offer.model = std::string(id);
    } else {
      offer.model = fmt::format("{}/{}", offer.provider, id);
    }
    if (const OfferedModel* model = context_.known->find(offer.model)) offer.model = model->id;
  }

  // What each of a router's providers asks. The dearest stands for the router, which chooses among them.
  void read_routed(simdjson::dom::array providers, StatedOffer& router) {
    std::size_t live = 0;
    bool same = true;
    for (const element row : providers) {
      const std::string_view name = text_at(row, "provider");
      simdjson::dom::object object;
      if (row.get(object) != simdjson::SUCCESS || name.empty() || text_at(row, "status") == "error") continue;
      ++live;
      Offer direct = read_direct(row, name, router.offer);
      if (!direct.price) {
        same = false;
        continue;
      }
      same = same && (!router.offer.price || router.offer.price->rates == direct.price->rates);
      if (!router.offer.price || is_dearer(direct.price->rates, router.offer.price->rates))
        router.offer.price = direct.price;
      if (direct.provider_model.empty()) continue;
      StatedOffer stated;
      stated.offer = std::move(direct);
      add(std::move(stated));
    }
    if (!router.offer.price) return;
    router.offer.price->doubt =
        same || live == 1 ? "" : fmt::format("the dearest known of {} providers", live);
  }

  // A provider's row below a model; without an id where the catalogue does not know what it calls the model.
  Offer read_direct(element row, std::string_view name, const Offer& router) {
    Offer offer;
    if (const OfferPtr known = context_.known->find_at(name, router.model); known && known->variant.empty()) {
      offer.provider = known->provider;
      offer.provider_model = known->provider_model;
      offer.model = known->model;
    }
    offer.source = source_;
    offer.context_length = tokens_at(row, {"context_length"});
    offer.tools = flag_at(row, "supports_tools");
    offer.structured_output = flag_at(row, "supports_structured_output");
    offer.price = price_of(row, offer);
    return offer;
  }

  static bool is_dearer(const Rates& a, const Rates& b) {
    const auto sum = [](const Rates& rates) {
      return rates.input.value_or(NanoUsd{}).nanos + rates.output.value_or(NanoUsd{}).nanos;
    };
    return sum(a) > sum(b);
  }

  std::optional<NanoUsd> rate_of(element pricing, std::string_view key, double factor, double most) {
    const auto number = number_at(pricing, key);
    if (!number) return std::nullopt;
    const double usd = *number * factor;
    if (!(usd >= 0) || usd > most) {
      ++out_.passed_over;  // -1 stands for "it depends"; anything else of the kind is a mistake
      return std::nullopt;
    }
    return NanoUsd{std::llround(usd * 1e9)};
  }

  Rates rates_of(element pricing) {
    Rates rates;
    const bool per_token = pricing["prompt"].error() == simdjson::SUCCESS;
    const auto read = [&](std::string_view key) {
      return rate_of(pricing, key, per_token ? kMillion : 1, kUsdPerMillionMax);
    };
    rates.input = read(per_token ? "prompt" : "input");
    rates.output = read(per_token ? "completion" : "output");
    rates.cache_read = read(per_token ? "input_cache_read" : "cache_read");
    rates.cache_write = read(per_token ? "input_cache_write" : "cache_write");
    if (!per_token) return rates;
    rates.reasoning = read("internal_reasoning");
    rates.request = rate_of(pricing, "request", 1, kUsdEachMax);
    rates.search = rate_of(pricing, "web_search", 1, kUsdEachMax);
    // OpenRouter writes zeros for what it does not charge apart.
    for (auto* rate :
         {&rates.cache_read, &rates.cache_write, &rates.reasoning, &rates.request, &rates.search})
      if (*rate == NanoUsd{}) rate->reset();
    return rates;
  }

  std::optional<Price> price_of(element row, const Offer& offer) {
    element pricing;
    if (row["pricing"].get(pricing) != simdjson::SUCCESS || !pricing.is_object()) return std::nullopt;
    Price price{.rates = rates_of(pricing),
                .tiers = {},
                .free = false,
                .source = source_,
                .date = today_,
                .doubt = {}};
    if (!price.rates.input && !price.rates.output) return std::nullopt;
    if (price.rates.input.value_or(NanoUsd{}).nanos == 0 &&
        price.rates.output.value_or(NanoUsd{}).nanos == 0) {
      // Zeros are commonly a figure that nobody filled in.
      if (!flag_at(row, "is_free").value_or(offer.variant == "free")) {
        ++out_.passed_over;
        return std::nullopt;
      }
      price.free = true;
    }
    const std::string_view currency = text_at(pricing, "currency");
    if (!currency.empty() && !base::equals_ignoring_case(currency, "usd"))
      price.doubt = "currency: not US dollars";
    compare(price, offer);
    return price;
  }

  // With what was known: the same figures keep what the list has no word for; a leap is doubted.
  void compare(Price& price, const Offer& offer) const {
    const OfferPtr known = context_.known->find(offer.provider, offer.provider_model);
    if (!known || !known->price) return;
    const Rates& before = known->price->rates;
    if (before.input == price.rates.input && before.output == price.rates.output) {
      price.rates = before;
      price.tiers = known->price->tiers;
      return;
    }
    if (price.free || known->price->free) return;
    if (is_far_from(price.rates.input, before.input) || is_far_from(price.rates.output, before.output)) {
      price.doubt = fmt::format("leap: more than {:g} times off what was known on {}", kPriceJumpMax,
                                known->price->date);
    } else if (!known->price->tiers.empty() && price.doubt.empty()) {
      price.doubt = "long prompts were dearer before; this list does not say";
    }
  }

  void add(StatedOffer stated) {
    if (out_.offers >= kOffersMax || !refuse_provider_id(stated.offer.provider).empty()) return;
    ++out_.offers;
    if (stated.offer.price) {
      ++out_.priced;
      if (!stated.offer.price->doubt.empty()) ++out_.doubted;
    }
    out_.lists[stated.offer.provider].offers.push_back(std::move(stated));
  }

  const ListingContext& context_;
  const std::string source_, today_;
  Listing out_;
};

}  // namespace

base::Result<Listing> read_listing(std::string_view json, const ListingContext& context) {
  ListingReader reader(context);
  SLUICE_TRY_VOID(read_json_file(json, fmt::format("{}: list of models", context.provider),
                                 kPriceFileBytesMax, [&](element root) { return reader.read(root); }));
  return reader.take();
}

}  // namespace sluice::hub::catalog
