#include "hub/dialects/gemini/model_generation.h"

namespace sluice::hub::dialects::gemini {

int generation_of(std::string_view model) {
  constexpr std::string_view kFamily = "gemini-";
  const std::size_t at = model.rfind(kFamily);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = model.substr(at + kFamily.size());
  if (!rest.empty() && rest.front() >= '1' && rest.front() <= '9') return rest.front() - '0';
  return rest.ends_with("-latest") ? kSigningGeneration : 0;
}

}  // namespace sluice::hub::dialects::gemini
