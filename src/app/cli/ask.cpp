// sluice ask IMAGE... QUESTION: one answer about pictures.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

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
  auto model = load_seeing_model(options);
  if (!model) return report_missing(model.error());
  std::vector<vlm::generation::PreparedPicture> pictures;
  for (std::size_t i = 0; i + 1 < options.words.size(); ++i) {
    auto picture = prepare_picture_file(**model, options.words[i], *choice);
    if (!picture) return report(picture.error());
    pictures.push_back(*std::move(picture));
  }
  ChatSession chat(*std::move(model), *std::move(settings));
  const auto show = [&](std::string_view text) {
    if (options.json) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const auto reply = chat.ask(options.words.back(), show, pictures);
  if (!reply) return report(reply.error());
  fmt::print("{}\n", options.json ? as_json(options, pictures, *reply, chat) : "");
  return reply->end.reason == vlm::generation::FinishReason::cancelled ? kFailed : kDone;
}

}  // namespace

std::function<int()> declare_ask(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.rest("IMAGE... QUESTION", options->words, "files of pictures, then the question in quotes");
  declare_seeing(arguments, *options);
  arguments.flag("--json", options->json, "print one JSON object, with the time each stage took");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
