#include "app/cli/pictures.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <system_error>

#include "app/cli/command.h"
#include "app/cli/repl.h"
#include "base/strings.h"
#include "vlm/generation/video_prompt.h"
#include "vlm/image/limits.h"

namespace sluice::app::cli {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;
namespace generation = vlm::generation;

namespace {

constexpr std::size_t kFilesMax = 100'000;  // of one folder

}  // namespace

void declare_seeing(Arguments& arguments, SeeingOptions& options) {
  arguments.option("-m,--model", options.model, "model that sees [yours by id, else sluice/reader]");
  declare_asking(arguments, options);
}

void declare_asking(Arguments& arguments, SeeingOptions& options) {
  arguments.option("--tiles", options.tiles,
                   "full (as the reference), auto (by the picture's size), or 1 to 6 [full]");
  arguments.option(
      "--repair", options.repair,
      "deskew, light or both with a comma between: straightens a page, evens out its light [none]");
  arguments.option("--max-tokens", options.tokens_max,
                   "longest answer in tokens [until the context is full]");
  arguments.option("--temperature", options.temperature, "0 takes the likeliest token each time [0]");
  arguments.option("--seed", options.seed, "the same seed gives the same answer [random]");
  arguments.option("--threads", options.threads, "threads to compute on [cores of the quota]");
  options.hub.declare_implied(arguments);
}

Result<ChatOptions> chat_options_of(const SeeingOptions& options) {
  ChatOptions chat{.system = {},
                   .tokens_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(
                       options.tokens_max, std::numeric_limits<std::uint32_t>::max())),
                   .temperature = options.temperature,
                   .top_p = 1,
                   .seed = {},
                   .threads = options.threads};
  if (!options.seed.empty()) {
    chat.seed = base::parse_unsigned(options.seed);
    if (!chat.seed)
      return fail(ErrorCode::invalid_argument, "--seed: expected a whole number, got {}", options.seed);
  }
  return chat;
}

Result<PictureChoice> picture_choice_of(const SeeingOptions& options) {
  PictureChoice choice;
  SLUICE_TRY(choice.tiles, generation::TileChoice::parse(options.tiles));
  SLUICE_TRY(choice.repair, vlm::image::Repair::parse(options.repair));
  return choice;
}

bool is_picture_name(const fs::path& file) {
  constexpr std::array<std::string_view, 4> kEndings{".jpg", ".jpeg", ".png", ".webp"};
  const std::string ending = base::to_lower(file.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

std::vector<fs::path> picture_files_of(std::span<const std::string> paths) {
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

Result<PromptWithPictures> find_pictures(std::span<const std::string> words) {
  PromptWithPictures prompt;
  for (const std::string& word : words) {
    std::error_code error;
    if (is_picture_name(word) && fs::is_regular_file(word, error)) {
      prompt.pictures.emplace_back(word);
      continue;
    }
    const bool is_path = word.find('/') != std::string::npos && word.find(' ') == std::string::npos;
    if (is_path && is_picture_name(word)) return fail(ErrorCode::not_found, "{}: no such picture", word);
    if (!prompt.text.empty()) prompt.text += ' ';
    prompt.text += word;
  }
  return prompt;
}

namespace {

// What a file holds, if it is not larger than any picture may be.
Result<std::vector<char>> read_picture_file(const fs::path& file) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  if (error) return fail(ErrorCode::not_found, "{}: {}", file.string(), error.message());
  if (size > vlm::image::kEncodedBytesMax)
    return fail(ErrorCode::too_large, "{}: picture of {} bytes: at most {} are read", file.string(), size,
                vlm::image::kEncodedBytesMax);
  std::ifstream in(file, std::ios::binary);
  return std::vector<char>{std::istreambuf_iterator<char>(in), {}};
}

Result<generation::PreparedPicture> name_file(Result<generation::PreparedPicture> picture,
                                              const fs::path& file) {
  if (!picture) return fail(picture.error().code, "{}: {}", file.string(), picture.error().message);
  return picture;
}

}  // namespace

Result<generation::PreparedPicture> prepare_picture_file(const generation::LanguageModel& model,
                                                         const fs::path& file, PictureChoice choice) {
  SLUICE_TRY(const std::vector<char> bytes, read_picture_file(file));
  return name_file(
      generation::prepare_picture(model, std::as_bytes(std::span(bytes)), choice.tiles, choice.repair), file);
}

Result<generation::PreparedPicture> prepare_frame_file(const generation::LanguageModel& model,
                                                       const fs::path& file) {
  SLUICE_TRY(const std::vector<char> bytes, read_picture_file(file));
  return name_file(generation::prepare_video_frame(model, std::as_bytes(std::span(bytes))), file);
}

Result<std::vector<generation::PreparedPicture>> prepare_picture_files(const generation::LanguageModel& model,
                                                                       std::span<const fs::path> files,
                                                                       PictureChoice choice) {
  std::vector<generation::PreparedPicture> pictures;
  for (const fs::path& file : files) {
    SLUICE_TRY(generation::PreparedPicture picture, prepare_picture_file(model, file, choice));
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

Result<std::string> seeing_model_id() {
  const device::ModelStore store(device::model_places_from_environment());
  SLUICE_TRY(const device::StoredModel found, store.find_seeing());
  fmt::print(stderr, "sluice: {} answers; no model was named\n", found.id);
  return found.id;
}

base::Status choose_seeing_model(SeeingOptions& options) {
  if (!options.model.empty()) return {};
  SLUICE_TRY(options.model, seeing_model_id());
  return {};
}

void write_picture(const generation::PreparedPicture& picture, base::JsonWriter& json) {
  json.field("width", picture.size.width).field("height", picture.size.height);
  json.key("fitted")
      .begin_array()
      .number(picture.plan.fitted.width)
      .number(picture.plan.fitted.height)
      .end_array();
  json.key("grid").begin_array().number(picture.plan.grid.width).number(picture.plan.grid.height).end_array();
  json.field("rows", picture.plan.rows).field("columns", picture.plan.columns);
  json.field("tiles", picture.choice.name()).field("repair", picture.repair.name());
  json.field("tiles_used", picture.plan.frames()).field("tiles_possible", picture.frames_possible);
  json.field("image_tokens", picture.plan.frames() * picture.frame_tokens);
}

void write_answer(const std::string& model, const std::string& text, const Reply& reply,
                  const ChatSession& chat, std::chrono::nanoseconds decoding,
                  std::chrono::nanoseconds cutting, base::JsonWriter& json) {
  const generation::End& end = reply.end;
  json.field("model", model)
      .field("text", text)
      .field("finish_reason", finish_word(end))
      .field("seed", reply.seed);
  json.field("system_fingerprint", chat.model().fingerprint);
  json.key("usage").begin_object().field("prompt_tokens", end.prompt_tokens);
  json.field("image_tokens", end.image_tokens).field("completion_tokens", end.answer_tokens).end_object();
  json.key("timings").begin_object().field("load_ms", milliseconds(chat.model().load_time));
  json.field("decode_ms", milliseconds(decoding)).field("preprocess_ms", milliseconds(cutting));
  json.field("tower_ms", milliseconds(end.looking))
      .field("prefill_ms", milliseconds(end.prefill - end.looking));
  json.field("generate_ms", milliseconds(end.decode)).end_object();
}

}  // namespace sluice::app::cli
