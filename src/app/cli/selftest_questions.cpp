#include "app/cli/selftest_questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/random.h"
#include "base/strings.h"
#include "vlm/image/canvas.h"

namespace sluice::app::cli {
namespace {

using base::Random;
using vlm::image::Canvas;
using vlm::image::Colour;
using vlm::image::kBlack;

constexpr std::uint32_t kWidth = 640;
constexpr std::uint32_t kHeight = 480;

struct Paint {
  std::string_view name;
  Colour colour;
};
constexpr std::array kPalette{
    Paint{"red", {220, 30, 30}},     Paint{"green", {30, 150, 50}},   Paint{"blue", {30, 60, 210}},
    Paint{"yellow", {245, 215, 20}}, Paint{"purple", {130, 40, 160}}, Paint{"orange", {245, 140, 20}},
};
constexpr std::array<std::string_view, 3> kShapes{"circle", "square", "triangle"};
constexpr std::array<std::string_view, 10> kNumberWords{"zero", "one", "two",   "three", "four",
                                                        "five", "six", "seven", "eight", "nine"};

void draw_shape(Canvas& canvas, std::string_view shape, std::int64_t left, std::int64_t top,
                std::int64_t size, Colour colour) {
  if (shape == "circle")
    canvas.disc(left + size / 2, top + size / 2, size / 2, colour);
  else if (shape == "square")
    canvas.fill(left, top, size, size, colour);
  else
    canvas.triangle(left, top, size, colour);
}

Question draw_number(Random& random) {
  const std::uint64_t number = 10 + random.below(9990);
  Question question{.kind = QuestionKind::number,
                    .text = "What number is written in the image? Answer with the number only.",
                    .expected = std::to_string(number),
                    .picture = {}};
  Canvas canvas(kWidth, kHeight);
  constexpr std::uint32_t kScale = 16;
  const std::uint64_t wide = question.expected.size() * vlm::image::kLetterAdvance * kScale;
  canvas.text(static_cast<std::int64_t>((kWidth - wide) / 2),
              static_cast<std::int64_t>(40 + random.below(kHeight - 80 - vlm::image::kLetterHeight * kScale)),
              question.expected, kScale, kBlack);
  question.picture = canvas.take();
  return question;
}

Question draw_colour(Random& random) {
  const Paint& paint = kPalette[random.below(kPalette.size())];
  const std::string_view shape = kShapes[random.below(kShapes.size())];
  Canvas canvas(kWidth, kHeight);
  const auto size = static_cast<std::int64_t>(160 + random.below(160));
  draw_shape(canvas, shape, static_cast<std::int64_t>(random.below(300)),
             static_cast<std::int64_t>(random.below(150)), size, paint.colour);
  return {.kind = QuestionKind::colour,
          .text = fmt::format("What colour is the {}? Answer with one word.", shape),
          .expected = std::string(paint.name),
          .picture = canvas.take()};
}

Question draw_count(Random& random) {
  constexpr std::size_t kColumns = 3;
  constexpr std::size_t kCells = 6;
  const std::size_t count = 1 + random.below(kCells);
  const Paint& paint = kPalette[random.below(kPalette.size())];
  const std::string_view shape = kShapes[random.below(kShapes.size())];
  Canvas canvas(kWidth, kHeight);
  std::array<std::size_t, kCells> cells{0, 1, 2, 3, 4, 5};
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(cells[i], cells[i + random.below(kCells - i)]);
    draw_shape(canvas, shape, static_cast<std::int64_t>(40 + cells[i] % kColumns * 200),
               static_cast<std::int64_t>(50 + cells[i] / kColumns * 220), 140, paint.colour);
  }
  return {.kind = QuestionKind::count,
          .text = fmt::format("How many {}s are in the image? Answer with a number.", shape),
          .expected = std::to_string(count),
          .picture = canvas.take()};
}

std::string as_price(std::uint64_t cents) {
  return fmt::format("{}.{:02}", cents / 100, cents % 100);
}

Question draw_total(Random& random) {
  constexpr std::array<std::string_view, 6> kGoods{"BREAD", "MILK", "TEA", "RICE", "SOAP", "APPLES"};
  constexpr std::uint32_t kScale = 6;
  constexpr std::int64_t kLine = 80;
  Canvas canvas(kWidth, kHeight);
  std::uint64_t sum = 0;
  std::int64_t top = 30;
  const auto line = [&](std::string_view name, const std::string& price) {
    canvas.text(30, top, name, kScale, kBlack);
    const auto wide = static_cast<std::int64_t>(price.size() * vlm::image::kLetterAdvance * kScale);
    canvas.text(kWidth - 30 - wide, top, price, kScale, kBlack);
    top += kLine;
  };
  const std::size_t first = random.below(kGoods.size());
  for (std::size_t i = 0; i < 3; ++i) {
    const std::uint64_t cents = 50 + random.below(2000);
    sum += cents;
    line(kGoods[(first + i) % kGoods.size()], as_price(cents));
  }
  canvas.fill(30, top - 10, kWidth - 60, 4, kBlack);
  top += 20;
  line("TOTAL", as_price(sum));
  return {.kind = QuestionKind::total,
          .text = "What is the total on the receipt? Answer with the amount only.",
          .expected = as_price(sum),
          .picture = canvas.take()};
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (is_word(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(base::to_lower(std::exchange(word, {})));
    }
  }
  return words;
}

// The first number in the text: digits with thousands' commas left out, or a word below ten.
std::optional<std::string> first_number(std::string_view text) {
  std::string number;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool between = !number.empty() && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
    if (c >= '0' && c <= '9')
      number += c;
    else if (c == '.' && between && !number.contains('.'))
      number += c;
    else if (!(c == ',' && between) && !number.empty())
      break;
  }
  if (!number.empty()) return number;
  for (const std::string& word : words_of(text)) {
    const auto found = std::ranges::find(kNumberWords, word);
    if (found != kNumberWords.end()) return std::to_string(found - kNumberWords.begin());
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(QuestionKind kind) {
  constexpr std::array<std::string_view, 4> kNames{"number", "colour", "count", "total"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Question> draw_questions(std::uint64_t seed) {
  Random random(seed);
  std::vector<Question> questions;
  for (const auto draw : {draw_number, draw_colour, draw_count, draw_total})
    for (std::size_t i = 0; i < kQuestionsOfKind; ++i) questions.push_back(draw(random));
  return questions;
}

bool is_right(const Question& question, std::string_view answer) {
  if (question.kind != QuestionKind::colour) return first_number(answer) == question.expected;
  std::vector<std::string> named;
  for (std::string word : words_of(answer)) {
    if (word == "violet") word = "purple";
    if (std::ranges::find(kPalette, word, &Paint::name) != kPalette.end()) named.push_back(std::move(word));
  }
  return !named.empty() &&
         std::ranges::all_of(named, [&](const std::string& word) { return word == question.expected; });
}

}  // namespace sluice::app::cli
