#include "app/device/device_request.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "app/device/image_bytes.h"
#include "app/device/limits.h"
#include "app/device/video_part.h"
#include "vlm/generation/picture_prompt.h"
#include "vlm/generation/video_prompt.h"
#include "vlm/image/decode.h"

namespace sluice::app::device {

namespace tasks = hub::tasks;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using vlm::generation::Sampling;

namespace {

Status refuse(std::string parameter, std::string_view why) {
  std::string message = fmt::format("{}: the device {}", parameter, why);
  return fail({.code = ErrorCode::invalid_argument,
               .message = std::move(message),
               .parameter = std::move(parameter)});
}

// Parameters that change nothing in what the device answers: labels, billing, caching and storage elsewhere.
constexpr std::array<std::string_view, 8> kHarmless{
    "metadata",          "store",    "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "provider", "stream_options",   "usage"};

Status check_extras(const std::vector<tasks::Extra>& others, const std::string& where) {
  for (const tasks::Extra& extra : others) {
    const bool says_nothing =
        extra.json == "null" || extra.json == "false" || extra.json == "[]" || extra.json == "{}";
    if (says_nothing || (where.empty() && std::ranges::find(kHarmless, extra.name) != kHarmless.end()))
      continue;
    SLUICE_TRY_VOID(refuse(where + extra.name, "does not know this parameter"));
  }
  return {};
}

Result<std::uint32_t> answer_max(const std::optional<tasks::Tokens>& wanted) {
  if (!wanted) return 0;
  if (wanted->count < 1)
    return fail({.code = ErrorCode::invalid_argument,
                 .message = "max_tokens: expected at least 1, got 0",
                 .parameter = "max_tokens"});
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(wanted->count, std::numeric_limits<std::uint32_t>::max()));
}

Result<Sampling> sampling_of(const tasks::Sampling& wanted, const Sampling& defaults, std::uint64_t seed) {
  Sampling sampling{.temperature = wanted.temperature.value_or(defaults.temperature),
                    .top_k = wanted.top_k.value_or(defaults.top_k),
                    .top_p = wanted.top_p.value_or(defaults.top_p),
                    .min_p = wanted.min_p.value_or(defaults.min_p),
                    .presence_penalty = wanted.presence_penalty.value_or(defaults.presence_penalty),
                    .frequency_penalty = wanted.frequency_penalty.value_or(defaults.frequency_penalty),
                    .repetition_penalty = wanted.repetition_penalty.value_or(defaults.repetition_penalty),
                    .seed = wanted.seed ? static_cast<std::uint64_t>(*wanted.seed) : seed};
  for (const auto& [token, bias] : wanted.logit_bias) {
    if (token < 0 || token > std::numeric_limits<std::int32_t>::max())
      return fail({.code = ErrorCode::invalid_argument,
                   .message = fmt::format("logit_bias: {} is no token id", token),
                   .parameter = "logit_bias"});
    sampling.logit_bias.emplace_back(static_cast<std::int32_t>(token), static_cast<float>(bias));
  }
  return sampling;
}

Status check_chat_features(const tasks::ChatRequest& request) {
  if (request.choices != 1) return refuse("n", "gives one answer to a request");
  if (!request.tools.empty()) return refuse("tools", "cannot call tools yet");
  if (request.tool_choice && request.tool_choice->mode != tasks::ToolChoice::Mode::none)
    return refuse("tool_choice", "cannot call tools yet");
  if (request.parallel_tool_calls) return refuse("parallel_tool_calls", "cannot call tools yet");
  if (request.response_format && request.response_format->kind != tasks::ResponseFormat::Kind::text)
    return refuse("response_format", "can only answer with plain text yet");
  if (request.reasoning && !(request.reasoning->effort.empty() || request.reasoning->effort == "none"))
    return refuse("reasoning_effort", "has no model that reasons apart from its answer");
  for (const std::string& modality : request.modalities)
    if (modality != "text") return refuse("modalities", "can only answer with text");
  return check_extras(request.others, "");
}

// All pictures of a conversation, in order: first what they will take, then their frames.
class Album {
 public:
  explicit Album(const vlm::generation::LanguageModel& model) : model_(model) {}

