#include "hub/catalog/offers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "hub/catalog/embedded.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

const std::vector<PriceList>& embedded() {
  static const std::vector<PriceList> kLists = [] {
    std::vector<PriceList> lists;
    for (const EmbeddedFile& file : embedded_prices()) {
      auto list = parse_price_list(file.text, file.name);
      CHECK(list.has_value());  // they were tested when the binary was built
      lists.push_back(*std::move(list));
    }
    return lists;
  }();
  return kLists;
}

template <typename T>
void take_over(std::optional<T>& known, const std::optional<T>& stated) {
  if (stated) known = stated;
}
void take_over(std::string& known, const std::string& stated) {
  if (!stated.empty()) known = stated;
}

// What is stated of the same offer later wins where it says something; a price only when it is not older.
void lay_over(StatedOffer& known, const StatedOffer& stated) {
  Offer& to = known.offer;
  const Offer& from = stated.offer;
  if (from.price && (!to.price || stated.replaces_price || from.price->date >= to.price->date)) {
    to.price = from.price;
    known.price_from = stated.price_from;
    known.later = stated.later;
  }
  take_over(to.quantization, from.quantization);
  take_over(to.region, from.region);
  take_over(to.source, from.source);
  take_over(to.kind, from.kind);
  take_over(to.context_length, from.context_length);
  take_over(to.output_max, from.output_max);
  take_over(to.images, from.images);
  take_over(to.audio, from.audio);
  take_over(to.documents, from.documents);
  take_over(to.tools, from.tools);
  take_over(to.structured_output, from.structured_output);
  to.is_author = to.is_author || from.is_author;
  to.is_uncertain = to.is_uncertain && from.is_uncertain;
}

// The offer as it holds on `today`. `changes_s`: the earliest later day on which it will not.
Offer as_of(StatedOffer stated, std::int64_t today_s, std::int64_t& changes_s) {
  Offer offer = std::move(stated.offer);
  if (!offer.price) return offer;
  const auto is_ahead = [&](const std::string& date) {
    const std::int64_t day = *day_s(date);
    if (day <= today_s) return false;
    if (changes_s == 0 || day < changes_s) changes_s = day;
    return true;
  };
  if (!stated.price_from.empty() && is_ahead(stated.price_from)) {
    const std::string note = fmt::format("holds only from {}", stated.price_from);
    offer.price->doubt = offer.price->doubt.empty() ? note : offer.price->doubt + "; " + note;
  }
  for (const LaterPrice& later : stated.later) {
    if (is_ahead(later.from)) break;
    offer.price->rates = later.rates;
    offer.price->tiers.clear();
  }
  return offer;
}

std::size_t fold(std::string_view text, std::size_t hash) {
  for (const char c : text) {
    const auto low = static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    hash = (hash ^ low) * 1099511628211ULL;  // FNV-1a
  }
  return hash;
}
constexpr std::size_t kFoldStart = 14695981039346656037ULL;

}  // namespace

std::size_t Offers::Fold::operator()(std::string_view text) const {
  return fold(text, kFoldStart);
}
std::size_t Offers::Fold::operator()(OwnIdView id) const {
  return fold(id.model, fold("\n", fold(id.provider, kFoldStart)));
}

class OffersBuilder {
 public:
  explicit OffersBuilder(std::int64_t today_s) : today_s_(today_s) {}

  base::Status add(const PriceList& list) {
    for (const StatedOffer& stated : list.offers) {
      const auto [place, is_new] = places_.try_emplace(
          Offers::OwnId{stated.offer.provider, stated.offer.provider_model}, stated_.size());
      if (!is_new) {
        lay_over(stated_[place->second], stated);
      } else if (stated_.size() >= kOffersMax) {
        return base::fail(base::ErrorCode::too_large, "price lists: expected at most {} offers in all",
                          kOffersMax);
      } else {
        stated_.push_back(stated);
      }
    }
    same_as_.insert(same_as_.end(), list.same_as.begin(), list.same_as.end());
    return {};
  }

  base::Result<OffersPtr> build() {
    std::ranges::stable_sort(stated_, {}, [](const StatedOffer& one) { return one.offer.provider; });
    for (StatedOffer& stated : stated_)
      place(std::make_shared<const Offer>(as_of(std::move(stated), today_s_, made_->changes_s_)));
    std::ranges::sort(made_->models_, {}, &OfferedModel::id);
    made_->names_.clear();
    for (std::size_t i = 0; i < made_->models_.size(); ++i) made_->names_.emplace(made_->models_[i].id, i);
    SLUICE_TRY_VOID(declare_names());
    add_own_ids();
    return OffersPtr(std::move(made_));
  }

