// What there is to choose from: every offer of every price list, found by the model's id or by a provider's
// own id for it. An immutable snapshot: build a new one to change anything. Lists are laid over each other in
// order (embedded, refreshed, configured): a later one replaces a figure that it states and that is not
// older.
//
// A model has one id, and beside it only names that a list declares to mean the same. Nothing is matched by
// likeness; letters compare without case (ASCII). Look-ups hash, allocate nothing and share the offers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/strings.h"
#include "hub/catalog/offer.h"
#include "hub/catalog/price_list.h"

namespace sluice::hub::catalog {

// One model and everybody who serves it.
struct OfferedModel {
  std::string id;
  std::vector<std::string> aliases;  // declared to mean the same
  std::vector<OfferPtr> offers;      // the ordinary ones, at most one a provider, ordered by provider
  std::vector<OfferPtr> variants;    // "fast", "fp8", ...: only for those who ask by the provider's own id
};

class Offers {
 public:
  // The embedded lists as they hold on `today` (seconds since 1970).
  static std::shared_ptr<const Offers> built_in(std::int64_t today_s);
  // Those, and `further` over them in order. Fails when a list contradicts itself or another about what is
  // the same ("price lists: 'a' is declared to mean 'b' and 'c'") and on more than kOffersMax.
  static base::Result<std::shared_ptr<const Offers>> with(std::span<const PriceList> further,
                                                          std::int64_t today_s);
  // Only `lists`: for tests.
  static base::Result<std::shared_ptr<const Offers>> of(std::span<const PriceList> lists,
                                                        std::int64_t today_s);

  // The model of that id or alias, or that some provider's own ordinary id stands for; nullptr: not known.
  const OfferedModel* find(std::string_view model) const;
  // A provider's offer by its own id; nullptr when nobody says so.
  OfferPtr find(std::string_view provider, std::string_view provider_model) const;
  // How a provider serves a model, by any of the model's names, or a variant by the provider's own id.
  OfferPtr find_at(std::string_view provider, std::string_view model) const;
  // Whoever calls a variant by this id of their own; empty for ordinary ids.
  std::span<const OfferPtr> find_variants(std::string_view provider_model) const;

  std::span<const OfferedModel> models() const { return models_; }  // ordered by id
  std::size_t size() const { return by_own_id_.size(); }            // offers, variants included
  // The first day (seconds since 1970) on which a list states other prices; 0: none does.
  std::int64_t changes_s() const { return changes_s_; }

 private:
  struct OwnId {
    std::string provider, model;
  };
  struct OwnIdView {
    std::string_view provider, model;
  };
  struct Fold {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
    std::size_t operator()(const OwnId& id) const { return (*this)(OwnIdView{id.provider, id.model}); }
    std::size_t operator()(OwnIdView id) const;
  };
  struct SameText {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return base::equals_ignoring_case(a, b); }
    bool operator()(const OwnId& a, const OwnId& b) const {
      return same(a.provider, a.model, b.provider, b.model);
    }
    bool operator()(OwnIdView a, const OwnId& b) const {
      return same(a.provider, a.model, b.provider, b.model);
    }
    bool operator()(const OwnId& a, OwnIdView b) const {
      return same(a.provider, a.model, b.provider, b.model);
    }
    static bool same(std::string_view a, std::string_view b, std::string_view c, std::string_view d) {
      return base::equals_ignoring_case(a, c) && base::equals_ignoring_case(b, d);
    }
  };
  friend class OffersBuilder;

  std::vector<OfferedModel> models_;
  // Ids, aliases and providers' own ids; indexes into models_.
  std::unordered_map<std::string, std::size_t, Fold, SameText> names_;
  std::unordered_map<std::string, std::vector<OfferPtr>, Fold, SameText> variants_;
  std::unordered_map<OwnId, OfferPtr, Fold, SameText> by_own_id_;
  std::int64_t changes_s_ = 0;
};

using OffersPtr = std::shared_ptr<const Offers>;

}  // namespace sluice::hub::catalog
