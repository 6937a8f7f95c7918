// One provider's way of serving one model: under which id, at what price, within which limits. Offers come
// from data/prices/, from refreshed lists, and from the configuration, and are never guessed: what no source
// says is absent, and absent is never taken for zero or for "yes".
//
// Plain immutable values; shared between threads through shared_ptr<const Offer>.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "hub/tasks/kind.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::catalog {

// What each kind of consumption costs. Absent: no source says; a kind without a figure of its own is charged
// as its family where the provider does so (cached input as input, reasoning as output).
struct Rates {
  // Per million tokens.
  std::optional<base::NanoUsd> input, output;
  std::optional<base::NanoUsd> cache_read, cache_write, cache_write_long;
  std::optional<base::NanoUsd> input_audio, output_audio, input_image, output_image, reasoning;
  std::optional<base::NanoUsd> cache_read_audio;
  // Each; a search is one that the provider's own search tool makes.
  std::optional<base::NanoUsd> image, request, search;

  friend bool operator==(const Rates&, const Rates&) = default;
};

// In place of the base rates once the prompt has more than `above_input` tokens.
struct Tier {
  tasks::Tokens above_input;
  Rates rates;

  friend bool operator==(const Tier&, const Tier&) = default;
};

struct Price {
  Rates rates;
  std::vector<Tier> tiers;  // ascending
  bool free = false;        // said to cost nothing; zero rates alone do not make it so
  std::string source;       // who says so: a price list, "configuration", "novita /v1/models"
  std::string date;         // YYYY-MM-DD: when the source last checked it
  // Why the figure is not to be trusted ("sources differ", "outlier", "currency"); empty: no reason known.
  std::string doubt;

  friend bool operator==(const Price&, const Price&) = default;
};

struct Offer {
  std::string model;           // the Hugging Face repo id, or the author's own id for closed models
  std::string provider;        // an id of the catalogue
  std::string provider_model;  // what that provider calls it
  std::string variant;         // "batch", "fast", ...; empty: the ordinary one
  std::string quantization;    // "fp8", "bf16", ... in OpenRouter's words; empty: unknown
  std::string region;          // "eu", "us", ...; empty: unknown
  std::optional<Price> price;  // absent: unknown, and then never cheap
  std::optional<std::uint64_t> context_length;  // tokens of prompt and answer together
  std::optional<std::uint64_t> output_max;      // tokens
  std::optional<tasks::Kind> kind;              // what it is for; absent: unknown. chat includes completion
  // What it takes and gives; absent: unknown.
  std::optional<bool> images, audio, documents, tools, structured_output;
  bool is_author = false;     // the provider published the model
  bool is_uncertain = false;  // the id is known from documents only
  std::string source;         // of everything but the price

  friend bool operator==(const Offer&, const Offer&) = default;
};

using OfferPtr = std::shared_ptr<const Offer>;

}  // namespace sluice::hub::catalog