 private:
  void place(OfferPtr offer) {
    const auto [entry, is_new] = made_->names_.try_emplace(offer->model, made_->models_.size());
    if (is_new) made_->models_.push_back({.id = offer->model, .aliases = {}, .offers = {}, .variants = {}});
    OfferedModel& model = made_->models_[entry->second];
    // A second ordinary offer of the same provider would be a second candidate nobody chose.
    const bool is_ordinary =
        offer->variant.empty() && (model.offers.empty() || model.offers.back()->provider != offer->provider);
    (is_ordinary ? model.offers : model.variants).push_back(offer);
    if (!is_ordinary) made_->variants_[offer->provider_model].push_back(offer);
    made_->by_own_id_.emplace(Offers::OwnId{offer->provider, offer->provider_model}, std::move(offer));
  }

  base::Status declare_names() {
    for (const auto& [name, id] : same_as_) {
      const auto model = made_->names_.find(std::string_view(id));
      if (model == made_->names_.end()) continue;  // nobody offers it: nothing to find under either name
      const auto [known, is_new] = made_->names_.emplace(name, model->second);
      if (is_new) {
        made_->models_[model->second].aliases.push_back(name);
      } else if (known->second != model->second) {
        return base::fail(base::ErrorCode::invalid_argument,
                          "price lists: '{}' is declared to mean '{}', but it is or means '{}'", name, id,
                          made_->models_[known->second].id);
      }
    }
    return {};
  }

  // A provider's own id stands for the model that its list says, as long as no two lists disagree about it
  // and the id is not one that nobody has seen work.
  void add_own_ids() {
    std::unordered_map<std::string, std::size_t, Offers::Fold, Offers::SameText> own;
    std::vector<std::string> contested;
    for (std::size_t i = 0; i < made_->models_.size(); ++i) {
      for (const OfferPtr& offer : made_->models_[i].offers) {
        if (offer->is_uncertain) continue;
        const auto [known, is_new] = own.emplace(offer->provider_model, i);
        if (!is_new && known->second != i) contested.push_back(offer->provider_model);
      }
    }
    for (const std::string& name : contested) own.erase(name);
    made_->names_.insert(own.begin(), own.end());  // what is a model's id or alias stays that
  }

  const std::int64_t today_s_;
  std::vector<StatedOffer> stated_;
  std::unordered_map<Offers::OwnId, std::size_t, Offers::Fold, Offers::SameText> places_;
  std::vector<std::pair<std::string, std::string>> same_as_;
  std::shared_ptr<Offers> made_ = std::make_shared<Offers>();
};

base::Result<OffersPtr> Offers::of(std::span<const PriceList> lists, std::int64_t today_s) {
  OffersBuilder builder(today_s);
  for (const PriceList& list : lists) SLUICE_TRY_VOID(builder.add(list));
  return builder.build();
}

base::Result<OffersPtr> Offers::with(std::span<const PriceList> further, std::int64_t today_s) {
  OffersBuilder builder(today_s);
  for (const PriceList& list : embedded()) SLUICE_TRY_VOID(builder.add(list));
  for (const PriceList& list : further) SLUICE_TRY_VOID(builder.add(list));
  return builder.build();
}

OffersPtr Offers::built_in(std::int64_t today_s) {
  auto offers = with({}, today_s);
  CHECK(offers.has_value());
  return *std::move(offers);
}

const OfferedModel* Offers::find(std::string_view model) const {
  const auto found = names_.find(model);
  return found == names_.end() ? nullptr : &models_[found->second];
}

OfferPtr Offers::find(std::string_view provider, std::string_view provider_model) const {
  const auto found = by_own_id_.find(OwnIdView{provider, provider_model});
  return found == by_own_id_.end() ? nullptr : found->second;
}

OfferPtr Offers::find_at(std::string_view provider, std::string_view model) const {
  if (OfferPtr own = find(provider, model)) return own;
  const OfferedModel* const known = find(model);
  if (known == nullptr) return nullptr;
  const auto offer =
      std::ranges::find_if(known->offers, [&](const OfferPtr& one) { return one->provider == provider; });
  return offer == known->offers.end() ? nullptr : *offer;
}

std::span<const OfferPtr> Offers::find_variants(std::string_view provider_model) const {
  const auto found = variants_.find(provider_model);
  return found == variants_.end() ? std::span<const OfferPtr>() : found->second;
}

}  // namespace sluice::hub::catalog
