// Quirks that edit parameters of the request itself. Each does nothing where there is nothing to do.
#pragma once

#include "hub/dialects/quirks.h"

namespace sluice::hub::dialects::quirks {

// Leaves `parameter` out.
base::Status drop(const catalog::Quirk& quirk, EditPlan& plan);
// Calls `parameter` by the name `to`. A request that has both cannot be carried: either choice would silently
// change what was asked. A null under either name asks for nothing and is left out.
base::Status rename(const catalog::Quirk& quirk, EditPlan& plan);
// Where `parameter` is a string that `values` names, that string becomes the other.
base::Status map_value(const catalog::Quirk& quirk, EditPlan& plan);
// response_format {type:"json_schema", json_schema:{schema:S}} -> {"type":"json_schema","schema":S}.
base::Status unwrap_json_schema(const catalog::Quirk& quirk, EditPlan& plan);
// The schema of response_format once more, as the parameter `to`, unless that is given.
base::Status copy_json_schema(const catalog::Quirk& quirk, EditPlan& plan);
// "strict": true becomes false, in response_format and in the functions of tools; counts as dropped.
base::Status loosen_json_schema(const catalog::Quirk& quirk, EditPlan& plan);

}  // namespace sluice::hub::dialects::quirks
