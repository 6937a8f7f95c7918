// Where wishes are written, and how they become one. The same words mean the same everywhere:
//
//   in a request      the `provider` object; `models`; deadline_ms, max_cost_usd, weights, hedge and explain
//   at
//                     top level or inside `provider`, as the caller's library makes it easier
//   in a header       X-Sluice-<Word-With-Dashes>: a bare word or number, "a, b" for a list, else JSON
//   in a suffix       the route word at the end of the model's name
//   in defaults       one object with all of the words: of a key, of a named route, of the process
//
// What nobody could honour is refused by name: unknown words and providers (with near ones), wrong types,
// absurd numbers, contradictions. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/routing/wishes.h"

namespace sluice::hub::routing {

// JSON values of a request's own parameters, as they came; empty: absent.
struct RequestTexts {
  std::string_view provider = {}, models = {}, deadline_ms = {}, max_cost_usd = {}, weights = {}, hedge = {},
                   explain = {};
};
struct HeaderField {
  std::string_view name, value;
};

// `providers`: every id that may be named. The error's `parameter` is "provider.order", "deadline_ms", ...
base::Result<Wishes> parse_wishes(const RequestTexts& texts, std::span<const std::string> providers);
// Reads the fields whose name begins with "x-sluice-", in any case; x-sluice-via is not a wish.
base::Result<Wishes> parse_wish_headers(std::span<const HeaderField> fields,
                                        std::span<const std::string> providers);
// `where` stands before the names in errors: "routing_defaults", "models.fast".
base::Result<Wishes> parse_wish_defaults(std::string_view json, std::span<const std::string> providers,
                                         std::string_view where);
// Of a route word ("cheapest", "nitro", ...); nothing for words and providers that only choose candidates.
Wishes wishes_of_route(std::string_view word);

// The wishes of a request's body and of its model's suffix, which are equally strong: refuses two policies.
base::Result<Wishes> with_route(Wishes body, std::string_view word);

// `strong` where it says something, else `weak`. Promises and caps only tighten, whoever made them:
// local_only, zdr, data_collection, only, ignore, regions, max_price, max_cost. Fails with invalid_argument
// when two layers together leave nobody ("only" of one and "only" of the other).
base::Result<Wishes> lay_over(Wishes strong, const Wishes& weak);

// Everything that was said about one request, strongest first.
struct WishLayers {
  RequestTexts request;
  std::string_view suffix;               // the route word asked for behind the model's name; empty: none
  std::span<const HeaderField> headers;  // all of them, or those of ours
  const Wishes* key = nullptr;           // defaults of the caller's key; null: none
  const Wishes* model = nullptr;         // of the named route
  const Wishes* process = nullptr;       // of the configuration
  std::string_view default_route;        // a route word of the configuration, weakest of all
  // The model is pinned to a provider that routes by itself: names in `provider` are that one's to know.
  bool names_are_foreign = false;
};
base::Result<Wishes> gather_wishes(const WishLayers& layers, std::span<const std::string> providers);

// Whether the wishes of all layers together can be meant: refuses those that contradict each other.
base::Status check_wishes(const Wishes& wishes);

}  // namespace sluice::hub::routing
