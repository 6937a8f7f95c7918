// sluice selftest [MODEL]: 24 questions about pictures drawn on the spot, and which of them the model got
// right. It measures, it does not pass or fail: a model with random weights answers like chance, and is shown
// so. A file that says how many are to be expected of it (kExpectedKey, written by train/) is compared with
// that.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include "app/cli/command.h"
#include "app/cli/pictures.h"
#include "app/cli/selftest_questions.h"
#include "base/random.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

struct Options : SeeingOptions {};

constexpr std::uint32_t kTokensMax = 24;
constexpr std::array kKinds{QuestionKind::number, QuestionKind::colour, QuestionKind::count,
                            QuestionKind::total};
constexpr std::string_view kExpectedKey = "sluice.selftest_right";

std::optional<double> expected_of(const vlm::generation::LanguageModel& model) {
  const auto said = model.file->metadata().real(kExpectedKey);
  const bool usable = said && *said >= 0 && *said <= static_cast<double>(kKinds.size() * kQuestionsOfKind);
  return usable ? std::optional(*said) : std::nullopt;
}

struct Asked {
  const Question* question;
  std::string answer;
  bool right = false;
};

std::size_t count_right(const std::vector<Asked>& asked, std::optional<QuestionKind> kind = std::nullopt) {
  std::size_t right = 0;
  for (const Asked& each : asked)
    if (each.right && (!kind || each.question->kind == *kind)) ++right;
  return right;
}

std::string as_json(const std::string& model, const std::vector<Asked>& asked, const ChatSession& chat,
                    std::uint64_t seed) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object()
      .field("model", model)
      .field("seed", seed)
      .field("system_fingerprint", chat.model().fingerprint);
  json.field("questions", asked.size()).field("right", count_right(asked));
  json.field("right_by_chance", kRightByChance);
  if (const auto expected = expected_of(chat.model())) json.field("right_expected", *expected);
  json.key("right_of_kind").begin_object();
  for (const QuestionKind kind : kKinds) json.field(name_of(kind), count_right(asked, kind));
  json.end_object().key("answers").begin_array();
  for (const Asked& each : asked) {
    json.begin_object().field("kind", name_of(each.question->kind)).field("question", each.question->text);
    json.field("expected", each.question->expected).field("answer", each.answer).field("right", each.right);
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

// One line of it; a model with random weights says anything.
std::string on_one_line(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string line;
  for (const char c : text.substr(0, kShownMax)) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return line + (text.size() > kShownMax ? "..." : "");
}

void print_summary(const std::vector<Asked>& asked, const ChatSession& chat, std::uint64_t seed) {
  std::string kinds;
  for (const QuestionKind kind : kKinds)
    kinds += fmt::format("{}{} {} of {}", kinds.empty() ? "" : ", ", name_of(kind), count_right(asked, kind),
                         kQuestionsOfKind);
  const auto expected = expected_of(chat.model());
  fmt::print("{} of {} right ({}); {}a fixed answer gets about {:.0f}; seed {}\n", count_right(asked),
             asked.size(), kinds, expected ? fmt::format("expected of this model {:.1f}; ", *expected) : "",
             kRightByChance, seed);
}

int run(Options options) {
  const auto choice = picture_choice_of(options);
  auto settings = chat_options_of(options);
  if (!choice || !settings) {
    report(!choice ? choice.error() : settings.error());
    return kUsage;
  }
  const std::uint64_t seed = settings->seed.value_or(base::secure_random_u64() >> 32);
  settings->seed = seed;
  if (settings->tokens_max == 0) settings->tokens_max = kTokensMax;
  if (const base::Status named = choose_seeing_model(options); !named) return report(named.error());
  auto model = load_for_chat(options.model);
  if (!model) return report(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  const std::vector<Question> questions = draw_questions(seed);
  std::vector<Asked> asked;
  for (const Question& question : questions) {
    auto picture = vlm::generation::prepare_picture(
        chat.model(), vlm::image::repaired(question.picture, choice->repair), choice->tiles);
    if (!picture) return report(picture.error());
    chat.clear();
    const auto reply = chat.ask(question.text, [](std::string_view) {}, {*std::move(picture)});
    if (!reply) return report(reply.error());
    if (reply->end.reason == vlm::generation::FinishReason::cancelled) return kFailed;
    asked.push_back({&question, std::string(base::trim(reply->text)), is_right(question, reply->text)});
    if (options.json) continue;
    fmt::print("{:5}  {:6}  expected {:8} got {}\n", asked.back().right ? "right" : "wrong",
               name_of(question.kind), question.expected, on_one_line(asked.back().answer));
    std::fflush(stdout);
  }
  if (options.json)
    fmt::print("{}\n", as_json(options.model, asked, chat, seed));
  else
    print_summary(asked, chat, seed);
  return kDone;
}

}  // namespace

std::function<int()> declare_selftest(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.optional("MODEL", options->model,
                     "model that sees, as `sluice list` shows it, or its path [what `ask` takes]");
  declare_asking(arguments, *options);
  arguments.flag("--json", options->json, "print one JSON object");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
