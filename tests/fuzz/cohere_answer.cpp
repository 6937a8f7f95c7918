// Any bytes as an answer of a provider that speaks the dialect cohere; what must hold is in upstream_bytes.h.
#include "upstream_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sluice::hub::dialects::Dialect* dialect = sluice::hub::dialects::find_dialect("cohere");
  sluice::fuzz::play_bytes(*dialect, data, size);
  return 0;
}
