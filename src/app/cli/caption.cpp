// sluice caption IMAGE...: a description of each picture; folders are walked. A picture that cannot be read
// is reported and the others go on.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <system_error>

#include "app/cli/command.h"
#include "app/cli/pictures.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

namespace fs = std::filesystem;

struct Options : SeeingOptions {
  std::vector<std::string> paths;
  std::string prompt = "Describe this image.";
};

constexpr std::size_t kFilesMax = 100'000;

bool is_picture_name(const fs::path& file) {
  constexpr std::array<std::string_view, 4> kEndings{".jpg", ".jpeg", ".png", ".webp"};
  const std::string ending = base::to_lower(file.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

// Files as named, folders as the pictures in them, sorted.
std::vector<fs::path> files_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (fs::recursive_directory_iterator at(path, error), end;
         !error && at != end && inside.size() < kFilesMax; at.increment(error))
      if (is_picture_name(at->path())) inside.push_back(at->path());
    std::ranges::sort(inside);
    std::ranges::copy(inside, std::back_inserter(files));
  }
  return files;
}

bool describe(const Options& options, const fs::path& file, vlm::generation::TileChoice choice, bool alone,
              ChatSession& chat) {
  const auto picture = prepare_picture_file(chat.model(), file, choice);
  if (!picture) {
    report(picture.error());
    return false;
  }
  chat.clear();
  const auto reply = chat.ask(options.prompt, [](std::string_view) {}, {*picture});
  if (!reply) {
    report(reply.error());
    return false;
  }
  const std::string text(base::trim(reply->text));
  if (!options.json) {
    fmt::print("{}{}\n", alone ? "" : file.string() + ": ", text);
    std::fflush(stdout);
    return true;
  }
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("file", file.string());
  write_picture(*picture, json);
  write_answer(text, *reply, chat, picture->decoding, picture->cutting, json);
  json.end_object();
  fmt::print("{}\n", out);
  std::fflush(stdout);
  return true;
}

int run(const Options& options) {
  const auto choice = vlm::generation::TileChoice::parse(options.tiles);
  auto settings = chat_options_of(options);
  if (!choice || !settings || options.paths.empty()) {
    report(!choice     ? choice.error()
           : !settings ? settings.error()
                       : base::Error{.code = base::ErrorCode::invalid_argument,
                                     .message = "caption: expected at least one picture or folder"});
    return kUsage;
  }
  const std::vector<fs::path> files = files_of(options.paths);
  auto model = load_seeing_model(options);
  if (!model) return report_missing(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  const bool progress = files.size() > 1 && isatty(STDERR_FILENO) != 0;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (progress)
      fmt::print(stderr, "\r\033[K{} of {}: {}\r", i + 1, files.size(), files[i].filename().string());
    if (!describe(options, files[i], *choice, files.size() == 1, chat)) ++failed;
  }
  if (progress) fmt::print(stderr, "\r\033[K");
  return failed > 0 ? kFailed : kDone;
}

}  // namespace

std::function<int()> declare_caption(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.rest("IMAGE...", options->paths, "pictures, or folders of them");
  declare_seeing(arguments, *options);
  arguments.option("--prompt", options->prompt, "what to ask of each [Describe this image.]");
  arguments.flag("--json", options->json, "print JSON Lines, one object a picture");
  return [options] { return run(*options); };
}

}  // namespace sluice::app::cli
