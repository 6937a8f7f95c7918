#include "hub/catalog/price_list.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <span>

#include "hub/catalog/limits.h"
#include "hub/catalog/provider.h"
#include "hub/catalog/rate_names.h"
#include "hub/catalog/strict_json.h"

namespace sluice::hub::catalog {
namespace {

using base::NanoUsd;
using base::Status;
using simdjson::dom::element;

Status read_usd(element value, const std::string& where, double most, std::optional<NanoUsd>& out) {
  double usd = 0;
  if (value.get(usd) != simdjson::SUCCESS || !(usd >= 0) || usd > most)
    return refuse_at(where, fmt::format("expected US dollars, 0 to {}", most));
  out = NanoUsd{std::llround(usd * 1e9)};
  return {};
}

auto rates_into(Rates& rates, std::span<const RateName> names, double most) {
  return [&rates, names, most](element value, const std::string& where) {
    std::vector<Field> fields;
    for (const RateName& one : names) {
      fields.push_back({one.name, false, [&rates, &one, most](element number, const std::string& at) {
                          return read_usd(number, at, most, rates.*one.rate);
                        }});
    }
    return read_object(value, where, fields);
  };
}

// A text that is shown to people: bounded, no control characters.
auto note_into(std::string& out) {
  return [&out](element value, const std::string& where) -> Status {
    SLUICE_TRY_VOID(text_into(out)(value, where));
    if (out.size() > kPriceTextBytesMax)
      return refuse_at(where,
                       fmt::format("expected at most {} bytes, found {}", kPriceTextBytesMax, out.size()));
    if (std::ranges::any_of(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
      return refuse_at(where, "expected no control characters");
    return {};
  };
}

auto date_into(std::string& out) {
  return [&out](element value, const std::string& where) -> Status {
    SLUICE_TRY_VOID(text_into(out)(value, where));
    if (!day_s(out)) return refuse_at(where, "expected a day, YYYY-MM-DD");
    return {};
  };
}

auto id_into(std::string& out) {
  return [&out](element value, const std::string& where) -> Status {
    SLUICE_TRY_VOID(note_into(out)(value, where));
    if (out.empty()) return refuse_at(where, "expected an id, found ''");
    return {};
  };
}

auto count_into(std::optional<std::uint64_t>& out) {
  return [&out](element value, const std::string& where) -> Status {
    std::uint64_t count = 0;
    if (value.get(count) != simdjson::SUCCESS || count == 0 || count > kContextTokensMax)
      return refuse_at(where, fmt::format("expected tokens, 1 to {}", kContextTokensMax));
    out = count;
    return {};
  };
}

Status read_tier(element value, const std::string& where, std::vector<Tier>& tiers) {
  Tier& tier = tiers.emplace_back();
  std::optional<std::uint64_t> above;
  SLUICE_TRY_VOID(
      read_object(value, where,
                  {{"above_input", true, count_into(above)},
                   {"usd_per_million", true, rates_into(tier.rates, kPerMillion, kUsdPerMillionMax)}}));
  tier.above_input.count = *above;
  if (tiers.size() > kTiersMax) return refuse_at(where, fmt::format("expected at most {} tiers", kTiersMax));
  if (tiers.size() > 1 && tiers[tiers.size() - 2].above_input >= tier.above_input)
    return refuse_at(where + "/above_input", "expected more than the tier before");
  return {};
}

Status read_later(element value, const std::string& where, std::vector<LaterPrice>& later) {
  LaterPrice& one = later.emplace_back();
  SLUICE_TRY_VOID(
      read_object(value, where,
                  {{"from", true, date_into(one.from)},
                   {"usd_per_million", false, rates_into(one.rates, kPerMillion, kUsdPerMillionMax)},
                   {"usd_each", false, rates_into(one.rates, kEach, kUsdEachMax)}}));
  if (later.size() > kTiersMax) return refuse_at(where, fmt::format("expected at most {}", kTiersMax));
  if (later.size() > 1 && later[later.size() - 2].from >= one.from)
    return refuse_at(where + "/from", "expected a later day than the one before");
  return {};
}

// What other sources say is kept in the files for people; the reader only makes sure that it is well formed.
Status read_difference(element value, const std::string& where) {
  std::string source, date;
  Rates rates;
  return read_object(value, where,
                     {{"source", true, note_into(source)},
                      {"date", false, date_into(date)},
                      {"input", false,
                       [&](element one, const std::string& at) {
                         return read_usd(one, at, kUsdPerMillionMax, rates.input);
                       }},
                      {"output", false, [&](element one, const std::string& at) {
                         return read_usd(one, at, kUsdPerMillionMax, rates.output);
                       }}});
}

Status read_price(element value, const std::string& where, StatedOffer& stated) {
  Price& price = stated.offer.price.emplace();
  std::vector<std::string> agrees;
  SLUICE_TRY_VOID(read_object(
      value, where,
      {{"source", true, note_into(price.source)},
       {"date", true, date_into(price.date)},
       {"from", false, date_into(stated.price_from)},
       {"usd_per_million", false, rates_into(price.rates, kPerMillion, kUsdPerMillionMax)},
       {"usd_each", false, rates_into(price.rates, kEach, kUsdEachMax)},
       {"tiers", false,
        [&](element list, const std::string& at) {
          return read_array(list, at, [&](element one, const std::string& here) {
            return read_tier(one, here, price.tiers);
          });
        }},
       {"later", false,
        [&](element list, const std::string& at) {
          return read_array(list, at, [&](element one, const std::string& here) {
            return read_later(one, here, stated.later);
          });
        }},
       {"free", false, flag_into(price.free)},
       {"doubt", false, note_into(price.doubt)},
       {"agrees", false, texts_into(agrees)},
       {"differs", false,
        [](element list, const std::string& at) { return read_array(list, at, read_difference); }}}));
  if (price.rates == Rates{} && !price.free) return refuse_at(where, "expected a figure, or \"free\": true");
  return {};
}

auto kind_into(std::optional<tasks::Kind>& out) {
  return [&out](element value, const std::string& where) -> Status {
    std::string name;
    SLUICE_TRY_VOID(text_into(name)(value, where));
    out = tasks::kind_named(name);
    if (!out) return refuse_at(where, fmt::format("no kind of work is called '{}'", name.substr(0, 40)));
    return {};
  };
}

Status read_offer(element value, const std::string& where, StatedOffer& stated) {
  Offer& offer = stated.offer;
  SLUICE_TRY_VOID(read_object(value, where,
                              {{"id", true, id_into(offer.provider_model)},
                               {"model", true, id_into(offer.model)},
                               {"variant", false, id_into(offer.variant)},
                               {"quantization", false, id_into(offer.quantization)},
                               {"region", false, id_into(offer.region)},
                               {"kind", false, kind_into(offer.kind)},
                               {"context_length", false, count_into(offer.context_length)},
                               {"output_max", false, count_into(offer.output_max)},
                               {"images", false, known_into(offer.images)},
                               {"audio", false, known_into(offer.audio)},
                               {"documents", false, known_into(offer.documents)},
                               {"tools", false, known_into(offer.tools)},
                               {"structured_output", false, known_into(offer.structured_output)},
                               {"uncertain", false, flag_into(offer.is_uncertain)},
                               {"source", false, note_into(offer.source)},
                               {"price", false, [&](element price, const std::string& at) {
                                  return read_price(price, at, stated);
                                }}}));
  if (offer.source.empty() && offer.price) offer.source = offer.price->source;
  if (offer.source.empty()) return refuse_at(where, "'source' is missing: a price would bring one");
  return {};
}

Status read_list(element root, const std::string& where, PriceList& list) {
  std::string provider;
  std::vector<std::string> author_of;
  SLUICE_TRY_VOID(read_object(
      root, where,
      {{"provider", true, id_into(provider)},
       {"author_of", false, texts_into(author_of)},
       {"same_as", false,
        [&](element map, const std::string& at) {
          return read_map(map, at,
                          [&](const std::string& name, element id, const std::string& here) -> Status {
                            if (name.empty() || name.size() > kModelTextBytesMax)
                              return refuse_at(here, "expected a name");
                            return id_into(list.same_as.emplace_back(name, "").second)(id, here);
                          });
        }},
       {"offers", true, [&](element array, const std::string& at) {
          return read_array(array, at, [&](element one, const std::string& here) -> Status {
            if (list.offers.size() >= kOffersMax)
              return refuse_at(here, fmt::format("expected at most {} offers", kOffersMax));
            return read_offer(one, here, list.offers.emplace_back());
          });
        }}}));
  if (const std::string problem = refuse_provider_id(provider); !problem.empty())
    return refuse_at(where + "/provider", problem);
  for (StatedOffer& stated : list.offers) {
    stated.offer.provider = provider;
    const std::string_view author =
        std::string_view(stated.offer.model).substr(0, stated.offer.model.find('/'));
    stated.offer.is_author = std::ranges::find(author_of, author) != author_of.end();
  }
  return {};
}

}  // namespace

base::Result<PriceList> parse_price_list(std::string_view json, std::string_view where) {
  PriceList list;
  const std::string place(where);
  SLUICE_TRY_VOID(read_json_file(json, place, kPriceFileBytesMax,
                                 [&](element root) { return read_list(root, place, list); }));
  return list;
}

std::optional<std::int64_t> day_s(std::string_view date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const auto [end, error] = std::from_chars(date.data() + at, date.data() + at + length, value);
    return error == std::errc() && end == date.data() + at + length ? value : -1;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (year < 1970 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day when(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!when.ok()) return std::nullopt;
  return std::chrono::sys_days(when).time_since_epoch() / std::chrono::seconds(1);
}

std::string date_of(std::int64_t seconds) {
  const std::chrono::year_month_day when(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds))));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(when.year()), static_cast<unsigned>(when.month()),
                     static_cast<unsigned>(when.day()));
}

}  // namespace sluice::hub::catalog
