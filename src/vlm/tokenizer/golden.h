// Reads tests/golden/tokenizer.txt, for tests: texts with the ids that Hugging Face gives them.
#pragma once

#include <charconv>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

struct GoldenText {
  std::string text;
  std::vector<TokenId> control;  // SpecialText::control
  std::vector<TokenId> plain;    // SpecialText::plain
};

inline int golden_number(std::string_view digits, int radix = 10) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, radix);
  CHECK(error == std::errc() && end == digits.data() + digits.size());
  return value;
}

inline std::string golden_text(std::string_view escaped) {
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\') {
      text.push_back(escaped[i]);
    } else if (escaped[i + 1] == '\\') {
      text.push_back('\\');
      ++i;
    } else {
      text.push_back(static_cast<char>(golden_number(escaped.substr(i + 2, 2), 16)));
      i += 3;
    }
  }
  return text;
}

inline std::vector<TokenId> golden_ids(std::string_view packed) {
  std::vector<TokenId> ids;
  if (packed.empty()) return ids;
  for (const std::string_view part : base::split(packed, ' ')) {
    const std::size_t times = part.find('x');
    const int count = times == std::string_view::npos ? 1 : golden_number(part.substr(times + 1));
    ids.insert(ids.end(), static_cast<std::size_t>(count), golden_number(part.substr(0, times)));
  }
  return ids;
}

inline std::vector<GoldenText> golden_texts(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.is_open());
  std::vector<GoldenText> texts;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto columns = base::split(line, '\t');
    CHECK(columns.size() == 4);
    GoldenText golden;
    const std::string unit = golden_text(columns[1]);
    for (int count = golden_number(columns[0]); count > 0; --count) golden.text += unit;
    golden.control = golden_ids(columns[2]);
    golden.plain = columns[3] == "=" ? golden.control : golden_ids(columns[3]);
    texts.push_back(std::move(golden));
  }
  return texts;
}

}  // namespace sluice::vlm::tokenizer
