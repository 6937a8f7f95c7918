#include "vlm/tokenizer/template_text.h"

#include <array>
#include <span>

#include "vlm/tokenizer/limits.h"

namespace sluice::vlm::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::string_view kSpaces = " \t\n\r";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A word, a string ('"' and its text), or an operator.
struct Lexeme {
  std::string text;
  bool is_string = false;
};

Result<std::string> take_string(std::string_view& code) {
  const char quote = code[0];
  std::string value;
  for (std::size_t i = 1; i < code.size(); ++i) {
    if (code[i] == quote) {
      code.remove_prefix(i + 1);
      return value;
    }
    if (code[i] == '\\' && i + 1 < code.size()) {
      ++i;
      const char escaped = code[i];
      value.push_back(escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped == 'r' ? '\r' : escaped);
    } else {
      value.push_back(code[i]);
    }
  }
  return fail(ErrorCode::corrupt_data,
              "chat template: expected the end of a string, found the end of its tag");
}

Result<std::vector<Lexeme>> lex(std::string_view code) {
  constexpr std::array<std::string_view, 4> kLongOperators{"==", "!=", "<=", ">="};
  constexpr std::string_view kOperators = "+-*/%~|().,:=<>[]{}";
  std::vector<Lexeme> lexemes;
  while (!code.empty()) {
    if (kSpaces.contains(code[0])) {
      code.remove_prefix(1);
      continue;
    }
    if (code[0] == '\'' || code[0] == '"') {
      SLUICE_TRY(auto value, take_string(code));
      lexemes.push_back({std::move(value), true});
      continue;
    }
    std::size_t size = 0;
    while (size < code.size() && is_word(code[size])) ++size;
    for (const std::string_view op : kLongOperators) {
      if (code.starts_with(op)) size = op.size();
    }
    if (size == 0 && kOperators.contains(code[0])) size = 1;
    if (size == 0) {
      return fail(ErrorCode::corrupt_data, "chat template: expected an expression, found byte 0x{:02x}",
                  static_cast<unsigned char>(code[0]));
    }
    lexemes.push_back({std::string(code.substr(0, size)), false});
    code.remove_prefix(size);
  }
  return lexemes;
}

bool is_operator(std::span<const Lexeme> lexemes, std::size_t i, std::string_view text) {
  return i < lexemes.size() && !lexemes[i].is_string && lexemes[i].text == text;
}

// message [ "role" ]  ->  message . role
void turn_subscripts_into_attributes(std::vector<Lexeme>& lexemes) {
  std::vector<Lexeme> turned;
  for (std::size_t i = 0; i < lexemes.size(); ++i) {
    const bool subscript = i > 0 && is_operator(lexemes, i, "[") && i + 2 < lexemes.size() &&
                           lexemes[i + 1].is_string && is_operator(lexemes, i + 2, "]");
    if (subscript) {
      turned.push_back({".", false});
      turned.push_back({lexemes[i + 1].text, false});
      i += 2;
    } else {
      turned.push_back(lexemes[i]);
    }
  }
  lexemes = std::move(turned);
}

// Words are kept apart by one space, operators by none except around words such as "!=".
std::string join(std::span<const Lexeme> lexemes) {
  constexpr std::string_view kTight = ".[](),";
  std::string text;
  bool tight = true;
  for (const Lexeme& lexeme : lexemes) {
    const bool now = !lexeme.is_string && lexeme.text.size() == 1 && kTight.contains(lexeme.text[0]);
    if (!tight && !now) text.push_back(' ');
    text += lexeme.is_string ? '"' + lexeme.text + '"' : lexeme.text;
    tight = now && lexeme.text != "]" && lexeme.text != ")";
  }
  return text;
}

class Canonicaliser {
 public:
  Result<std::vector<std::string>> run(std::string_view text);

 private:
  base::Status take_tag(std::string_view& text);
  base::Status print(std::string_view code);
  base::Status state(std::string_view code);
  void print_sum(std::span<const Lexeme> lexemes);
  void print_term(std::span<const Lexeme> term);
  void literal(std::string_view text);

  std::vector<std::string> elements_;
  bool after_block_ = false;  // trim_blocks: the line feed right after a block tag goes
  bool strip_left_ = false;   // the tag before ended in "-%}": all white space goes
};

void Canonicaliser::literal(std::string_view text) {
  if (text.empty()) return;
  if (!elements_.empty() && elements_.back().starts_with('"')) {
    elements_.back() += text;
  } else {
    elements_.push_back('"' + std::string(text));
  }
}