  // Plans a picture that stands after `at` bytes of a message's text.
  Result<vlm::tokenizer::ImageSpot> add(const tasks::ImagePart& part, std::size_t at,
                                        const std::string& place);
  // Puts the words and the frames of a video behind what the message has.
  Status add_video(const tasks::NativePart& part, const std::string& place, vlm::tokenizer::Message& out);
  std::size_t tokens() const;
  std::vector<tasks::PictureUse> uses() const;
  Result<std::vector<vlm::image::Picture>> cut();

 private:
  struct Page {
    std::string place;
    std::vector<std::byte> bytes;
    vlm::generation::PreparedPicture picture;
    bool of_video = false;
  };
  Status check_place(const std::string& place) const;
  Status cut_page(Page& page) const;
  // Whatever is wrong with it, a picture is a bad part of the request: 400 at every front, as clients expect.
  static std::unexpected<base::Error> refuse_page(const std::string& place, const base::Error& error) {
    return fail({.code = ErrorCode::invalid_argument,
                 .message = fmt::format("{}: {}", place, error.message),
                 .parameter = place});
  }

  const vlm::generation::LanguageModel& model_;
  std::vector<Page> pages_;
};

Status Album::check_place(const std::string& place) const {
  if (!model_.eyes) return refuse(place, "has a model here that cannot see pictures");
  if (pages_.size() >= kPicturesMax)
    return refuse(place, fmt::format("reads at most {} pictures in a request", kPicturesMax));
  return {};
}

Result<vlm::tokenizer::ImageSpot> Album::add(const tasks::ImagePart& part, std::size_t at,
                                             const std::string& place) {
  SLUICE_TRY_VOID(check_place(place));
  if (!part.id.empty()) SLUICE_TRY_VOID(refuse(place, "keeps no uploaded files"));
  SLUICE_TRY(std::vector<std::byte> bytes, image_bytes(part.url, place));
  vlm::generation::TileChoice choice;
  if (part.detail == "low") choice = {.kind = vlm::generation::TileChoice::Kind::count, .count = 1};
  auto picture = vlm::generation::plan_picture(model_, bytes, choice);
  if (!picture) return refuse_page(place, picture.error());
  pages_.push_back({place, std::move(bytes), *std::move(picture)});
  return pages_.back().picture.spot(at);
}

Status Album::add_video(const tasks::NativePart& part, const std::string& place,
                        vlm::tokenizer::Message& out) {
  SLUICE_TRY_VOID(check_place(place));
  SLUICE_TRY(const VideoPart video, read_video(part, place));
  const auto indices = vlm::generation::sample_frames(video.frames.size(), video.frames_per_s);
  if (!indices) return refuse_page(place, indices.error());
  const auto frame_tokens = static_cast<std::uint32_t>(model_.eyes->model->shape().rows());
  for (const std::size_t index : *indices) {
    const std::string frame = fmt::format("{}.video.{}", place, index);
    SLUICE_TRY_VOID(check_place(frame));
    SLUICE_TRY(std::vector<std::byte> bytes, image_bytes(video.frames[index], frame));
    const auto size = vlm::image::read_size(bytes);
    if (!size) return refuse_page(frame, size.error());
    vlm::generation::PreparedPicture picture{.choice = {},
                                             .repair = {},
                                             .size = *size,
                                             .plan = {},
                                             .frames_possible = 1,
                                             .frame_tokens = frame_tokens};
    pages_.push_back({frame, std::move(bytes), std::move(picture), true});
  }
  const auto told =
      vlm::generation::video_message(*indices, video.frames.size(), video.frames_per_s, frame_tokens, "");
  for (vlm::tokenizer::ImageSpot spot : told.images) {
    spot.at += out.content.size();
    out.images.push_back(spot);
  }
  out.content += told.content;
  return {};
}

std::size_t Album::tokens() const {
  std::size_t tokens = 0;
  for (const Page& page : pages_)
    tokens += std::size_t{page.picture.plan.frames()} * page.picture.frame_tokens;
  return tokens;
}

std::vector<tasks::PictureUse> Album::uses() const {
  std::vector<tasks::PictureUse> uses;
  for (const Page& page : pages_)
    uses.push_back({.width = page.picture.size.width,
                    .height = page.picture.size.height,
                    .tiles_used = page.picture.plan.frames(),
                    .tiles_possible = page.picture.frames_possible});
  return uses;
}

Status Album::cut_page(Page& page) const {
  if (!page.of_video) return vlm::generation::cut_picture(model_, page.bytes, page.picture);
  SLUICE_TRY(page.picture, vlm::generation::prepare_video_frame(model_, page.bytes));
  return {};
}

Result<std::vector<vlm::image::Picture>> Album::cut() {
  std::vector<vlm::image::Picture> frames;
  for (Page& page : pages_) {
    if (auto cut = cut_page(page); !cut) return refuse_page(page.place, cut.error());
    std::ranges::move(page.picture.frames, std::back_inserter(frames));
    page.bytes = {};
  }
  return frames;
}

// Its frames stand behind their times.
bool has_video(const tasks::Message& message) {
  return std::ranges::any_of(message.parts, [](const tasks::Part& part) {
    const auto* native = std::get_if<tasks::NativePart>(&part);
    return native != nullptr && is_video(*native);
  });
}

base::Status add_parts(const tasks::Message& message, const std::string& where, Album& album,
                       vlm::tokenizer::Message& out) {
  for (std::size_t i = 0; i < message.parts.size(); ++i) {
    const tasks::Part& part = message.parts[i];
    const std::string place = fmt::format("{}content.{}", where, i);
    if (const auto* words = std::get_if<tasks::TextPart>(&part)) {
      out.content += words->text;
    } else if (const auto* refusal = std::get_if<tasks::RefusalPart>(&part)) {
      out.content += refusal->text;
    } else if (const auto* picture = std::get_if<tasks::ImagePart>(&part)) {
      SLUICE_TRY(const auto spot, album.add(*picture, out.content.size(), place));
      out.images.push_back(spot);
    } else if (std::holds_alternative<tasks::AudioPart>(part)) {
      SLUICE_TRY_VOID(refuse(place, "cannot hear audio"));
    } else if (std::holds_alternative<tasks::FilePart>(part)) {
      SLUICE_TRY_VOID(refuse(place, "cannot read files yet"));
    } else if (const auto* native = std::get_if<tasks::NativePart>(&part); native && is_video(*native)) {
      SLUICE_TRY_VOID(album.add_video(*native, place, out));
    } else if (native != nullptr) {
      SLUICE_TRY_VOID(refuse(place, fmt::format("has no use for a {}", native->type)));
    }
    // A ReasoningPart is what some model thought on an earlier turn: templates leave it out.
  }
  return {};
}

Result<vlm::tokenizer::Message> to_message(const tasks::Message& message, std::size_t index, Album& album) {
  const std::string where = fmt::format("messages.{}.", index);
  if (message.role == tasks::Role::tool) SLUICE_TRY_VOID(refuse(where + "role", "cannot call tools yet"));
  if (!message.tool_calls.empty()) SLUICE_TRY_VOID(refuse(where + "tool_calls", "cannot call tools yet"));
  if (!message.name.empty())
    SLUICE_TRY_VOID(refuse(where + "name", "cannot tell participants of one role apart"));
  SLUICE_TRY_VOID(check_extras(message.others, where));
  const char* role = message.role == tasks::Role::user ? "user"
                     : message.role == tasks::Role::assistant
                         ? "assistant"
                         : "system";  // developer is OpenAI's newer word for it
  vlm::tokenizer::Message out{.role = role, .content = {}};
  SLUICE_TRY_VOID(add_parts(message, where, album, out));
  return out;
}

}  // namespace

Result<DeviceRequest> to_engine_request(const tasks::ChatRequest& request, LoadedModel model,
                                        std::uint64_t seed, std::size_t context) {
  SLUICE_TRY_VOID(check_chat_features(request));
  if (!model->chat_template) return fail(model->chat_template.error());
  Album album(*model);
  std::vector<vlm::tokenizer::Message> messages;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    SLUICE_TRY(vlm::tokenizer::Message message, to_message(request.messages[i], i, album));
    messages.push_back(std::move(message));
  }
  if (messages.empty())
    return fail({.code = ErrorCode::invalid_argument,
                 .message = "messages: expected at least one message",
                 .parameter = "messages"});
  DeviceRequest out;
  SLUICE_TRY(out.prompt, model->chat_template->encode(model->tokenizer, messages));
  SLUICE_TRY(out.tokens_max, answer_max(request.output_max));
  const auto room = vlm::generation::settle_answer_max(out.prompt.size(), album.tokens(), out.tokens_max,
                                                       context > 0 ? context : model->context());
  if (!room) return fail(room.error());
  SLUICE_TRY(out.sampling, sampling_of(request.sampling, model->sampling, seed));
  out.sampling.logprobs = request.logprobs;
  out.sampling.top_logprobs = request.top_logprobs;
  out.stop = request.stop;
  SLUICE_TRY(out.frames, album.cut());
  out.pictures = album.uses();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (has_video(request.messages[i])) continue;
    if (std::string warning = vlm::generation::warn_of_order(messages[i], i); !warning.empty())
      out.warnings.push_back(std::move(warning));
  }
  out.model = std::move(model);
  return out;
}

