// A Slice is a run of bytes that keeps its memory alive: a string_view with a shared owner. Copies and
// sub-slices are cheap and never touch the bytes, so a body travels from socket to socket unchanged.
// The bytes are immutable once a Slice shows them; Slices may be shared between threads.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

class Slice {
 public:
  Slice() = default;
  Slice(std::shared_ptr<const void> owner, std::string_view text) : owner_(std::move(owner)), text_(text) {}

  static Slice of(std::string&& text);            // takes the string over
  static Slice copy_of(std::string_view text);    // one allocation
  static Slice borrowed(std::string_view text) {  // literals and other memory that outlives everything
    return {nullptr, text};
  }

  std::string_view text() const { return text_; }
  const char* data() const { return text_.data(); }
  std::size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // Same clamping as string_view::substr, except that `from` past the end gives an empty slice.
  Slice sub(std::size_t from, std::size_t count = std::string_view::npos) const;

  // Whether `next` begins where this ends, in the same memory, so that the two are one run.
  bool adjoins(const Slice& next) const {
    return owner_ == next.owner_ && text_.data() + text_.size() == next.text_.data() && !text_.empty();
  }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view text_;
};

using Body = std::vector<Slice>;

// Appends `slice`; if it adjoins the last one the two become one, so that neighbours leave in one piece.
void append(Body& body, Slice slice);
Body body_of(std::string&& text);
std::size_t byte_count(std::span<const Slice> slices);
std::string to_string(std::span<const Slice> slices);
Slice flatten(const Body& body);  // no copy when there is at most one slice

}  // namespace sluice::http
