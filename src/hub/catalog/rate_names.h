// What each figure of a price is called in price lists. One place, for the reader and the writer.
#pragma once

#include <optional>
#include <string_view>

#include "hub/catalog/offer.h"

namespace sluice::hub::catalog {

struct RateName {
  std::string_view name;
  std::optional<base::NanoUsd> Rates::* rate;
};

// USD per million tokens.
inline constexpr RateName kPerMillion[] = {
    {"input", &Rates::input},
    {"output", &Rates::output},
    {"cache_read", &Rates::cache_read},
    {"cache_write", &Rates::cache_write},
    {"cache_write_long", &Rates::cache_write_long},
    {"cache_read_audio", &Rates::cache_read_audio},
    {"input_audio", &Rates::input_audio},
    {"output_audio", &Rates::output_audio},
    {"input_image", &Rates::input_image},
    {"output_image", &Rates::output_image},
    {"reasoning", &Rates::reasoning},
};

// USD for one.
inline constexpr RateName kEach[] = {
    {"image", &Rates::image}, {"request", &Rates::request}, {"search", &Rates::search}};

}  // namespace sluice::hub::catalog
