// The reader of streamed arrays: the same elements and the same end for any chunking, elements in order and
// of the input. The first byte chooses the chunking.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/json_array_reader.h"

using namespace sluice;

namespace {

struct Read {
  std::vector<std::string> elements;
  bool closed = false;
  bool failed = false;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view text, std::size_t step) {
  http::JsonArrayReader reader(4096);
  Read read;
  for (std::size_t at = 0; at < text.size() && !read.failed; at += step) {
    reader.feed(http::Slice::copy_of(text.substr(at, step)));
    while (true) {
      const auto element = reader.next();
      read.failed = !element.has_value();
      if (!element || !*element) break;
      CHECK((*element)->size() <= 4096 && (*element)->text().front() == '{');
      read.elements.emplace_back((*element)->text());
    }
  }
  read.closed = reader.is_closed();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read(text, text.size() + 1);
  std::size_t at = 0;
  for (const std::string& element : whole.elements) {
    at = text.find(element, at);
    CHECK(at != std::string_view::npos);
    at += element.size();
  }
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{data[0]} % 61 + 1})
    CHECK(read(text, step) == whole);
  return 0;
}
