#include "hub/routing/parse_wishes.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/routing/limits.h"
#include "hub/routing/policy.h"
#include "hub/routing/wish_reader.h"

namespace sluice::hub::routing {
namespace {

using base::Result;
using base::Status;

enum class Form : std::uint8_t { list, text, other };  // of its value

// One word of the language of wishes.
struct Word {
  std::string_view name;
  Form form;
  Status (*read)(const WishValue& value, Wishes& wishes);
};

template <auto Field, auto Reader>
Status read_into(const WishValue& value, Wishes& wishes) {
  SLUICE_TRY(wishes.*Field, Reader(value));
  return {};
}

Status set_policy(const WishValue& value, Wishes& wishes, std::string_view policy) {
  if (!wishes.policy.empty() && wishes.policy != policy)
    return refuse_wish(value.path, fmt::format("'{}' asks for the policy '{}', beside it '{}' is asked for",
                                               value.path, policy, wishes.policy));
  wishes.policy = policy;
  return {};
}

Status sort_by(const WishValue& value, Wishes& wishes, std::string_view by) {
  const auto mix = [&](const Weights& weights) -> Status {
    if (wishes.weights && *wishes.weights != weights)
      return refuse_wish(value.path, fmt::format("'{}' and weights are both given", value.path));
    wishes.weights = weights;
    return set_policy(value, wishes, "mix");
  };
  if (by == "price") return set_policy(value, wishes, "cheapest");
  if (by == "throughput") return mix({.throughput = 1});
  return mix({.latency = 1});
}

Status read_sort(const WishValue& value, Wishes& wishes) {
  static const std::vector<std::string> kBy{"price", "throughput", "latency"};
  static const std::vector<std::string> kPartitions{"model", "none"};
  static const std::vector<std::string> kNames{"by", "partition"};
  if (!value.json.is_object()) {
    SLUICE_TRY(const std::string by, read_word(value, kBy));
    return sort_by(value, wishes, by);
  }
  return each_member(value, [&](std::string_view name, const WishValue& member) -> Status {
    if (name == "by") {
      SLUICE_TRY(const std::string by, read_word(member, kBy));
      return sort_by(member, wishes, by);
    }
    if (name != "partition") return refuse_unknown(member.path, "field", name, kNames);
    SLUICE_TRY(const std::string partition, read_word(member, kPartitions));
    wishes.across_models = partition == "none";
    return {};
  });
}

Status read_policy(const WishValue& value, Wishes& wishes) {
  static const auto kNames = [] {
    std::vector<std::string> names;
    for (const Policy* policy : all_policies()) names.emplace_back(policy->name);
    return names;
  }();
  std::string_view name;
  if (value.json.get(name) == simdjson::SUCCESS && find_policy(name) == nullptr)
    return refuse_unknown(value.path, "policy", name, kNames);
  SLUICE_TRY(const std::string policy, read_word(value, kNames));
  return set_policy(value, wishes, policy);
}

Status read_data_collection(const WishValue& value, Wishes& wishes) {
  static const std::vector<std::string> kChoices{"allow", "deny"};
  SLUICE_TRY(const std::string choice, read_word(value, kChoices));
  wishes.deny_data_collection = choice == "deny";
  return {};
}

// Nobody here knows which models allow their answers to be trained on: only the word for "no matter" is
// taken.
Status read_distillable(const WishValue& value, Wishes&) {
  SLUICE_TRY(const bool wanted, read_flag(value));
  if (!wanted) return {};
  return refuse_wish(value.path,
                     fmt::format("'{}' is not honoured here: the catalogue does not know it", value.path));
}

Status read_mix(const WishValue& value, Wishes& wishes) {
  SLUICE_TRY(const Weights weights, read_weights(value));
  if (wishes.weights && *wishes.weights != weights)
    return refuse_wish(value.path, fmt::format("'{}' and sort are both given", value.path));
  wishes.weights = weights;
  return {};
}

Result<QuantileBound> read_throughput(const WishValue& value) {
  return read_bound(value, kRateMax);
}
Result<QuantileBound> read_latency(const WishValue& value) {
  return read_bound(value, kSecondsMax);
}

constexpr Word kWords[] = {
    {"order", Form::list, read_into<&Wishes::order, read_providers>},
    {"only", Form::list, read_into<&Wishes::only, read_providers>},
    {"ignore", Form::list, read_into<&Wishes::ignore, read_providers>},
    {"allow_fallbacks", Form::other, read_into<&Wishes::allow_fallbacks, read_flag>},
    {"require_parameters", Form::other, read_into<&Wishes::require_parameters, read_flag>},
    {"data_collection", Form::text, read_data_collection},
    {"zdr", Form::other, read_into<&Wishes::zdr, read_flag>},
    {"enforce_distillable_text", Form::other, read_distillable},
    {"quantizations", Form::list, read_into<&Wishes::quantizations, read_quantizations>},
    {"sort", Form::text, read_sort},
    {"preferred_min_throughput", Form::other, read_into<&Wishes::min_throughput, read_throughput>},
    {"preferred_max_latency", Form::other, read_into<&Wishes::max_latency, read_latency>},
    {"max_price", Form::other, read_into<&Wishes::max_price, read_max_price>},
    {"local_only", Form::other, read_into<&Wishes::local_only, read_flag>},
    {"regions", Form::list, read_into<&Wishes::regions, read_regions>},
    {"policy", Form::text, read_policy},
    {"deadline_ms", Form::other, read_into<&Wishes::deadline, read_milliseconds>},
    {"max_cost_usd", Form::other, read_into<&Wishes::max_cost, read_usd>},
    {"weights", Form::other, read_mix},
    {"hedge", Form::other, read_into<&Wishes::hedge, read_hedge>},
    {"explain", Form::other, read_into<&Wishes::explain, read_flag>},
    {"models", Form::list, read_into<&Wishes::models, read_names>},
};

const Word* find_word(std::string_view name) {
  const auto found = std::ranges::find(kWords, name, &Word::name);
  return found == std::end(kWords) ? nullptr : &*found;
}

std::vector<std::string> word_names(bool with_models) {
  std::vector<std::string> names;
  for (const Word& word : kWords)
    if (with_models || word.name != "models") names.emplace_back(word.name);
  return names;
}

// A text that one caller sent; it lives as long as the elements read from it.
class Document {
 public:
  Result<simdjson::dom::element> parse(std::string_view json, std::string_view path) {
    if (json.size() > kWishesBytesMax)
      return refuse_wish(path, fmt::format("'{}' has more than {} bytes", path, kWishesBytesMax));
    simdjson::dom::element element;
    // An empty view may point nowhere, and the parser copies from where it points.
    if (json.empty() || parser_.parse(json.data(), json.size()).get(element) != simdjson::SUCCESS)
      return refuse_wish(path, fmt::format("'{}' is not valid JSON", path));
    return element;
  }