bool has_pictures(const tasks::ChatRequest& request) {
  return std::ranges::any_of(request.messages, [](const tasks::Message& message) {
    return has_video(message) || std::ranges::any_of(message.parts, [](const tasks::Part& part) {
             return std::holds_alternative<tasks::ImagePart>(part);
           });
  });
}

namespace {

Status check_completion_features(const tasks::CompletionRequest& request) {
  if (request.prompts.size() != 1) return refuse("prompt", "continues one prompt in a request");
  if (request.choices != 1) return refuse("n", "gives one answer to a request");
  if (request.best_of > 1) return refuse("best_of", "gives one answer to a request");
  if (!request.suffix.empty()) return refuse("suffix", "cannot fill gaps");
  if (request.echo) return refuse("echo", "does not repeat the prompt");
  return check_extras(request.others, "");
}

// A raw prompt is the caller's own business: control tokens in its text are control tokens.
Result<std::vector<std::int32_t>> prompt_tokens(const tasks::Prompt& prompt,
                                                const vlm::tokenizer::Tokenizer& tokenizer) {
  std::vector<std::int32_t> tokens;
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    SLUICE_TRY(tokens, tokenizer.encode(*text, vlm::tokenizer::SpecialText::control));
    if (tokenizer.adds_bos() && tokenizer.bos() >= 0) tokens.insert(tokens.begin(), tokenizer.bos());
    return tokens;
  }
  for (const std::int64_t id : std::get<tasks::TokenIds>(prompt)) {
    if (id < 0 || id > std::numeric_limits<std::int32_t>::max())
      return fail({.code = ErrorCode::invalid_argument,
                   .message = fmt::format("prompt: {} is no token id", id),
                   .parameter = "prompt"});
    tokens.push_back(static_cast<std::int32_t>(id));
  }
  return tokens;
}

}  // namespace

Result<DeviceRequest> to_engine_request(const tasks::CompletionRequest& request, LoadedModel model,
                                        std::uint64_t seed) {
  SLUICE_TRY_VOID(check_completion_features(request));
  DeviceRequest out;
  SLUICE_TRY(out.prompt, prompt_tokens(request.prompts.front(), model->tokenizer));
  SLUICE_TRY(out.tokens_max, answer_max(request.output_max));
  SLUICE_TRY(out.sampling, sampling_of(request.sampling, model->sampling, seed));
  out.sampling.logprobs = request.logprobs.has_value();
  out.sampling.top_logprobs = request.logprobs.value_or(0);
  out.stop = request.stop;
  out.model = std::move(model);
  return out;
}

}  // namespace sluice::app::device
