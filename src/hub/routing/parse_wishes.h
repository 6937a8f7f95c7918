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

// Whether the wishes of all layers together can be meant: refuses those that contradict each other.
base::Status check_wishes(const Wishes& wishes);

// Which of the `provider` object's members OpenRouter knows: what a provider that routes on its own is sent.
bool is_openrouter_word(std::string_view member);

}  // namespace sluice::hub::routing
