#include "http/slice.h"

#include <cstring>

namespace sluice::http {

Slice Slice::of(std::string&& text) {
  if (text.empty()) return {};
  auto owner = std::make_shared<const std::string>(std::move(text));
  const std::string_view view = *owner;
  return {std::move(owner), view};
}

Slice Slice::copy_of(std::string_view text) {
  if (text.empty()) return {};
  auto owner = std::make_shared_for_overwrite<char[]>(text.size());
  std::memcpy(owner.get(), text.data(), text.size());
  const std::string_view view(owner.get(), text.size());
  return {std::move(owner), view};
}

Slice Slice::sub(std::size_t from, std::size_t count) const {
  if (from >= text_.size()) return {};
  return {owner_, text_.substr(from, count)};
}

void append(Body& body, Slice slice) {
  if (slice.empty()) return;
  if (!body.empty() && body.back().adjoins(slice)) {
    const std::string_view joined(body.back().data(), body.back().size() + slice.size());
    body.back() = Slice(slice.owner(), joined);
    return;
  }
  body.push_back(std::move(slice));
}

Body body_of(std::string&& text) {
  Body body;
  append(body, Slice::of(std::move(text)));
  return body;
}

std::size_t byte_count(std::span<const Slice> slices) {
  std::size_t bytes = 0;
  for (const Slice& slice : slices) bytes += slice.size();
  return bytes;
}

std::string to_string(std::span<const Slice> slices) {
  std::string text;
  text.reserve(byte_count(slices));
  for (const Slice& slice : slices) text += slice.text();
  return text;
}

Slice flatten(const Body& body) {
  if (body.empty()) return {};
  if (body.size() == 1) return body.front();
  return Slice::of(to_string(body));
}

}  // namespace sluice::http
