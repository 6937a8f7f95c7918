// What the commands that look at pictures share: reading files, choosing a model that sees, and the words
// for both in JSON.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "vlm/generation/picture_prompt.h"

namespace sluice::app::cli {

// Options that `ask` and `caption` have in common.
struct SeeingOptions {
  std::string model;
  std::string tiles = "full";
  std::uint64_t tokens_max = 0;
  double temperature = 0;  // greedy is how the reference decodes
  std::string seed;
  std::uint64_t threads = 0;
  bool json = false;
};
void declare_seeing(Arguments& arguments, SeeingOptions& options);
void declare_asking(Arguments& arguments, SeeingOptions& options);  // all but the model
base::Result<ChatOptions> chat_options_of(const SeeingOptions& options);

// Errors begin with the file's name.
base::Result<vlm::generation::PreparedPicture> prepare_picture_file(
    const vlm::generation::LanguageModel& model, const std::filesystem::path& file,
    vlm::generation::TileChoice choice);

// A file as a frame of a video.
base::Result<vlm::generation::PreparedPicture> prepare_frame_file(const vlm::generation::LanguageModel& model,
                                                                  const std::filesystem::path& file);

// `name`, or without one the first model of this machine that sees.
base::Result<ChatSession::LoadedModel> load_seeing_model(const std::string& name);

// Fields of an object that has been begun.
void write_picture(const vlm::generation::PreparedPicture& picture, base::JsonWriter& json);
void write_answer(const std::string& text, const Reply& reply, const ChatSession& chat,
                  std::chrono::nanoseconds decoding, std::chrono::nanoseconds cutting,
                  base::JsonWriter& json);

}  // namespace sluice::app::cli
