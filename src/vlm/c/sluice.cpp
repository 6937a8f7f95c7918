#include "vlm/c/sluice.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <iterator>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/without_memory.h"
#include "vlm/generation/engine.h"
#include "vlm/generation/language_model.h"
#include "vlm/generation/memory_forecast.h"
#include "vlm/generation/picture_prompt.h"

namespace generation = sluice::vlm::generation;
namespace tokenizer = sluice::vlm::tokenizer;
using sluice::base::Error;
using sluice::base::ErrorCode;
using sluice::base::fail;
using sluice::base::Result;
using sluice::base::Status;

namespace {

sluice_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return SLUICE_INVALID_ARGUMENT;
    case ErrorCode::not_found:
      return SLUICE_NOT_FOUND;
    case ErrorCode::corrupt_data:
      return SLUICE_CORRUPT_DATA;
    case ErrorCode::context_overflow:
      return SLUICE_CONTEXT_OVERFLOW;
    case ErrorCode::too_large:
      return SLUICE_TOO_LARGE;
    case ErrorCode::unsupported_media:
      return SLUICE_UNSUPPORTED;
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
      return SLUICE_OVERLOADED;
    case ErrorCode::io_failed:
      return SLUICE_IO_FAILED;
    default:
      return SLUICE_INTERNAL;
  }
}

// As much as there is room for, and a zero byte.
template <std::size_t kRoom>
void copy_text(std::string_view text, char (&to)[kRoom]) {
  const std::size_t bytes = std::min(text.size(), kRoom - 1);
  std::memcpy(to, text.data(), bytes);
  to[bytes] = '\0';
}

sluice_status report(const Error& error, sluice_error* out) {
  const sluice_status status = status_of(error.code);
  if (out == nullptr) return status;
  out->status = status;
  copy_text(error.message, out->message);
  return status;
}

// Runs `work`, which gives a Status, with nothing thrown past it: what is left to throw is memory that is not
// there.
template <typename Work>
sluice_status guard(sluice_error* error, Work work) noexcept {
  if (error != nullptr) *error = {};
  try {
    const Status done = work();
    return done ? SLUICE_OK : report(done.error(), error);
  } catch (const std::bad_alloc&) {
    return report(sluice::base::no_memory(), error);
  } catch (const std::exception& thrown) {
    return report({.code = ErrorCode::internal, .message = thrown.what()}, error);
  }
}

std::unexpected<Error> fail_null(std::string_view what) {
  return fail(ErrorCode::invalid_argument, "{}: expected one, got NULL", what);
}

// The caller's struct may be older, and so shorter, than ours.
template <typename Options>
Options with_defaults(const Options* given, Options defaults) {
  if (given == nullptr) return defaults;
  std::memcpy(&defaults, given, std::min(given->size, sizeof defaults));
  return defaults;
}

// Text of one answer on its way from the engine's thread to the caller's.
class Inbox : public generation::Session {
 public:
  void put(generation::Event event) {
    const std::lock_guard lock(mutex_);
    text_ += event.text;
    if (event.end) end_ = std::move(event.end);
    arrived_.notify_one();
  }

  // What has come since the last call, and the end once there is no more.
  std::pair<std::string, std::optional<generation::End>> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !text_.empty() || end_; });
    return {std::exchange(text_, {}), end_};
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  // Guarded by mutex_.
  std::string text_;
  std::optional<generation::End> end_;
};

struct LoadedEngine {
  LoadedEngine(std::shared_ptr<const generation::LanguageModel> loaded, generation::EngineOptions options)
      : model(std::move(loaded)), engine(options, [](std::span<generation::Event> events) {
          for (generation::Event& event : events) {
            const auto session = event.session;
            static_cast<Inbox&>(*session).put(std::move(event));
          }
        }) {}

  const std::shared_ptr<const generation::LanguageModel> model;
  generation::Engine engine;
};

Result<generation::TileChoice> tile_choice_of(int tiles) {
  if (tiles == 0) return generation::TileChoice{};
  return generation::TileChoice::parse(tiles == -1 ? "auto" : std::to_string(tiles));
}

