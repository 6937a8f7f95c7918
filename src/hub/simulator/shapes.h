// Request shapes, written by hand from the providers' documentation and read strictly: what a shape does not
// name is refused, as the strictest of the real servers do.
//
//   "string" "number" "integer" "boolean" "object" "array" "null" "any"    a type; "string|null" either
//   "=auto,none"         one of these words
//   "@message"           the shape of that name
//   ["@message"]         a list of it; ["|", "string", ["@part"]] one of several
//   {"model!": "string", "top_p": "number"}     an object; `!` marks what must be there; "*" is any other key
//   {"$by": "type", "text": {...}, "image": {...}}     an object whose `type` chooses its members
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>

namespace sluice::hub::simulator {

// "" when `value` has the shape, else where and what is wrong ("messages.0.colour: unknown field").
// `shapes` is the object that @names are looked up in; what `extra` names overrides the outermost members.
std::string find_misfit(simdjson::dom::element value, simdjson::dom::element shape,
                        simdjson::dom::object shapes, std::optional<simdjson::dom::object> extra = {});

}  // namespace sluice::hub::simulator
