// The GGUF reader, and the tokenizer's on top of it, on arbitrary bytes: an error, or a file whose every byte
// can be read and a tokenizer that encodes.
#include "vlm/formats/gguf.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "vlm/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::formats;
  auto mapping = Mapping::copy_of(std::as_bytes(std::span(data, size)));
  if (!mapping) return 0;
  const auto file = read_gguf("fuzz.gguf", *std::move(mapping));
  if (!file) return 0;
  unsigned sum = 0;
  for (const auto& tensor : file->tensors()) {
    for (const std::byte byte : tensor.view.bytes()) sum += std::to_integer<unsigned>(byte);
    if (file->find(tensor.name) == nullptr) __builtin_trap();
  }
  for (const auto& entry : file->metadata().entries()) {
    static_cast<void>(file->metadata().unsigned_integer(entry.key));
    static_cast<void>(file->metadata().integers(entry.key));
    if (const auto text = file->metadata().text(entry.key)) {
      for (const char byte : *text) sum += static_cast<unsigned char>(byte);
    }
  }
  if (const auto tokenizer = sluice::vlm::tokenizer::Tokenizer::from_gguf(file->metadata())) {
    if (!tokenizer->encode("hello <image> 12<|im_end|>")) __builtin_trap();
  }
  asm volatile("" : : "r"(sum));  // the reads above must happen
  return 0;
}
