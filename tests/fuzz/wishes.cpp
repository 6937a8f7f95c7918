// What a caller may say of who shall answer: in the body, in headers, as defaults. Read or refused by name;
// what is read stays within its limits, contradicts nothing when said twice, and only tightens.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "hub/routing/limits.h"
#include "hub/routing/parse_wishes.h"

using namespace sluice;
using namespace sluice::hub::routing;

namespace {

const std::vector<std::string> kProviders{"groq", "together", "openai", "device"};

void check_refusal(const base::Error& error) {
  CHECK(error.code == base::ErrorCode::invalid_argument);
  CHECK(!error.message.empty() && error.message.size() < 16 * 1024);
}

void check_one(const Wishes& wishes) {
  if (wishes.max_cost) CHECK(wishes.max_cost->nanos >= 0 && wishes.max_cost->usd() <= kUsdMax * 1.01);
  if (wishes.deadline)
    CHECK(wishes.deadline->count() > 0 && *wishes.deadline <= std::chrono::duration<double>(kSecondsMax));
  if (wishes.hedge && wishes.hedge->quantile)
    CHECK(*wishes.hedge->quantile >= 0.5 && *wishes.hedge->quantile < 1);
  if (wishes.weights) CHECK(wishes.weights->cost + wishes.weights->latency + wishes.weights->throughput > 0);
  for (const auto* names : {&wishes.order, &wishes.only, &wishes.ignore})
    for (const std::string& name : *names) CHECK(std::ranges::find(kProviders, name) != kProviders.end());
  CHECK(wishes.models.size() <= kNamesMax);
}

void check(const base::Result<Wishes>& read) {
  if (!read) return check_refusal(read.error());
  check_one(*read);
  if (!check_wishes(*read)) return;
  const auto twice = lay_over(*read, *read);
  CHECK(twice.has_value());
  check_one(*twice);
  if (read->zdr.value_or(false)) CHECK(twice->zdr.value_or(false));
  if (read->local_only.value_or(false)) CHECK(lay_over(Wishes(), *read)->local_only.value_or(false));
}

}  // namespace

// The first byte chooses; then a body's fields, header lines or a layer each, one a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto lines = base::split(text, '\n');
  const auto line = [&](std::size_t i) { return i < lines.size() ? lines[i] : std::string_view(); };
  const RequestTexts texts{.provider = line(0),
                           .models = line(1),
                           .deadline_ms = line(2),
                           .max_cost_usd = line(3),
                           .weights = line(4),
                           .hedge = line(5),
                           .explain = line(6)};
  std::vector<HeaderField> headers;
  for (const std::string_view one : lines) {
    const std::size_t colon = std::min(one.find(':'), one.size());
    headers.push_back({.name = base::trim(one.substr(0, colon)),
                       .value = base::trim(one.substr(std::min(colon + 1, one.size())))});
  }
  switch (data[0] % 4) {
    case 0:
      check(parse_wishes(texts, kProviders));
      break;
    case 1:
      check(parse_wish_headers(headers, kProviders));
      break;
    case 2:
      check(parse_wish_defaults(text, kProviders, "key"));
      break;
    default: {
      const auto key = parse_wish_defaults(line(7), kProviders, "key");
      if (!key) return check_refusal(key.error()), 0;
      WishLayers layers;
      layers.request = texts;
      layers.headers = std::span(headers).subspan(std::min<std::size_t>(8, headers.size()));
      layers.key = &*key;
      layers.names_are_foreign = (data[0] & 128) != 0;
      const auto all = gather_wishes(layers, kProviders);
      if (!all) return check_refusal(all.error()), 0;
      if (key->zdr.value_or(false)) CHECK(all->zdr.value_or(false));
      if (key->local_only.value_or(false)) CHECK(all->local_only.value_or(false));
      if (key->max_cost) CHECK(all->max_cost && *all->max_cost <= *key->max_cost);
    }
  }
  return 0;
}
