#include "hub/gateway/ask.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace sluice::hub::gateway {
namespace {

// What no request spends on less than so many bytes of base64: shorter strings count as text.
constexpr std::size_t kMediaBytesMin = 512;
constexpr std::uint64_t kTokensPerPicture = 1600;        // of the size to which providers scale them
constexpr std::uint64_t kTokensPerPictureMost = 16'384;  // the dearest tiling in use
constexpr std::uint64_t kMediaBytesPerToken = 100;       // sound and documents, at the densest

struct Media {
  std::uint64_t bytes = 0;
  std::uint32_t count = 0;
};

// Strings of base64: data URLs, and "data" members.
Media find_media(std::string_view body) {
  constexpr std::string_view kMarks[] = {";base64,", "\"data\":\""};
  std::size_t found[] = {body.find(kMarks[0]), body.find(kMarks[1])};  // the next of each, not before `at`
  Media media;
  for (;;) {
    const std::size_t which = found[0] <= found[1] ? 0 : 1;
    if (found[which] == std::string_view::npos) return media;
    const std::size_t begin = found[which] + kMarks[which].size();
    const std::size_t end = std::min(body.find('"', begin), body.size());
    if (end - begin >= kMediaBytesMin) {
      media.bytes += end - begin;
      ++media.count;
    }
    for (std::size_t i = 0; i < 2; ++i)
      if (found[i] < end) found[i] = body.find(kMarks[i], end);
  }
}

}  // namespace

std::string_view prompt_of(const dialects::ScannedRequest& scanned) {
  for (const std::string_view name : {"messages", "input", "prompt", "contents"})
    if (const auto* member = scanned.find(name)) return scanned.text_of(*member);
  return {};
}

routing::Ask ask_of(const dialects::ScannedRequest& scanned, double bytes_per_token) {
  const auto tokens_in = [&](std::size_t bytes) {
    return static_cast<std::uint64_t>(static_cast<double>(bytes) / bytes_per_token) + 1;
  };
  routing::Ask ask;
  ask.kind = scanned.kind;
  ask.stream = scanned.stream;
  ask.has_images = scanned.has_images;
  ask.has_audio = scanned.has_audio;
  ask.has_files = scanned.has_files;
  ask.has_tools = scanned.has_tools;
  ask.wants_structure = scanned.wants_structure;
  ask.choices = scanned.choices;
  ask.output_max = scanned.output_max;
  const std::string_view body = scanned.body.text();
  if (!scanned.has_images && !scanned.has_audio && !scanned.has_files) {
    ask.input_most = {body.size()};
    ask.input_expected = {tokens_in(body.size())};
    return ask;
  }
  const Media media = find_media(body);
  const std::uint64_t text_bytes = body.size() - media.bytes;
  // Pictures may also be named by their address: one at least.
  ask.images = scanned.has_images ? std::max(media.count, 1U) : 0;
  const std::uint64_t other_media =
      scanned.has_audio || scanned.has_files ? media.bytes / kMediaBytesPerToken : 0;
  ask.input_expected = {tokens_in(text_bytes) + ask.images * kTokensPerPicture + other_media / 4};
  ask.input_most = {text_bytes + ask.images * kTokensPerPictureMost + other_media};
  return ask;
}

}  // namespace sluice::hub::gateway
