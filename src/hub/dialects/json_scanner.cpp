#include "hub/dialects/json_scanner.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/check.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::hub::dialects {
namespace {

constexpr const char* kTooDeep = "arrays and objects nested too deeply";
constexpr std::size_t kDepthEver = 1024;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// One code point in UTF-8 at the front of `text`: its length, or 0 when it is not well-formed (Unicode 15,
// table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (lead < 0xE0) return follows(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (!follows(1) || !follows(2) || !follows(3)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return 4;
}

// The first byte at or after `at` that ends the plain run of a string: a quote, a backslash, a control
// character, or, with `stop_at_high`, a byte above 0x7F.
std::size_t find_special(std::string_view text, std::size_t at, bool stop_at_high) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control_max = _mm_set1_epi8(0x1F);
  while (at + 16 <= text.size()) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(chunk, control_max), chunk));
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (stop_at_high) mask |= static_cast<unsigned>(_mm_movemask_epi8(chunk));
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
    at += 16;
  }
#endif
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\' || byte < 0x20 || (stop_at_high && byte >= 0x80)) break;
    ++at;
  }
  return at;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at `at`, which a scanner has checked.
std::uint32_t hex4(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value * 16 + static_cast<std::uint32_t>(hex_value(text[at + i]));
  return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// The code point of the \u escape at `at` (of the backslash) and its length in the text.
std::pair<std::uint32_t, std::size_t> unescape_unicode(std::string_view text, std::size_t at) {
  const std::uint32_t first = hex4(text, at + 2);
  const bool is_high = first >= 0xD800 && first < 0xDC00;
  if (is_high && text.size() >= at + 12 && text[at + 6] == '\\' && text[at + 7] == 'u') {
    const std::uint32_t second = hex4(text, at + 8);
    if (second >= 0xDC00 && second < 0xE000)
      return {0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12};
  }
  const bool is_lone = first >= 0xD800 && first < 0xE000;
  return {is_lone ? 0xFFFD : first, 6};
}

std::string unescape_between(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t backslash = std::min(text.find('\\', at), text.size());
    out.append(text, at, backslash - at);
    at = backslash;
    if (at == text.size()) break;
    const char c = text[at + 1];
    if (c == 'u') {
      const auto [code, length] = unescape_unicode(text, at);
      append_utf8(out, code);
      at += length;
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    const std::size_t letter = kLetters.find(c);
    out += letter == std::string_view::npos ? c : kMeanings[letter];
    at += 2;
  }
  return out;
}

}  // namespace

std::string_view name_of(JsonType type) {
  constexpr std::array<std::string_view, 7> kNames{"an object", "an array", "a string", "a number",
                                                   "a boolean", "null",     "nothing"};
  return kNames[static_cast<std::size_t>(type)];
}

bool JsonScanner::fail(const char* what, std::size_t at) {
  if (failure_ == nullptr) {
    failure_ = what;
    failed_at_ = at;
  }
  return false;
}

void JsonScanner::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) return;
    ++at_;
  }
}

JsonType JsonScanner::peek() {
  if (failed()) return JsonType::none;
  skip_space();
  if (at_ == text_.size()) return JsonType::none;
  switch (text_[at_]) {
    case '{':
      return JsonType::object;
    case '[':
      return JsonType::array;
    case '"':
      return JsonType::string;
    case 't':
    case 'f':
      return JsonType::boolean;
    case 'n':
      return JsonType::null;
    default:
      return text_[at_] == '-' || is_digit(text_[at_]) ? JsonType::number : JsonType::none;
  }
}

// Steps over the bracket at the front.
bool JsonScanner::open() {
  if (depth_ == depth_max_) return fail(kTooDeep, at_);
  ++depth_;
  ++at_;
  return true;
}

bool JsonScanner::enter_object() {
  if (failed()) return false;
  skip_space();
  if (at_ == text_.size() || text_[at_] != '{') return fail("expected '{'", at_);
  first_ = true;
  return open();
}

bool JsonScanner::enter_array() {
  if (failed()) return false;
  skip_space();
  if (at_ == text_.size() || text_[at_] != '[') return fail("expected '['", at_);
  first_ = true;
  return open();
}

std::optional<Span> JsonScanner::next_key() {
  if (failed()) return std::nullopt;
  skip_space();
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  const bool is_first = std::exchange(first_, false);
  if (c == '}') {
    ++at_;
    --depth_;
    return std::nullopt;
  }
  if (!is_first) {
    if (c != ',') {
      fail("expected ',' or '}'", at_);
      return std::nullopt;
    }
    ++at_;
  }
  Span key;
  if (!take_key(key)) return std::nullopt;
  return Span{key.begin + 1, key.end - 1};
}

bool JsonScanner::next_element() {
  if (failed()) return false;
  skip_space();
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  const bool is_first = std::exchange(first_, false);
  if (c == ']') {
    ++at_;
    --depth_;
    return false;
  }
  if (is_first) return true;
  if (c != ',') return fail("expected ',' or ']'", at_);
  ++at_;
  return true;
}

bool JsonScanner::take_key(Span& key) {
  skip_space();
  if (at_ == text_.size() || text_[at_] != '"') return fail("expected a key in double quotes", at_);
  key.begin = at_;
  if (!take_string()) return false;
  key.end = at_;
  skip_space();
  if (at_ == text_.size() || text_[at_] != ':') return fail("expected ':'", at_);
  ++at_;
  return true;
}

bool JsonScanner::take_string() {
  ++at_;
  while (true) {
    at_ = find_special(text_, at_, !utf8_known_);
    if (at_ == text_.size()) return fail("expected '\"' to end a string", at_);
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte == '"') {
      ++at_;
      return true;
    }
    if (byte == '\\') {
      if (!take_escape(at_)) return false;
    } else if (byte < 0x20) {
      return fail("expected control characters in a string to be escaped", at_);
    } else if (!take_utf8()) {
      return false;
    }
  }
}