sluice_finish finish_of(generation::FinishReason reason) {
  if (reason == generation::FinishReason::stop) return SLUICE_FINISH_STOP;
  return reason == generation::FinishReason::length ? SLUICE_FINISH_LENGTH : SLUICE_FINISH_CANCELLED;
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

sluice_answer describe(const generation::End& end, std::span<const tokenizer::Message> messages) {
  sluice_answer answer = {.finish = finish_of(end.reason),
                          .prompt_tokens = end.prompt_tokens,
                          .image_tokens = end.image_tokens,
                          .answer_tokens = end.answer_tokens,
                          .look_seconds = seconds(end.looking),
                          .prefill_seconds = seconds(end.prefill - end.looking),
                          .generate_seconds = seconds(end.decode),
                          .warning = {}};
  for (std::size_t i = 0; i < messages.size() && answer.warning[0] == '\0'; ++i)
    copy_text(generation::warn_of_order(messages[i], i), answer.warning);
  return answer;
}

}  // namespace

struct sluice_model {
  std::shared_ptr<LoadedEngine> loaded;
};

struct sluice_prompt {
  std::shared_ptr<LoadedEngine> loaded;
  // The caller's thread only.
  std::vector<tokenizer::Message> messages;
  std::vector<sluice::vlm::image::Picture> frames;  // of all pictures in messages

  std::mutex mutex;
  std::shared_ptr<Inbox> answering;  // guarded by mutex; null: none
};

namespace {

Result<generation::Request> make_request(const sluice_prompt& prompt, const sluice_answer_options& options) {
  const generation::LanguageModel& model = *prompt.loaded->model;
  if (!model.chat_template) return fail(model.chat_template.error());
  if (prompt.messages.empty())
    return fail(ErrorCode::invalid_argument, "prompt: expected a message, begin one first");
  generation::Request request{.model = prompt.loaded->model, .prompt = {}};
  SLUICE_TRY(request.prompt, model.chat_template->encode(model.tokenizer, prompt.messages));
  request.frames = prompt.frames;
  request.tokens_max = options.tokens_max;
  request.sampling.temperature = options.temperature;
  request.sampling.top_p = options.top_p;
  request.sampling.seed = options.seed;
  for (std::size_t i = 0; i < options.stop_count; ++i) {
    if (options.stop == nullptr || options.stop[i] == nullptr) return fail_null("stop");
    request.stop.emplace_back(options.stop[i]);
  }
  return request;
}

// Hands text on until the end. The callback's exceptions are not ours to catch: it has none by contract.
std::pair<std::string, generation::End> receive(Inbox& inbox, sluice_on_text on_text, void* user) {
  std::string whole;
  while (true) {
    auto [text, end] = inbox.take();
    whole += text;
    if (!text.empty() && on_text != nullptr && on_text(user, text.data(), text.size()) != 0) inbox.cancel();
    if (end) return {std::move(whole), *std::move(end)};
  }
}

void set_answering(sluice_prompt& prompt, std::shared_ptr<Inbox> inbox) {
  const std::lock_guard lock(prompt.mutex);
  prompt.answering = std::move(inbox);
}

Status generate(sluice_prompt& prompt, const sluice_answer_options& options, sluice_on_text on_text,
                void* user, sluice_answer* answer) {
  SLUICE_TRY(generation::Request request, make_request(prompt, options));
  const auto inbox = std::make_shared<Inbox>();
  set_answering(prompt, inbox);
  if (auto accepted = prompt.loaded->engine.submit(std::move(request), inbox); !accepted) {
    set_answering(prompt, nullptr);
    return accepted;
  }
  auto [text, end] = receive(*inbox, on_text, user);
  set_answering(prompt, nullptr);
  if (end.reason == generation::FinishReason::failed) return fail(std::move(end.error));
  if (answer != nullptr) *answer = describe(end, prompt.messages);
  prompt.messages.push_back({.role = "assistant", .content = std::move(text)});
  return {};
}

}  // namespace

const char* sluice_version(void) {
  return SLUICE_VERSION;
}

sluice_model_options sluice_model_options_default(void) {
  return {.size = sizeof(sluice_model_options), .threads = 0, .context_max = 0, .kv_bytes_max = 0};
}

sluice_model* sluice_model_load(const char* path, const sluice_model_options* options, sluice_error* error) {
  sluice_model* made = nullptr;
  guard(error, [&]() -> Status {
    if (path == nullptr) return fail_null("path");
    const auto chosen = with_defaults(options, sluice_model_options_default());
    SLUICE_TRY(auto loaded, generation::load_language_model(path, chosen.threads));
    const generation::EngineOptions engine{
        .threads = chosen.threads, .kv_bytes_max = chosen.kv_bytes_max, .context_max = chosen.context_max};
    made = new sluice_model{std::make_shared<LoadedEngine>(std::move(loaded), engine)};
    return {};
  });
  return made;
}

void sluice_model_free(sluice_model* model) {
  delete model;
}

