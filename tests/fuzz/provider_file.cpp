// Any bytes as a provider file: read, or refused with a message that names the file.
#include <cstdint>
#include <cstdlib>

#include "hub/catalog/provider.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto provider = sluice::hub::catalog::parse_provider(text, "fuzz.json");
  if (!provider && !provider.error().message.starts_with("fuzz.json")) std::abort();
  if (provider && !sluice::hub::catalog::refuse_provider_id(provider->id).empty()) std::abort();
  if (provider && provider->surfaces.empty()) std::abort();
  return 0;
}
