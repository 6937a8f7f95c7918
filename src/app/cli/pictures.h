// What the commands that look at pictures share: finding and reading files, choosing a model that sees, the
// words for both in JSON, and the same question about many pictures.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "app/cli/fetch_model.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "vlm/generation/picture_prompt.h"

namespace sluice::app::cli {

// Options that `ask` and `caption` have in common.
struct SeeingOptions {
  std::string model;
  std::string tiles = "full";
  std::string repair = "none";
  std::uint64_t tokens_max = 0;
  double temperature = 0;  // greedy is how the reference decodes
  std::string seed;
  std::uint64_t threads = 0;
  bool json = false;
  HubOptions hub;
};
void declare_seeing(Arguments& arguments, SeeingOptions& options);
void declare_asking(Arguments& arguments, SeeingOptions& options);  // all but the model
base::Result<ChatOptions> chat_options_of(const SeeingOptions& options);

// How the pictures of a command are prepared.
struct PictureChoice {
  vlm::generation::TileChoice tiles{};
  vlm::image::Repair repair{};
};
base::Result<PictureChoice> picture_choice_of(const SeeingOptions& options);

// By its ending: what is read as JPEG, PNG or WebP.
bool is_picture_name(const std::filesystem::path& file);
// Files as named, folders as the pictures in them and below, sorted.
std::vector<std::filesystem::path> picture_files_of(std::span<const std::string> paths);

// A prompt whose words may be paths of pictures: those leave the text. not_found for a path, with a slash in
// it and a picture's ending, where no file is.
struct PromptWithPictures {
  std::string text;
  std::vector<std::filesystem::path> pictures;
};
base::Result<PromptWithPictures> find_pictures(std::span<const std::string> words);

// Errors begin with the file's name.
base::Result<vlm::generation::PreparedPicture> prepare_picture_file(
    const vlm::generation::LanguageModel& model, const std::filesystem::path& file, PictureChoice choice);

// A file as a frame of a video.
base::Result<vlm::generation::PreparedPicture> prepare_frame_file(const vlm::generation::LanguageModel& model,
                                                                  const std::filesystem::path& file);

// The model for pictures where none is named: ModelStore::find_seeing()'s id, told on standard error.
base::Result<std::string> seeing_model_id();
// Fills in the model where none is named.
base::Status choose_seeing_model(SeeingOptions& options);

base::Result<std::vector<vlm::generation::PreparedPicture>> prepare_picture_files(
    const vlm::generation::LanguageModel& model, std::span<const std::filesystem::path> files,
    PictureChoice choice);

// Asks the same about each picture, every one in a conversation of its own: lines "file: text" or, as JSON
// Lines, objects with the time each stage took, as soon as they are known; progress on standard error. A
// picture that cannot be read is reported and the others go on; Ctrl-C ends it. Returns the exit code.
int answer_each(const SeeingOptions& options, PictureChoice choice, const std::string& question,
                std::span<const std::filesystem::path> files, ChatSession& chat);

// Fields of an object that has been begun.
void write_picture(const vlm::generation::PreparedPicture& picture, base::JsonWriter& json);
void write_answer(const std::string& model, const std::string& text, const Reply& reply,
                  const ChatSession& chat, std::chrono::nanoseconds decoding,
                  std::chrono::nanoseconds cutting, base::JsonWriter& json);

}  // namespace sluice::app::cli
