// One question about many pictures (pictures.h).
#include <fmt/format.h>

#include <cstdio>

#include "app/cli/pictures.h"
#include "app/cli/terminal.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

namespace fs = std::filesystem;
namespace generation = vlm::generation;

std::string as_line(const SeeingOptions& options, const fs::path& file, bool alone,
                    const generation::PreparedPicture& picture, const Reply& reply, const ChatSession& chat) {
  const std::string text(base::trim(reply.text));
  if (!options.json) return alone ? text : file.string() + ": " + text;
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("file", file.string());
  write_picture(picture, json);
  write_answer(options.model, text, reply, chat, picture.decoding, picture.cutting, json);
  json.end_object();
  return out;
}

}  // namespace

int answer_each(const SeeingOptions& options, PictureChoice choice, const std::string& question,
                std::span<const fs::path> files, ChatSession& chat) {
  ProgressBar bar(files.size());
  std::size_t failed = 0;
  std::size_t done = 0;
  for (bool stopped = false; done < files.size() && !stopped; ++done) {
    const fs::path& file = files[done];
    if (files.size() > 1)
      bar.show(done, fmt::format("{} of {}: {}", done + 1, files.size(), file.filename().string()));
    const auto picture = prepare_picture_file(chat.model(), file, choice);
    chat.clear();
    auto reply = picture ? chat.ask(question, [](std::string_view) {}, {*picture})
                         : base::Result<Reply>(base::fail(picture.error()));
    bar.wipe();
    if (!reply) {
      report(reply.error());
      ++failed;
      continue;
    }
    stopped = reply->end.reason == generation::FinishReason::cancelled;
    fmt::print("{}\n", as_line(options, file, files.size() == 1, *picture, *reply, chat));
    std::fflush(stdout);
  }
  if (files.size() > 1)
    fmt::print(stderr, "{} of {} pictures in {}, {} could not be read\n", done, files.size(),
               format_seconds(bar.elapsed().count()), failed);
  return failed > 0 || done < files.size() ? kFailed : kDone;
}

}  // namespace sluice::app::cli
