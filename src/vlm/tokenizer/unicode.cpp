#include "vlm/tokenizer/unicode.h"

#include <simdjson.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

namespace sluice::vlm::tokenizer {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

constexpr bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

struct Range {
  char32_t first;
  char32_t last;
};

// Letters and numbers of Unicode 15.1 to 17, which utf8proc 2.8 (Unicode 15.0) does not know yet and the
// peers do: compared over all code points, tools/make_goldens unicode. Ordered.
constexpr std::array kNewerLetters{
    Range{0x1c89, 0x1c8a},   Range{0xa7cb, 0xa7cd},   Range{0xa7da, 0xa7dc},   Range{0x105c0, 0x105f3},
    Range{0x10d4a, 0x10d65}, Range{0x10d6f, 0x10d85}, Range{0x10ec2, 0x10ec4}, Range{0x11380, 0x11389},
    Range{0x1138b, 0x1138b}, Range{0x1138e, 0x1138e}, Range{0x11390, 0x113b5}, Range{0x113b7, 0x113b7},
    Range{0x113d1, 0x113d1}, Range{0x113d3, 0x113d3}, Range{0x11bc0, 0x11be0}, Range{0x13460, 0x143fa},
    Range{0x16100, 0x1611d}, Range{0x16d40, 0x16d6c}, Range{0x18cff, 0x18cff}, Range{0x1e5d0, 0x1e5ed},
    Range{0x1e5f0, 0x1e5f0}, Range{0x2ebf0, 0x2ee5d},
};
constexpr std::array kNewerNumbers{
    Range{0x10d40, 0x10d49}, Range{0x116d0, 0x116e3}, Range{0x11bf0, 0x11bf9},
    Range{0x11de0, 0x11de9}, Range{0x16130, 0x16139}, Range{0x16d70, 0x16d79},
    Range{0x16ff4, 0x16ff6}, Range{0x1ccf0, 0x1ccf9}, Range{0x1e5f1, 0x1e5fa},
};

bool is_in(std::span<const Range> ranges, char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != ranges.begin() && c <= std::prev(after)->last;
}

CharClass newer_class(char32_t c) {
  if (is_in(kNewerLetters, c)) return CharClass::letter;
  return is_in(kNewerNumbers, c) ? CharClass::number : CharClass::other;
}

CharClass compute_class(char32_t c) {
  if (is_white_space(c)) return CharClass::space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::number;
    case UTF8PROC_CATEGORY_CN:
      return newer_class(c);
    default:
      return CharClass::other;
  }
}

// The second byte's range after a lead byte (Unicode 15, table 3-7); 0 when `lead` starts nothing.
struct LeadRow {
  std::uint8_t size;
  std::uint8_t second_min;
  std::uint8_t second_max;
};

constexpr LeadRow row_of(std::uint8_t lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xc2) return {0, 0, 0};
  if (lead < 0xe0) return {2, 0x80, 0xbf};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};
  if (lead == 0xed) return {3, 0x80, 0x9f};  // no surrogates
  if (lead < 0xf0) return {3, 0x80, 0xbf};
  if (lead == 0xf0) return {4, 0x90, 0xbf};
  if (lead < 0xf4) return {4, 0x80, 0xbf};
  if (lead == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

// Looks at the sequence at the start of `text` (not empty).
struct Sequence {
  std::size_t size;  // bytes that belong together: a whole character, or the maximal ill-formed part
  bool whole;
  bool cut;  // not whole only because the text ends
};

Sequence sequence_at(std::string_view text) {
  const LeadRow row = row_of(static_cast<std::uint8_t>(text[0]));
  if (row.size == 0) return {1, false, false};
  for (std::size_t i = 1; i < row.size; ++i) {
    if (i == text.size()) return {i, false, true};
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const std::uint8_t low = i == 1 ? row.second_min : 0x80;
    const std::uint8_t high = i == 1 ? row.second_max : 0xbf;
    if (byte < low || byte > high) return {i, false, false};
  }
  return {row.size, true, false};
}

}  // namespace

CharClass class_of(char32_t character) {
  static const auto kAscii = [] {
    std::array<CharClass, 128> classes{};
    for (std::size_t c = 0; c < classes.size(); ++c) classes[c] = compute_class(static_cast<char32_t>(c));
    return classes;
  }();
  return character < kAscii.size() ? kAscii[character] : compute_class(character);
}

Character character_at(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) { return char32_t{static_cast<std::uint8_t>(text[offset + i])}; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

void append_utf8(std::string& out, char32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

std::optional<std::string> replace_invalid_utf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  std::string valid;
  valid.reserve(text.size() + 16);
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    valid += sequence.whole ? text.substr(0, sequence.size) : kReplacement;
    text.remove_prefix(sequence.size);
  }
  return valid;
}

std::size_t complete_utf8_prefix(std::string_view text) {
  constexpr std::size_t kLongestCut = 3;
  for (std::size_t back = std::min(kLongestCut, text.size()); back > 0; --back) {
    const std::string_view tail = text.substr(text.size() - back);
    const Sequence sequence = sequence_at(tail);
    if (sequence.cut && sequence.size == back) return text.size() - back;
  }
  return text.size();
}

}  // namespace sluice::vlm::tokenizer
