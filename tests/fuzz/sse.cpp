// The event reader: the same events and the same raw slices for any chunking, and the raw slices put together
// are the input. The first byte chooses the chunking.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/sse_reader.h"

using namespace sluice;

namespace {

struct Block {
  std::string raw, event, data, id;
  bool has_data = false;
  bool terminated = false;
  friend bool operator==(const Block&, const Block&) = default;
};

Block copy(const http::SseEvent& event) {
  return {std::string(event.raw.text()),
          std::string(event.event.text()),
          std::string(event.data.text()),
          std::string(event.id.text()),
          event.has_data,
          event.terminated};
}

std::vector<Block> read(std::string_view text, std::size_t step, bool grow) {
  http::SseReader reader;
  std::vector<Block> blocks;
  for (std::size_t at = 0; at < text.size(); at += step, step += grow ? 1 : 0) {
    reader.feed(http::Slice::copy_of(text.substr(at, step)));
    while (true) {
      const auto event = reader.next();
      CHECK(event.has_value());
      if (!*event) break;
      blocks.push_back(copy(**event));
    }
  }
  if (const auto last = reader.finish()) blocks.push_back(copy(*last));
  return blocks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(text, text.size() + 1, false);
  std::string raw;
  for (const Block& block : whole) raw += block.raw;
  CHECK(raw == text);
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{data[0]} % 61 + 1}) {
    CHECK(read(text, step, false) == whole);
    CHECK(read(text, step, true) == whole);
  }
  return 0;
}
