// Counts of tokens as providers report them, read with the distrust that money deserves.
#pragma once

#include <optional>
#include <string_view>

#include "hub/dialects/json_read.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects {

// The count under `key`; zero when there is none, or one beyond kTokenCountMax: rubbish, and sums of it must
// not overflow.
tasks::Tokens tokens_of(std::optional<JsonObject> object, std::string_view key);

}  // namespace sluice::hub::dialects
