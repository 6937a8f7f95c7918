// The table of wire formats: a new one is its folder and a row here.
#include <algorithm>
#include <array>

#include "hub/dialects/anthropic/anthropic.h"
#include "hub/dialects/cohere/cohere.h"
#include "hub/dialects/dialect.h"
#include "hub/dialects/gemini/gemini.h"
#include "hub/dialects/ollama/ollama.h"
#include "hub/dialects/openai/openai.h"
#include "hub/dialects/responses/responses.h"

namespace sluice::hub::dialects {

std::span<const Dialect* const> all_dialects() {
  static const std::array kDialects{
      &openai::kDialect, &responses::kDialect, &anthropic::kDialect,      &gemini::kDialect,
      &cohere::kDialect, &ollama::kDialect,    &ollama::kGenerateDialect,
  };
  return kDialects;
}

const Dialect* find_dialect(std::string_view name) {
  const auto found =
      std::ranges::find(all_dialects(), name, [](const Dialect* dialect) { return dialect->name; });
  return found == all_dialects().end() ? nullptr : *found;
}

}  // namespace sluice::hub::dialects
