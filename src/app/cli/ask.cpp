// sluice ask IMAGE... QUESTION: one answer about the pictures named; with a folder among them, one for each
// picture.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <system_error>

#include "app/cli/command.h"
#include "app/cli/pictures.h"
#include "vlm/generation/video_prompt.h"

namespace sluice::app::cli {
namespace {

struct Options : SeeingOptions {
  std::vector<std::string> words;  // files, and the question last
  double frame_rate = 0;           // of the video whose frames the files are; 0: they are pictures
};

std::string as_json(const Options& options, const std::vector<vlm::generation::PreparedPicture>& pictures,
                    const Reply& reply, const ChatSession& chat) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("question", options.words.back()).key("images").begin_array();
  std::chrono::nanoseconds decoding{};
  std::chrono::nanoseconds cutting{};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    json.begin_object();
    if (options.frame_rate == 0) json.field("file", options.words[i]);
    write_picture(pictures[i], json);
    json.end_object();
    decoding += pictures[i].decoding;
    cutting += pictures[i].cutting;
  }
  json.end_array();
  write_answer(options.model, reply.text, reply, chat, decoding, cutting, json);
  json.end_object();
  return out;
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// The files as a message and what was made of them: of a video only the frames that are sampled are read.
struct Turn {
  vlm::tokenizer::Message message;
  std::vector<vlm::generation::PreparedPicture> pictures;
};

base::Result<Turn> make_turn(const Options& options, const vlm::generation::LanguageModel& model,
                             std::span<const std::filesystem::path> files, PictureChoice choice) {
  Turn turn{.message = {.role = "user", .content = options.words.back()}, .pictures = {}};
  if (options.frame_rate == 0) {
    SLUICE_TRY(turn.pictures, prepare_picture_files(model, files, choice));
    for (const auto& picture : turn.pictures) turn.message.images.push_back(picture.spot(0));
    return turn;
  }
  SLUICE_TRY(const auto indices, vlm::generation::sample_frames(files.size(), options.frame_rate));
  for (const std::size_t index : indices) {
    SLUICE_TRY(auto picture, prepare_frame_file(model, files[index]));
    turn.pictures.push_back(std::move(picture));
  }
  turn.message = vlm::generation::video_message(indices, files.size(), options.frame_rate,
                                                turn.pictures.front().frame_tokens, options.words.back());
  return turn;
}

int refuse_usage(base::Error error) {
  report(error);
  return kUsage;
}

int run(Options options) {
  if (options.words.size() < 2)
    return refuse_usage({.code = base::ErrorCode::invalid_argument,
                         .message = "ask: expected at least one picture and a question"});
  const auto choice = picture_choice_of(options);
  if (!choice) return refuse_usage(choice.error());
  if (options.frame_rate != 0 && choice->repair.any())
    return refuse_usage(
        {.code = base::ErrorCode::invalid_argument,
         .message = "ask: --repair is for pictures; the frames of a video are read as they are"});
  auto settings = chat_options_of(options);
  if (!settings) return refuse_usage(settings.error());
  if (const base::Status named = choose_seeing_model(options); !named) return report_missing(named.error());
  auto model = load_or_fetch(options.model, options.hub);
  if (!model) return report_missing(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  const std::span<const std::string> named = std::span(options.words).first(options.words.size() - 1);
  const std::vector<std::filesystem::path> files = picture_files_of(named);
  if (options.frame_rate == 0 &&
      std::ranges::any_of(named, [](const std::string& path) { return is_folder(path); }))
    return answer_each(options, *choice, options.words.back(), files, chat);
  auto turn = make_turn(options, chat.model(), files, *choice);
  if (!turn) return report(turn.error());
  std::vector<vlm::image::Picture> frames;
  for (vlm::generation::PreparedPicture& picture : turn->pictures)
    std::ranges::move(picture.frames, std::back_inserter(frames));
  const auto show = [&](std::string_view text) {
    if (options.json) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const auto reply = chat.ask(std::move(turn->message), std::move(frames), show);
  if (!reply) return report(reply.error());
  fmt::print("{}\n", options.json ? as_json(options, turn->pictures, *reply, chat) : "");
  return reply->end.reason == vlm::generation::FinishReason::cancelled ? kFailed : kDone;
}

}  // namespace

std::function<int()> declare_ask(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.rest("IMAGE... QUESTION", options->words,
                 "pictures or folders of them, then the question in quotes");
  declare_seeing(arguments, *options);
  arguments.option(
      "--video", options->frame_rate,
      "the pictures are a video's frames, so many a second: sampled as SmolVLM2's processor does");
  arguments.flag("--json", options->json,
                 "print one JSON object, with the time each stage took; JSON Lines for folders");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
