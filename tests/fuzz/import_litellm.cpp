// Any bytes as a configuration of LiteLLM: refused with a reason, or translated; what is left out has a line.
#include "app/cli/import_litellm.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto imported = sluice::app::cli::import_litellm(text, "fuzz.yaml");
  if (!imported && imported.error().message.empty()) std::abort();
  if (!imported) return 0;
  for (const std::string& line : imported->left_out)
    if (!line.starts_with("fuzz.yaml:")) std::abort();
  return 0;
}
