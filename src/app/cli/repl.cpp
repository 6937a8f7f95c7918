#include "app/cli/repl.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "app/cli/command.h"
#include "app/cli/pictures.h"
#include "base/strings.h"

namespace sluice::app::cli {

using vlm::generation::End;
using vlm::generation::FinishReason;

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Speeds speeds_of(const End& end) {
  const auto rate = [](std::uint32_t tokens, std::chrono::nanoseconds time) {
    return time.count() > 0 ? tokens / std::chrono::duration<double>(time).count() : 0.0;
  };
  return {.prompt_tokens_per_s = rate(end.prompt_tokens, end.prefill),
          .tokens_per_s = end.answer_tokens > 1 ? rate(end.answer_tokens - 1, end.decode) : 0.0};
}

std::string_view finish_word(const End& end) {
  switch (end.reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::failed:
      break;
  }
  return "failed";
}

void print_stats(const vlm::generation::LanguageModel& model, const End& end) {
  const bool dim = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  const Speeds speeds = speeds_of(end);
  fmt::print(stderr,
             "{}load {:.0f} ms · prompt {} tokens at {:.0f}/s · first token after {:.0f} ms · answer {} "
             "tokens at {:.1f}/s · {}{}\n",
             dim ? "\033[2m" : "", milliseconds(model.load_time), end.prompt_tokens,
             speeds.prompt_tokens_per_s, milliseconds(end.prefill), end.answer_tokens, speeds.tokens_per_s,
             finish_word(end), dim ? "\033[0m" : "");
}

namespace {

constexpr std::string_view kHelp =
    "/set system TEXT      system message (empty: the model's own)\n"
    "/set temperature X    0 takes the likeliest token each time\n"
    "/set top_p X          share of likely tokens to choose among\n"
    "/set seed N           the same seed gives the same answer\n"
    "/set max_tokens N     longest answer (0: until the context is full)\n"
    "/show                 the model and the settings\n"
    "/clear                forget the conversation\n"
    "/bye                  leave (or Ctrl-D)\n"
    "PATH words            a path of a picture in a line attaches it\n"
    "\"\"\"                   begins and ends a prompt of several lines\n"
    "Ctrl-C                stops the answer\n";

template <typename Number>
bool parse_number(std::string_view text, Number& value) {
  Number parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = parsed;
  return true;
}

bool set_option(ChatOptions& options, std::string_view name, std::string_view value) {
  if (name == "system") {
    options.system = value;
    return true;
  }
  if (name == "temperature") return parse_number(value, options.temperature);
  if (name == "top_p") return parse_number(value, options.top_p);
  if (name == "max_tokens") return parse_number(value, options.tokens_max);
  if (name == "seed") return parse_number(value, options.seed.emplace());
  return false;
}

void show(ChatSession& chat) {
  const vlm::models::Description& model = chat.model().model->description();
  const ChatOptions& options = chat.options();
  fmt::print("{} {}, {:.1f} M parameters, context {}\n", model.architecture, model.number_format,
             static_cast<double>(model.parameters) / 1e6, model.shape.context);
  fmt::print("temperature {}, top_p {}, max_tokens {}, seed {}, {} turns\n", options.temperature,
             options.top_p, options.tokens_max, options.seed ? std::to_string(*options.seed) : "random",
             chat.turns());
  if (!options.system.empty()) fmt::print("system: {}\n", options.system);
}

// False when the line asks to leave.
bool obey(std::string_view line, ChatSession& chat) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view command = line.substr(0, space);
  const std::string_view rest = base::trim(line.substr(space));
  if (command == "/bye" || command == "/exit") return false;
  if (command == "/clear") {
    chat.clear();
  } else if (command == "/show") {
    show(chat);
  } else if (command == "/set") {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (!set_option(chat.options(), rest.substr(0, end), base::trim(rest.substr(end))))
      fmt::print("expected one of:\n{}", kHelp);
  } else {
    fmt::print("{}", kHelp);
  }
  return true;
}

bool read_line(std::string_view mark, std::string& line) {
  fmt::print("{}", mark);
  std::fflush(stdout);
  return static_cast<bool>(std::getline(std::cin, line));
}

// The rest of a prompt that began with """.
std::string read_block(std::string_view first) {
  std::string text(first.substr(3));
  for (std::string line; !base::trim(text).ends_with("\"\"\"");) {
    if (!read_line("... ", line)) return text;
    text += "\n" + line;
  }
  text.erase(text.rfind("\"\"\""));
  return text;
}

void print_piece(std::string_view piece) {
  std::fwrite(piece.data(), 1, piece.size(), stdout);
  std::fflush(stdout);
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find(' '));
}

// A line whose words may be paths of pictures; one without keeps its spaces.
base::Result<Reply> ask_line_of(std::string_view line, ChatSession& chat) {
  std::vector<std::string> words;
  for (const std::string_view word : base::split(line, ' ')) words.emplace_back(word);
  SLUICE_TRY(const PromptWithPictures prompt, find_pictures(words));
  if (prompt.pictures.empty()) return chat.ask(std::string(line), print_piece);
  SLUICE_TRY(auto pictures, prepare_picture_files(chat.model(), prompt.pictures, {}));
  return chat.ask(prompt.text, print_piece, std::move(pictures));
}

}  // namespace

int converse_with(ChatSession& chat, bool stats) {
  fmt::print("/? for help, /bye to leave\n");
  for (std::string line; read_line(">>> ", line);) {
    const std::string_view text = base::trim(line);
    if (text.empty()) continue;
    if (text.starts_with('/') && !is_picture_name(first_word(text))) {
      if (!obey(text, chat)) return kDone;
      continue;
    }
    const auto reply =
        text.starts_with("\"\"\"") ? chat.ask(read_block(text), print_piece) : ask_line_of(text, chat);
    fmt::print("\n");
    if (!reply)
      report(reply.error());
    else if (stats)
      print_stats(chat.model(), reply->end);
  }
  fmt::print("\n");
  return kDone;
}

}  // namespace sluice::app::cli