base::Status Canonicaliser::state(std::string_view code) {
  SLUICE_TRY(auto lexemes, lex(code));
  turn_subscripts_into_attributes(lexemes);
  elements_.push_back('{' + join(lexemes) + '}');
  return {};
}

base::Status Canonicaliser::print(std::string_view code) {
  SLUICE_TRY(auto lexemes, lex(code));
  turn_subscripts_into_attributes(lexemes);
  print_sum(lexemes);
  return {};
}

void Canonicaliser::print_sum(std::span<const Lexeme> lexemes) {
  std::size_t first = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= lexemes.size(); ++i) {
    depth += is_operator(lexemes, i, "(") - is_operator(lexemes, i, ")");
    const bool ends = i == lexemes.size() || (depth == 0 && is_operator(lexemes, i, "+"));
    if (!ends) continue;
    print_term(lexemes.subspan(first, i - first));
    first = i + 1;
  }
}

void Canonicaliser::print_term(std::span<const Lexeme> term) {
  if (term.size() == 1 && term[0].is_string) return literal(term[0].text);
  elements_.push_back(join(term));
}

// `text` starts at a tag; takes it off the front.
base::Status Canonicaliser::take_tag(std::string_view& text) {
  const char kind = text[1];
  const std::string_view close = kind == '%' ? "%}" : kind == '#' ? "#}" : "}}";
  // A close inside a string does not count; comments have no strings.
  std::size_t end = 2;
  char quote = 0;
  for (; end < text.size(); ++end) {
    if (quote == 0 && text.substr(end).starts_with(close)) break;
    if (kind == '#') continue;
    if (quote != 0 && text[end] == '\\') {
      ++end;
    } else if (quote != 0) {
      if (text[end] == quote) quote = 0;
    } else if (text[end] == '\'' || text[end] == '"') {
      quote = text[end];
    }
  }
  if (end >= text.size()) {
    return fail(ErrorCode::corrupt_data, "chat template: expected {}, found the end of the text", close);
  }
  std::string_view code = text.substr(2, end - 2);
  text.remove_prefix(end + close.size());
  if (code.starts_with('-') || code.starts_with('+')) code.remove_prefix(1);
  strip_left_ = code.ends_with('-');
  if (strip_left_) code.remove_suffix(1);
  after_block_ = kind != '{';
  if (kind == '%') return state(code);
  if (kind == '{') return print(code);
  return {};
}

// Data before the tag that `rest` starts with, as Jinja leaves it.
std::string_view trim_data(std::string_view data, std::string_view rest, bool after_block, bool strip_left) {
  if (strip_left) {
    const std::size_t start = data.find_first_not_of(kSpaces);
    data = start == std::string_view::npos ? std::string_view() : data.substr(start);
  } else if (after_block && data.starts_with('\n')) {
    data.remove_prefix(1);
  }
  if (rest.size() > 2 && rest[2] == '-') {
    const std::size_t end = data.find_last_not_of(kSpaces);
    return end == std::string_view::npos ? std::string_view() : data.substr(0, end + 1);
  }
  const bool block = rest.size() > 1 && rest[1] != '{';
  if (block) {  // lstrip_blocks: only white space between the line's start and the tag goes
    const std::size_t line = data.rfind('\n');
    const std::size_t start = line == std::string_view::npos ? 0 : line + 1;
    const bool at_line_start = line != std::string_view::npos || after_block;
    if (at_line_start && data.find_first_not_of(" \t", start) == std::string_view::npos)
      data = data.substr(0, start);
  }
  return data;
}

Result<std::vector<std::string>> Canonicaliser::run(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);  // Jinja drops one
  after_block_ = true;                              // the text's start is a line's start
  while (!text.empty()) {
    std::size_t tag = 0;
    while (tag < text.size()) {
      tag = text.find('{', tag);
      if (tag == std::string_view::npos) tag = text.size();
      if (tag + 1 < text.size() && std::string_view("%{#").contains(text[tag + 1])) break;
      if (tag < text.size()) ++tag;
    }
    literal(trim_data(text.substr(0, tag), text.substr(tag), after_block_, strip_left_));
    text.remove_prefix(tag);
    if (!text.empty()) SLUICE_TRY_VOID(take_tag(text));
  }
  return std::move(elements_);
}

}  // namespace

Result<std::vector<std::string>> canonical_template(std::string_view text) {
  if (text.size() > kTemplateBytesMax) {
    return fail(ErrorCode::too_large, "chat template: expected at most {} bytes, found {}", kTemplateBytesMax,
                text.size());
  }
  return Canonicaliser().run(text);
}

}  // namespace sluice::vlm::tokenizer