int sluice_model_sees(const sluice_model* model) {
  return model != nullptr && model->loaded->model->eyes ? 1 : 0;
}

size_t sluice_model_context(const sluice_model* model) {
  return model == nullptr ? 0 : model->loaded->model->context();
}

sluice_status sluice_forecast_memory(const char* path, size_t tokens, sluice_memory* memory,
                                     sluice_error* error) {
  return guard(error, [&]() -> Status {
    if (path == nullptr || memory == nullptr) return fail_null(path == nullptr ? "path" : "memory");
    SLUICE_TRY(const generation::ModelFacts facts, generation::describe_language_model(path));
    const std::size_t context = facts.text.shape.context;
    const generation::MemoryForecast forecast = generation::forecast_memory(facts, std::min(tokens, context));
    *memory = {.weights_bytes = forecast.weights + forecast.vision_weights,
               .workspace_bytes = forecast.work + forecast.vision_work,
               .kv_bytes_per_token = facts.text.kv_bytes_per_token,
               .kv_bytes = forecast.cache,
               .context = context,
               .sees = facts.vision ? 1 : 0};
    return {};
  });
}

sluice_prompt* sluice_prompt_new(sluice_model* model, sluice_error* error) {
  sluice_prompt* made = nullptr;
  guard(error, [&]() -> Status {
    if (model == nullptr) return fail_null("model");
    made = new sluice_prompt;
    made->loaded = model->loaded;
    return {};
  });
  return made;
}

void sluice_prompt_free(sluice_prompt* prompt) {
  delete prompt;
}

sluice_status sluice_prompt_begin(sluice_prompt* prompt, const char* role, sluice_error* error) {
  return guard(error, [&]() -> Status {
    if (prompt == nullptr || role == nullptr) return fail_null(prompt == nullptr ? "prompt" : "role");
    constexpr std::string_view kRoles[] = {"system", "user", "assistant"};
    if (std::ranges::find(kRoles, role) == std::end(kRoles))
      return fail(ErrorCode::invalid_argument, "role: expected system, user or assistant");
    prompt->messages.push_back({.role = role, .content = {}});
    return {};
  });
}

sluice_status sluice_prompt_add_text(sluice_prompt* prompt, const char* text, size_t bytes,
                                     sluice_error* error) {
  return guard(error, [&]() -> Status {
    if (prompt == nullptr || (text == nullptr && bytes > 0))
      return fail_null(prompt == nullptr ? "prompt" : "text");
    if (prompt->messages.empty()) return fail(ErrorCode::invalid_argument, "text: begin a message first");
    if (bytes > 0) prompt->messages.back().content.append(text, bytes);
    return {};
  });
}

sluice_status sluice_prompt_add_image(sluice_prompt* prompt, const void* bytes, size_t size, int tiles,
                                      sluice_error* error) {
  return guard(error, [&]() -> Status {
    if (prompt == nullptr || bytes == nullptr) return fail_null(prompt == nullptr ? "prompt" : "bytes");
    if (prompt->messages.empty()) return fail(ErrorCode::invalid_argument, "image: begin a message first");
    SLUICE_TRY(const generation::TileChoice choice, tile_choice_of(tiles));
    const std::span encoded(static_cast<const std::byte*>(bytes), size);
    SLUICE_TRY(auto picture, generation::prepare_picture(*prompt->loaded->model, encoded, choice));
    tokenizer::Message& message = prompt->messages.back();
    prompt->frames.reserve(prompt->frames.size() + picture.frames.size());
    message.images.push_back(picture.spot(message.content.size()));
    std::ranges::move(picture.frames, std::back_inserter(prompt->frames));
    return {};
  });
}

sluice_answer_options sluice_answer_options_default(void) {
  return {.size = sizeof(sluice_answer_options),
          .tokens_max = 0,
          .temperature = 0,
          .top_p = 1,
          .seed = 0,
          .stop = nullptr,
          .stop_count = 0};
}

sluice_status sluice_generate(sluice_prompt* prompt, const sluice_answer_options* options,
                              sluice_on_text on_text, void* user, sluice_answer* answer,
                              sluice_error* error) {
  return guard(error, [&]() -> Status {
    if (prompt == nullptr) return fail_null("prompt");
    return generate(*prompt, with_defaults(options, sluice_answer_options_default()), on_text, user, answer);
  });
}

void sluice_prompt_cancel(sluice_prompt* prompt) {
  if (prompt == nullptr) return;
  const std::lock_guard lock(prompt->mutex);
  if (prompt->answering != nullptr) prompt->answering->cancel();
}
