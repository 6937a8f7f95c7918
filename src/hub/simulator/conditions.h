// What an exchange file says about a request, read from JSON:
//
//   {"at": "messages.-1.content.*.text", "has": "21 degrees"}
//
// `at` is a path of keys and indices; a negative index counts from the end, `*` is every member, `<json>`
// opens a string that holds JSON. At least one value found must pass (with "every": true all of them, and at
// least one): `is` (equal), `includes` (equal where both have a member), `has` (a string that contains it),
// `type`, `count` (of members), `exists`. "header": "name" in place of `at` looks at a header of the request.
// With "if": [conditions] it is asked for only where those hold.
#pragma once

#include <simdjson.h>

#include <string>

#include "http/headers.h"

namespace sluice::hub::simulator {

using simdjson::dom::element;

// What a request is looked at through. Borrowed.
struct RequestView {
  element body;
  const http::Headers* headers = nullptr;
};

bool are_equal(element a, element b);  // members in any order; 1 and 1.0 are the same
bool includes(element whole, element part);

// The first condition that does not hold, in words; "" when all hold. `conditions` is an array or absent.
std::string find_unmet(simdjson::simdjson_result<element> conditions, const RequestView& request);

// How many values `path` finds; an array at its end counts its members.
std::size_t count_at(element root, std::string_view path);

}  // namespace sluice::hub::simulator
