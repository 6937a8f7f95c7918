// sluice caption IMAGE...: a description of each picture; folders are walked. A picture that cannot be read
// is reported and the others go on.
#include <memory>

#include "app/cli/command.h"
#include "app/cli/pictures.h"

namespace sluice::app::cli {
namespace {

struct Options : SeeingOptions {
  std::vector<std::string> paths;
  std::string prompt = "Describe this image.";
};

int run(Options options) {
  const auto choice = picture_choice_of(options);
  auto settings = chat_options_of(options);
  if (!choice || !settings || options.paths.empty()) {
    report(!choice     ? choice.error()
           : !settings ? settings.error()
                       : base::Error{.code = base::ErrorCode::invalid_argument,
                                     .message = "caption: expected at least one picture or folder"});
    return kUsage;
  }
  if (const base::Status named = choose_seeing_model(options); !named) return report_missing(named.error());
  auto model = load_or_fetch(options.model, options.hub);
  if (!model) return report_missing(model.error());
  ChatSession chat(*std::move(model), *std::move(settings));
  return answer_each(options, *choice, options.prompt, picture_files_of(options.paths), chat);
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
