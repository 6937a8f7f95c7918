#include "hub/api/model_rows.h"

#include <algorithm>

#include "hub/catalog/rate_names.h"
#include "hub/health/health.h"

namespace sluice::hub::api {
namespace {

using base::JsonWriter;
using catalog::Candidate;
using catalog::Offer;

constexpr double kDayS = 86'400;

// Hugging Face's two first; the others exist nowhere else and are needed to know what a request costs.
constexpr catalog::RateName kPricing[] = {
    {"input", &catalog::Rates::input},           {"output", &catalog::Rates::output},
    {"cache_read", &catalog::Rates::cache_read}, {"cache_write", &catalog::Rates::cache_write},
    {"reasoning", &catalog::Rates::reasoning},   {"image", &catalog::Rates::image},
    {"request", &catalog::Rates::request},
};

void write_price(JsonWriter& json, const catalog::Price& price, const gateway::Settings& settings,
                 const RowTime& time) {
  json.key("pricing").begin_object();
  for (const catalog::RateName& one : kPricing)
    if (const auto& rate = price.rates.*one.rate)
      json.field(one.name, static_cast<double>(rate->nanos) / 1e9);
  json.end_object().field("is_free", price.free);
  json.key("price").begin_object().field("source", price.source).field("date", price.date);
  if (const auto day = catalog::day_s(price.date)) {
    const double age_s = std::max(0.0, static_cast<double>(time.today_s - *day));
    json.field("age_days", static_cast<std::int64_t>(age_s / kDayS));
    const auto most_s = static_cast<double>(settings.price_max_age.count());
    json.field("too_old", most_s > 0 && age_s > most_s);
  }
  if (!price.doubt.empty()) json.field("doubt", price.doubt);
  json.end_object();
}

void write_known(JsonWriter& json, std::string_view name, const std::optional<bool>& value) {
  if (value) json.field(name, *value);
}

void write_offer(JsonWriter& json, const Offer& offer, const gateway::Settings& settings,
                 const RowTime& time) {
  if (offer.context_length) json.field("context_length", *offer.context_length);
  if (offer.output_max) json.field("max_output_tokens", *offer.output_max);
  if (offer.price) write_price(json, *offer.price, settings, time);
  write_known(json, "supports_tools", offer.tools);
  write_known(json, "supports_structured_output", offer.structured_output);
  if (!offer.variant.empty()) json.field("variant", offer.variant);
  if (!offer.quantization.empty()) json.field("quantization", offer.quantization);
  if (!offer.region.empty()) json.field("region", offer.region);
}

// From traffic through this process; where there was none lately, nothing is said.
void write_figures(JsonWriter& json, const health::Figures& figures) {
  if (figures.first_token_s.weight > 0) json.field("first_token_latency_ms", figures.first_token_s.p50 * 1e3);
  if (figures.tokens_per_s.weight > 0) json.field("throughput", figures.tokens_per_s.p50);
  if (figures.attempts > 0) json.field("failure_chance", figures.failure_chance);
}

void write_provider(JsonWriter& json, const Candidate& candidate, std::string_view model,
                    const gateway::Settings& settings, const gateway::Hub& hub, const RowTime& time) {
  health::Figures figures;
  if (hub.health != nullptr) {
    const std::string route_id = candidate.route_id();
    figures = hub.health->figures({.route_id = route_id, .provider = candidate.provider_id(), .model = model},
                                  time.now);
  }
  json.begin_object().field("provider", candidate.provider_id());
  json.field("status", figures.circuit == health::Circuit::open ? "error" : "live");
  json.field("model", candidate.model);
  if (candidate.offer) {
    write_offer(json, *candidate.offer, settings, time);
  } else if (candidate.is_device()) {
    json.key("pricing")
        .begin_object()
        .field("input", 0)
        .field("output", 0)
        .end_object()
        .field("is_free", true);
  }
  write_figures(json, figures);
  json.field("is_model_author", candidate.offer && candidate.offer->is_author).end_object();
}

// What some candidate takes or gives: a client that wants more asks for a model that says so.
void write_architecture(JsonWriter& json, const gateway::ModelRow& row) {
  const auto any = [&](auto takes) {
    return std::ranges::any_of(row.candidates, [&](const Candidate& candidate) {
      return candidate.offer && takes(*candidate.offer);
    });
  };
  const bool known =
      any([](const Offer& offer) { return offer.kind.has_value() || offer.images.has_value(); });
  if (!known) return;
  json.key("architecture").begin_object().key("input_modalities").begin_array().string("text");
  if (any([](const Offer& offer) { return offer.images == true; })) json.string("image");
  if (any([](const Offer& offer) { return offer.audio == true; })) json.string("audio");
  if (any([](const Offer& offer) { return offer.documents == true; })) json.string("file");
  json.end_array().key("output_modalities").begin_array();
  const auto makes = [&](tasks::Kind kind) {
    return any([&](const Offer& offer) { return offer.kind == kind; });
  };
  if (makes(tasks::Kind::embed))
    json.string("embeddings");
  else if (makes(tasks::Kind::rerank))
    json.string("scores");
  else if (makes(tasks::Kind::image))
    json.string("image");
  else
    json.string("text");
  json.end_array().end_object();
}

}  // namespace

RowTime row_time() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.now = std::chrono::steady_clock::now(),
          .today_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count()};
}

void write_model_row(JsonWriter& json, const gateway::ModelRow& row, const gateway::Settings& settings,
                     const gateway::Hub& hub, const RowTime& time) {
  const std::size_t slash = row.id.find('/');
  json.begin_object().field("id", row.id).field("object", "model").field("created", 0);
  json.field("owned_by", slash == std::string::npos ? row.candidates.front().provider_id()
                                                    : std::string_view(row.id).substr(0, slash));
  write_architecture(json, row);
  json.key("providers").begin_array();
  for (const Candidate& candidate : row.candidates)
    write_provider(json, candidate, row.id, settings, hub, time);
  json.end_array().end_object();
}

}  // namespace sluice::hub::api
