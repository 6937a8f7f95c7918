// sluice run [MODEL] [PROMPT]: one answer, or a conversation when there is no prompt and a terminal to type
// on. Words of the prompt that are paths of pictures are attached; where a picture stands in the model's
// place, the model is the one that `ask` takes.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "app/cli/fetch_model.h"
#include "app/cli/pictures.h"
#include "app/cli/repl.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> prompt;
  std::string system;
  std::uint64_t tokens_max = 0;
  double temperature = ChatOptions{}.temperature;
  double top_p = ChatOptions{}.top_p;
  std::string seed;
  std::string tiles = "full";
  std::uint64_t threads = 0;
  bool json = false;
  bool stats = false;
  HubOptions hub;
};

// Text that was piped or redirected in; a terminal, /dev/null or a socket has none for us.
std::string piped_text() {
  struct stat status = {};
  if (fstat(STDIN_FILENO, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode))) return {};
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

base::Result<PromptWithPictures> whole_prompt(const Options& options) {
  SLUICE_TRY(PromptWithPictures prompt, find_pictures(options.prompt));
  const std::string piped = piped_text();
  if (!base::trim(piped).empty()) prompt.text += (prompt.text.empty() ? "" : "\n\n") + piped;
  return prompt;
}

base::Result<ChatOptions> chat_options(const Options& options) {
  ChatOptions chat{.system = options.system,
                   .tokens_max = 0,
                   .temperature = options.temperature,
                   .top_p = options.top_p,
                   .seed = {},
                   .threads = options.threads};
  chat.tokens_max = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(options.tokens_max, std::numeric_limits<std::uint32_t>::max()));
  if (!options.seed.empty()) {
    chat.seed = base::parse_unsigned(options.seed);
    if (!chat.seed)
      return base::fail(base::ErrorCode::invalid_argument, "--seed: expected a whole number, got {}",
                        options.seed);
  }
  return chat;
}

std::string reply_as_json(const std::string& model, const ChatSession& chat, const Reply& reply) {
  const vlm::generation::End& end = reply.end;
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("model", model).field("text", reply.text);
  json.field("finish_reason", finish_word(end)).field("seed", reply.seed);
  json.field("system_fingerprint", chat.model().fingerprint);
  json.key("usage").begin_object().field("prompt_tokens", end.prompt_tokens);
  json.field("completion_tokens", end.answer_tokens).end_object();
  const Speeds speeds = speeds_of(end);
  json.key("timings").begin_object().field("load_ms", milliseconds(chat.model().load_time));
  json.field("ttft_ms", milliseconds(end.prefill)).field("prompt_tokens_per_s", speeds.prompt_tokens_per_s);
  json.field("tokens_per_s", speeds.tokens_per_s).end_object().end_object();
  return out;
}

int run_once(const Options& options, ChatSession& chat, const PromptWithPictures& prompt,
             vlm::generation::TileChoice choice) {
  const auto pictures = prepare_picture_files(chat.model(), prompt.pictures, {.tiles = choice});
  if (!pictures) return report(pictures.error());
  const bool stream = !options.json;
  const auto show = [stream](std::string_view text) {
    if (!stream) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const auto reply = chat.ask(prompt.text, show, *pictures);
  if (!reply) return report(reply.error());
  if (options.json)
    fmt::print("{}\n", reply_as_json(options.model, chat, *reply));
  else
    fmt::print("\n");
  if (options.stats) print_stats(chat.model(), reply->end);
  return reply->end.reason == vlm::generation::FinishReason::cancelled ? kFailed : kDone;
}

// `sluice run page.png "What is the total?"`: the picture is the prompt's first word.
base::Result<Options> with_model_chosen(Options options) {
  std::error_code error;
  if (!is_picture_name(options.model) || !std::filesystem::is_regular_file(options.model, error))
    return options;
  SLUICE_TRY(std::string seeing, seeing_model_id());
  options.prompt.insert(options.prompt.begin(), std::exchange(options.model, std::move(seeing)));
  return options;
}

int run(const Options& given) {
  const auto chosen = with_model_chosen(given);
  if (!chosen) return report_missing(chosen.error());
  const Options& options = *chosen;
  auto settings = chat_options(options);
  const auto choice = vlm::generation::TileChoice::parse(options.tiles);
  if (!settings || !choice) {
    report(settings ? choice.error() : settings.error());
    return kUsage;
  }
  const auto prompt = whole_prompt(options);
  if (!prompt) return report(prompt.error());
  const bool converse =
      prompt->text.empty() && prompt->pictures.empty() && isatty(STDIN_FILENO) != 0 && !options.json;
  if (prompt->text.empty() && !converse) {
    report({.code = base::ErrorCode::invalid_argument,
            .message = "run: expected a prompt, as argument or on standard input"});
    return kUsage;
  }
  auto model = load_or_fetch(options.model, options.hub);
  if (!model) return report_missing(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  return converse ? converse_with(chat, options.stats) : run_once(options, chat, *prompt, *choice);
}

}  // namespace

std::function<int()> declare_run(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.required(
      "MODEL", options->model,
      "id as `sluice list` shows it, a model of the Hub, or a .gguf file; may be left out before a picture");
  arguments.rest("PROMPT", options->prompt,
                 "what to ask, paths of pictures among it; without it: standard input, or a conversation");
  arguments.option("--system", options->system, "system message");
  arguments.option("--max-tokens", options->tokens_max,
                   "longest answer in tokens [until the context is full]");
  arguments.option("--temperature", options->temperature, "0 takes the likeliest token each time [0.2]");
  arguments.option("--top-p", options->top_p, "share of likely tokens to choose among [0.9]");
  arguments.option("--tiles", options->tiles, "of pictures: full, auto, or 1 to 6 [full]");
  arguments.option("--seed", options->seed, "the same seed gives the same answer [random]");
  arguments.option("--threads", options->threads, "threads to compute on [cores of the quota]");
  arguments.flag("--json", options->json, "print one JSON object");
  arguments.flag("--stats", options->stats, "print times and speeds on standard error");
  options->hub.declare_implied(arguments);
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
