// Questions about pictures drawn on the spot, with the answers known: numbers, colours, counts and totals.
// Pure: the same seed draws the same pictures. What a right answer proves is that a model reads such
// pictures; a wrong one may be the model's or ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vlm/image/picture.h"

namespace sluice::app::cli {

enum class QuestionKind : std::uint8_t { number, colour, count, total };
std::string_view name_of(QuestionKind kind);

struct Question {
  QuestionKind kind = QuestionKind::number;
  std::string text;
  std::string expected;  // "4217", "red", "3", "12.50"
  vlm::image::Picture picture;
};

inline constexpr std::size_t kQuestionsOfKind = 6;
inline constexpr std::size_t kQuestions = 24;

std::vector<Question> draw_questions(std::uint64_t seed);

// A number is right when it is the only one in the answer, or the first ("3 circles", "three"); a colour when
// no other colour of the palette is named beside it.
bool is_right(const Question& question, std::string_view answer);

// How many a model would get right that answers every colour and count with the same word.
inline constexpr double kRightByChance = 2.0;

}  // namespace sluice::app::cli
