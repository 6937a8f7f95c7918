// Fills in what differs between accounts: "{region}" and its like in a provider's addresses and headers. A
// value comes from the configuration, else from the provider's usual variable, else from the file's own
// default, which may name other variables. Pure: the environment is an argument.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/catalog/provider.h"

namespace sluice::hub::catalog {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Fills in every variable that has a value and lists the others that the provider needs in `unresolved`.
// Fails when `given` names a variable the provider does not have, or holds a value that cannot stand in an
// address. A value of the environment that cannot is no value.
base::Status fill_in(Provider& provider, const std::map<std::string, std::string>& given,
                     const Environment& environment);

// Puts `value` in the place of "{name}" everywhere, and takes the name off `unresolved`.
base::Status fill_in_one(Provider& provider, const std::string& name, const std::string& value);

// The first "{name}" in `text` that is no variable of `provider` (and is not `besides`), or "".
std::string unknown_variable_in(std::string_view text, const Provider& provider, std::string_view besides);

// `text` as it looks when every variable has some plain value: for checks of its shape.
std::string with_plain_values(std::string_view text, const Provider& provider);

}  // namespace sluice::hub::catalog