 private:
  simdjson::dom::parser parser_;
};

// `said` gains the words that came.
Status read_object(const WishValue& value, bool with_models, Wishes& wishes,
                   std::vector<std::string_view>& said) {
  return each_member(value, [&](std::string_view name, const WishValue& member) -> Status {
    const Word* word = find_word(name);
    if (word == nullptr || (!with_models && word->name == "models"))
      return refuse_unknown(member.path, "field", name, word_names(with_models));
    said.push_back(word->name);
    return word->read(member, wishes);
  });
}

// What follows from the words together.
Status conclude(Wishes& wishes, std::string_view where) {
  if (!wishes.weights || wishes.policy == "mix") return {};
  if (!wishes.policy.empty())
    return refuse_wish(
        where, fmt::format("weights are for the policy 'mix', beside them '{}' is asked for", wishes.policy));
  wishes.policy = "mix";
  return {};
}

// A header's value as JSON: a bare word or list is quoted, anything else is JSON already.
std::string json_of_header(const Word& word, std::string_view value) {
  value = base::trim(value);
  const bool is_json = !value.empty() && std::string_view("{[\"").contains(value.front());
  if (is_json) return std::string(value);
  std::string out;
  base::JsonWriter json(out);
  if (word.form == Form::list) {
    json.begin_array();
    for (const std::string_view item : base::split(value, ',')) json.string(base::trim(item));
    json.end_array();
  } else if (word.form == Form::text || base::equals_ignoring_case(value, "null") || value.empty()) {
    json.string(value);
  } else {
    out = base::to_lower(value);
  }
  return out;
}

std::string header_name_of(std::string_view word) {
  std::string name = "x-sluice-" + std::string(word);
  std::ranges::replace(name, '_', '-');
  return name;
}

}  // namespace

Result<Wishes> parse_wishes(const RequestTexts& texts, std::span<const std::string> providers) {
  const std::pair<std::string_view, std::string_view> kBeside[] = {{"models", texts.models},
                                                                   {"deadline_ms", texts.deadline_ms},
                                                                   {"max_cost_usd", texts.max_cost_usd},
                                                                   {"weights", texts.weights},
                                                                   {"hedge", texts.hedge},
                                                                   {"explain", texts.explain}};
  Wishes wishes;
  std::vector<std::string_view> said;
  if (!texts.provider.empty()) {
    Document document;
    SLUICE_TRY(const auto json, document.parse(texts.provider, "provider"));
    const WishValue value{.json = json, .path = "provider", .providers = providers};
    if (!json.is_null()) SLUICE_TRY_VOID(read_object(value, false, wishes, said));
  }
  for (const auto& [name, text] : kBeside) {
    if (text.empty()) continue;
    Document document;
    SLUICE_TRY(const auto json, document.parse(text, name));
    if (json.is_null()) continue;
    if (std::ranges::find(said, name) != said.end())
      return refuse_wish(name, fmt::format("'{0}' is given twice: beside and inside 'provider'", name));
    SLUICE_TRY_VOID(
        find_word(name)->read({.json = json, .path = std::string(name), .providers = providers}, wishes));
  }
  SLUICE_TRY_VOID(conclude(wishes, texts.weights.empty() ? "provider.weights" : "weights"));
  return wishes;
}

Result<Wishes> parse_wish_headers(std::span<const HeaderField> fields,
                                  std::span<const std::string> providers) {
  constexpr std::string_view kPrefix = "x-sluice-";
  Wishes wishes;
  std::vector<std::string> seen;
  for (const HeaderField& field : fields) {
    std::string name = base::to_lower(field.name);
    if (!name.starts_with(kPrefix) || name == "x-sluice-via") continue;
    const auto word =
        std::ranges::find_if(kWords, [&](const Word& one) { return header_name_of(one.name) == name; });
    if (word == std::end(kWords)) {
      std::vector<std::string> known;
      for (const Word& one : kWords) known.push_back(header_name_of(one.name));
      return refuse_unknown(name, "header", name, known);
    }
    if (std::ranges::find(seen, name) != seen.end())
      return refuse_wish(name, fmt::format("'{}' is given twice", name));
    Document document;
    SLUICE_TRY(const auto json, document.parse(json_of_header(*word, field.value), name));
    SLUICE_TRY_VOID(word->read({.json = json, .path = name, .providers = providers}, wishes));
    seen.push_back(std::move(name));
  }
  SLUICE_TRY_VOID(conclude(wishes, "x-sluice-weights"));
  return wishes;
}

Result<Wishes> parse_wish_defaults(std::string_view json, std::span<const std::string> providers,
                                   std::string_view where) {
  Wishes wishes;
  Document document;
  SLUICE_TRY(const auto element, document.parse(json, where));
  std::vector<std::string_view> said;
  SLUICE_TRY_VOID(
      read_object({.json = element, .path = std::string(where), .providers = providers}, true, wishes, said));
  SLUICE_TRY_VOID(conclude(wishes, where));
  SLUICE_TRY_VOID(check_wishes(wishes));
  return wishes;
}

Wishes wishes_of_route(std::string_view word) {
  Wishes wishes;
  if (word == "nitro") {
    wishes.policy = "mix";
    wishes.weights = Weights{.throughput = 1};
  } else if (word == "floor") {
    wishes.policy = "cheapest";
  } else if (find_policy(word) != nullptr) {
    wishes.policy = word;
  }
  return wishes;
}

Result<Wishes> with_route(Wishes body, std::string_view word) {
  const Wishes route = wishes_of_route(word);
  if (route.policy.empty()) return body;
  if (!body.policy.empty() && (body.policy != route.policy || body.weights != route.weights))
    return refuse_wish("model", fmt::format("the model's suffix ':{}' and the request's own sort or policy "
                                            "contradict each other: leave out one",
                                            word));
  body.policy = route.policy;
  body.weights = route.weights;
  return body;
}

}  // namespace sluice::hub::routing
