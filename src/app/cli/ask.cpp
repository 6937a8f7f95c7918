// sluice ask IMAGE... QUESTION: one answer about the pictures named; with a folder among them, one for each
// picture.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <system_error>

#include "app/cli/command.h"
#include "app/cli/pictures.h"

namespace sluice::app::cli {
namespace {

struct Options : SeeingOptions {
  std::vector<std::string> words;  // files, and the question last
};

std::string as_json(const Options& options, const std::vector<vlm::generation::PreparedPicture>& pictures,
                    const Reply& reply, const ChatSession& chat) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("question", options.words.back()).key("images").begin_array();
  std::chrono::nanoseconds decoding{};
  std::chrono::nanoseconds cutting{};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    json.begin_object().field("file", options.words[i]);
    write_picture(pictures[i], json);
    json.end_object();
    decoding += pictures[i].decoding;
    cutting += pictures[i].cutting;
  }
  json.end_array();
  write_answer(reply.text, reply, chat, decoding, cutting, json);
  json.end_object();
  return out;
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

int refuse_usage(base::Error error) {
  report(error);
  return kUsage;
}

int run(const Options& options) {
  if (options.words.size() < 2)
    return refuse_usage({.code = base::ErrorCode::invalid_argument,
                         .message = "ask: expected at least one picture and a question"});
  const auto choice = vlm::generation::TileChoice::parse(options.tiles);
  if (!choice) return refuse_usage(choice.error());
  auto settings = chat_options_of(options);
  if (!settings) return refuse_usage(settings.error());
  auto model = load_seeing_model(options.model, options.hub);
  if (!model) return report_missing(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  const std::span<const std::string> named = std::span(options.words).first(options.words.size() - 1);
  const std::vector<std::filesystem::path> files = picture_files_of(named);
  if (std::ranges::any_of(named, [](const std::string& path) { return is_folder(path); }))
    return answer_each(options, *choice, options.words.back(), files, chat);
  const auto pictures = prepare_picture_files(chat.model(), files, *choice);
  if (!pictures) return report(pictures.error());
  const auto show = [&](std::string_view text) {
    if (options.json) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const auto reply = chat.ask(options.words.back(), show, *pictures);
  if (!reply) return report(reply.error());
  fmt::print("{}\n", options.json ? as_json(options, *pictures, *reply, chat) : "");
  return reply->end.reason == vlm::generation::FinishReason::cancelled ? kFailed : kDone;
}

}  // namespace

std::function<int()> declare_ask(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.rest("IMAGE... QUESTION", options->words,
                 "pictures or folders of them, then the question in quotes");
  declare_seeing(arguments, *options);
  arguments.flag("--json", options->json,
                 "print one JSON object, with the time each stage took; JSON Lines for folders");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
