// Any bytes as tokenizer.json: an error, or a tokenizer that encodes and decodes without harm.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vlm/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::tokenizer;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = Tokenizer::from_json(json);
  if (!tokenizer) return 0;
  const auto ids = tokenizer->encode("ab<x>ba 12 a\n\nb <|im_end|>", SpecialText::control);
  if (!ids) __builtin_trap();
  static_cast<void>(tokenizer->decode(*ids, true));
  return 0;
}
