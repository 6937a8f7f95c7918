// Reads JSON where it lies: one forward pass that checks every byte (RFC 8259, UTF-8 included) and gives the
// offsets of what the caller wants to look at, so that a body can be routed, and edited by cutting, without
// being rebuilt. Numbers are never converted unless asked for: 1e400 is valid JSON and passes.
//
// The caller walks with enter_/next_ and take_value; the first mistake stops the walk for good and error()
// says what and where. The text must outlive the scanner. Not thread-safe; touches nothing outside itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {

// Bytes [begin, end) of the scanned text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  std::string_view in(std::string_view text) const { return text.substr(begin, end - begin); }

  friend bool operator==(const Span&, const Span&) = default;
};

enum class JsonType : std::uint8_t { object, array, string, number, boolean, null, none };
std::string_view name_of(JsonType type);  // "an object", ...

class JsonScanner {
 public:
  // depth_max is at most 1024.
  explicit JsonScanner(std::string_view text, std::size_t depth_max = kJsonDepthMax);

  // The kind of value that comes next; none after a mistake or where no value can begin.
  JsonType peek();

  // For objects: enter_object(), then while (auto key = next_key()) take or enter the value.
  // next_key() gives the key's span without its quotes, escapes as written; nullopt closes the object.
  bool enter_object();
  std::optional<Span> next_key();

  // For arrays: enter_array(), then while (next_element()) take or enter the value.
  bool enter_array();
  bool next_element();

  // Checks and steps over one whole value of any kind; its span holds quotes and brackets.
  Span take_value();

  // Call last: nothing but white space may follow the outermost value.
  bool finish();

  bool failed() const { return failure_ != nullptr; }
  // invalid_argument: "malformed JSON: expected ',' or '}' at byte 17 (line 2, column 5)".
  base::Error error() const;
  std::size_t position() const { return at_; }

 private:
  // Which brackets are open inside the value that take_value steps over: one bit a level, set for objects.
  struct Nesting {
    std::array<std::uint64_t, 16> bits;  // only the first `depth` bits mean anything
    std::size_t depth = 0;

    void push(bool object) {
      const std::uint64_t bit = std::uint64_t{1} << (depth % 64);
      std::uint64_t& word = bits[depth / 64];
      if (depth % 64 == 0) word = 0;
      word = object ? word | bit : word & ~bit;
      ++depth;
    }
    bool is_object() const { return ((bits[(depth - 1) / 64] >> ((depth - 1) % 64)) & 1) != 0; }
  };

  bool fail(const char* what, std::size_t at);
  bool take_string();
  bool take_number();
  bool take_word(std::string_view word);
  bool take_escape(std::size_t at);
  bool take_utf8();
  bool take_scalar();
  bool take_key(Span& key);
  bool take_value_end(Nesting& nesting);
  void skip_space();
  bool open();

  const std::string_view text_;
  const std::size_t depth_max_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool first_ = false;  // no member of the container just entered has been taken
  // What is known of the bytes above 0x7F: all good from here on, or somewhere not.
  bool utf8_known_ = false;
  bool utf8_bad_ = false;
  // The first mistake.
  const char* failure_ = nullptr;
  std::size_t failed_at_ = 0;
};

// The text of a string given with its quotes, as a JsonScanner accepted it; lone surrogates become U+FFFD.
std::string unescape_json(std::string_view quoted);
// Valid JSON without the white space between its tokens, for wire formats whose events are lines.
std::string compact_json(std::string_view json);
// Whether the string between quotes says `name`, escapes considered ("mod\u0065l" is "model").
bool json_text_equals(std::string_view between_quotes, std::string_view name);

}  // namespace sluice::hub::dialects
