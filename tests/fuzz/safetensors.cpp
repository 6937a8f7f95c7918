// The safetensors reader on arbitrary bytes: an error, or a file whose every byte can be read.
#include "vlm/formats/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::formats;
  auto mapping = Mapping::copy_of(std::as_bytes(std::span(data, size)));
  if (!mapping) return 0;
  const auto file = read_safetensors("fuzz.safetensors", *std::move(mapping));
  if (!file) return 0;
  unsigned sum = 0;
  for (const auto& tensor : file->tensors()) {
    for (const std::byte byte : tensor.view.bytes()) sum += std::to_integer<unsigned>(byte);
    if (file->find(tensor.name) == nullptr) __builtin_trap();
  }
  asm volatile("" : : "r"(sum));  // the reads above must happen
  return 0;
}
