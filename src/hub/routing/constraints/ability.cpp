#include <fmt/format.h>

#include "hub/routing/constraints/constraints.h"
#include "hub/routing/limits.h"

namespace sluice::hub::routing::constraints {
namespace {

using catalog::Capabilities;
using catalog::Offer;

// What is known of the model goes before what is known of the provider in general.
std::string refuse_ability(const Objection& about, bool needed, std::optional<bool> Offer::* of_offer,
                           std::optional<bool> Capabilities::* of_provider, std::string_view what) {
  if (!needed) return {};
  const catalog::Candidate& candidate = about.option.candidate;
  std::optional<bool> can;
  if (candidate.offer != nullptr) can = (*candidate.offer).*of_offer;
  if (!can && candidate.provider != nullptr) can = candidate.provider->capabilities.*of_provider;
  if (can.value_or(true)) return {};
  return fmt::format("the request has {}, which {} does not take with {}", what, candidate.provider_id(),
                     candidate.model);
}

std::uint64_t count(std::optional<tasks::Tokens> tokens) {
  return tokens ? tokens->count : 0;
}

}  // namespace

std::string refuse_task(const Objection& about) {
  const catalog::Candidate& candidate = about.option.candidate;
  // Counting tokens is answered by our own estimate where the provider cannot.
  const tasks::Kind kind = about.situation.ask->kind;
  if (candidate.is_device() || kind == tasks::Kind::count_tokens || candidate.provider->offers(kind))
    return {};
  return fmt::format("{} does not offer {}", candidate.provider_id(), tasks::name_of(kind));
}

std::string refuse_images(const Objection& about) {
  return refuse_ability(about, about.situation.ask->has_images, &Offer::images, &Capabilities::images,
                        "images");
}
std::string refuse_audio(const Objection& about) {
  return refuse_ability(about, about.situation.ask->has_audio, &Offer::audio, &Capabilities::audio, "audio");
}
std::string refuse_documents(const Objection& about) {
  return refuse_ability(about, about.situation.ask->has_files, &Offer::documents, &Capabilities::documents,
                        "documents");
}
std::string refuse_tools(const Objection& about) {
  return refuse_ability(about, about.situation.ask->has_tools, &Offer::tools, &Capabilities::tools, "tools");
}
std::string refuse_structure(const Objection& about) {
  return refuse_ability(about, about.situation.ask->wants_structure, &Offer::structured_output,
                        &Capabilities::structured_output, "a response format");
}

std::string refuse_context(const Objection& about) {
  const Offer* offer = about.option.candidate.offer.get();
  if (offer == nullptr || !offer->context_length) return {};
  const Ask& ask = *about.situation.ask;
  const auto least =
      static_cast<std::uint64_t>(kEstimateSlack * static_cast<double>(ask.input_expected.count));
  const std::uint64_t answer = count(ask.output_max);
  const std::uint64_t room = *offer->context_length;
  if (least <= room && answer <= room - least) return {};
  return fmt::format("about {} tokens of prompt and up to {} of answer do not fit its context of {}",
                     ask.input_expected.count, answer, room);
}

std::string refuse_output(const Objection& about) {
  const Offer* offer = about.option.candidate.offer.get();
  const std::uint64_t wanted = count(about.situation.ask->output_max);
  if (offer == nullptr || !offer->output_max || wanted <= *offer->output_max) return {};
  return fmt::format("asked for up to {} tokens, its answers end at {}", wanted, *offer->output_max);
}

}  // namespace sluice::hub::routing::constraints