bool JsonScanner::take_escape(std::size_t at) {
  constexpr std::string_view kSimple = "\"\\/bfnrt";
  const char c = at + 1 < text_.size() ? text_[at + 1] : '\0';
  if (c != '\0' && kSimple.find(c) != std::string_view::npos) {
    at_ = at + 2;
    return true;
  }
  if (c != 'u') return fail("expected one of \"\\/bfnrtu after '\\'", at + 1);
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    if (i >= text_.size() || hex_value(text_[i]) < 0) return fail("expected four hex digits after '\\u'", i);
  }
  at_ = at + 6;
  return true;
}

// At the first byte above 0x7F the whole rest is checked at once with SIMD. Only when that finds a mistake is
// each character looked at, so that the mistake is reported where it is.
bool JsonScanner::take_utf8() {
  if (!utf8_bad_) {
    utf8_known_ = simdjson::validate_utf8(text_.data() + at_, text_.size() - at_);
    utf8_bad_ = !utf8_known_;
    if (utf8_known_) return true;
  }
  const std::size_t length = utf8_length(text_.substr(at_));
  if (length == 0) return fail("expected UTF-8", at_);
  at_ += length;
  return true;
}

bool JsonScanner::take_number() {
  const auto digits = [this] {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ > from || fail("expected a digit", at_);
  };
  const auto is_next = [this](char a, char b) {
    return at_ < text_.size() && (text_[at_] == a || text_[at_] == b);
  };
  if (text_[at_] == '-') ++at_;
  if (is_next('0', '0')) {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (is_next('.', '.')) {
    ++at_;
    if (!digits()) return false;
  }
  if (is_next('e', 'E')) {
    ++at_;
    if (is_next('+', '-')) ++at_;
    if (!digits()) return false;
  }
  return true;
}

bool JsonScanner::take_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return fail("expected a value", at_);
  at_ += word.size();
  return true;
}

bool JsonScanner::take_scalar() {
  switch (peek()) {
    case JsonType::string:
      return take_string();
    case JsonType::number:
      return take_number();
    case JsonType::boolean:
      return take_word(text_[at_] == 't' ? "true" : "false");
    case JsonType::null:
      return take_word("null");
    default:
      return fail("expected a value", at_);
  }
}

// Whether the value under way is complete, given that a scalar or a closing bracket was just taken: closes
// what closes, and steps over the comma (and key) before the next member.
bool JsonScanner::take_value_end(Nesting& nesting) {
  while (nesting.depth > 0) {
    skip_space();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const bool in_object = nesting.is_object();
    if (c == (in_object ? '}' : ']')) {
      ++at_;
      --depth_;
      --nesting.depth;
      continue;
    }
    if (c != ',') return fail(in_object ? "expected ',' or '}'" : "expected ',' or ']'", at_);
    ++at_;
    Span key;
    return !in_object || take_key(key);
  }
  return true;
}

Span JsonScanner::take_value() {
  if (failed()) return {};
  skip_space();
  const std::size_t begin = at_;
  Nesting nesting;
  do {
    const JsonType type = peek();
    if (type != JsonType::object && type != JsonType::array) {
      if (!take_scalar() || !take_value_end(nesting)) return {};
      continue;
    }
    if (!open()) return {};
    nesting.push(type == JsonType::object);
    skip_space();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == (type == JsonType::object ? '}' : ']')) {
      if (!take_value_end(nesting)) return {};
    } else if (Span key; type == JsonType::object && !take_key(key)) {
      return {};
    }
  } while (nesting.depth > 0);
  return {begin, at_};
}

bool JsonScanner::finish() {
  if (failed()) return false;
  skip_space();
  return at_ == text_.size() || fail("expected nothing after the JSON value", at_);
}

base::Error JsonScanner::error() const {
  DCHECK(failed());
  const std::string_view before = text_.substr(0, failed_at_);
  const std::size_t line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
  const std::size_t column = failed_at_ - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
  std::string found = "the text ends";
  if (failed_at_ < text_.size()) {
    const auto byte = static_cast<unsigned char>(text_[failed_at_]);
    found = byte > 0x20 && byte < 0x7F ? fmt::format("found '{}'", text_[failed_at_])
                                       : fmt::format("found byte 0x{:02X}", byte);
  }
  if (failure_ == kTooDeep) {
    return {.code = base::ErrorCode::too_large,
            .message = fmt::format("{}: at most {} levels, exceeded at byte {} (line {}, column {})",
                                   kTooDeep, depth_max_, failed_at_, line, column)};
  }
  return {.code = base::ErrorCode::invalid_argument,
          .message = fmt::format("malformed JSON: {}, {} at byte {} (line {}, column {})", failure_, found,
                                 failed_at_, line, column)};
}

JsonScanner::JsonScanner(std::string_view text, std::size_t depth_max) : text_(text), depth_max_(depth_max) {
  CHECK(depth_max <= kDepthEver);
}

std::string unescape_json(std::string_view quoted) {
  DCHECK(quoted.size() >= 2);
  return unescape_between(quoted.substr(1, quoted.size() - 2));
}

bool json_text_equals(std::string_view between_quotes, std::string_view name) {
  // Escapes only ever make a text longer.
  if (between_quotes.size() <= name.size()) return between_quotes == name;
  return between_quotes.contains('\\') && unescape_between(between_quotes) == name;
}

std::string compact_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    out += c;
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < json.size()) out += json[++i];
  }
  return out;
}

}  // namespace sluice::hub::dialects
