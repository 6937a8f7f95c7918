#include "app/cli/chat_session.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/random.h"

namespace sluice::app::cli {

using vlm::generation::Engine;
using vlm::generation::Event;
using vlm::generation::FinishReason;
using vlm::generation::Session;

namespace {

// The session that Ctrl-C stops; a lock-free store and load are all that a signal handler may do.
std::atomic<Session*> answering{nullptr};

void on_interrupt(int) {
  if (Session* session = answering.load())
    session->cancel();
  else
    _exit(130);  // 128 + SIGINT, what a shell expects
}

}  // namespace

// Events of one answer between the engine's thread and ours.
class ChatSession::Inbox : public Session {
 public:
  void put(Event event) {
    const std::lock_guard lock(mutex_);
    text_ += event.text;
    if (event.end) end_ = std::move(event.end);
    arrived_.notify_one();
  }

  // Shows text until the answer has ended.
  Reply receive(const std::function<void(std::string_view)>& show) {
    Reply reply;
    std::unique_lock lock(mutex_);
    while (true) {
      arrived_.wait(lock, [this] { return !text_.empty() || end_; });
      const std::string text = std::exchange(text_, {});
      const bool ended = end_.has_value();
      lock.unlock();
      if (!text.empty()) show(text);
      reply.text += text;
      lock.lock();
      if (ended && text_.empty()) break;
    }
    reply.end = *std::move(end_);
    return reply;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  // Guarded by mutex_.
  std::string text_;
  std::optional<vlm::generation::End> end_;
};

ChatSession::ChatSession(LoadedModel model, ChatOptions options)
    : model_(std::move(model)),
      options_(std::move(options)),
      engine_(std::make_unique<Engine>(vlm::generation::EngineOptions{.threads = options_.threads},
                                       [](std::span<Event> events) {
                                         for (Event& event : events) {
                                           const auto session = event.session;
                                           static_cast<Inbox&>(*session).put(std::move(event));
                                         }
                                       })) {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
}

ChatSession::~ChatSession() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGINT, &action, nullptr);
}

base::Result<Reply> ChatSession::ask(std::string prompt, const std::function<void(std::string_view)>& show,
                                     std::vector<vlm::generation::PreparedPicture> pictures) {
  vlm::tokenizer::Message turn{.role = "user", .content = std::move(prompt)};
  std::vector<vlm::image::Picture> frames;
  for (vlm::generation::PreparedPicture& picture : pictures) {
    turn.images.push_back(picture.spot(0));
    std::ranges::move(picture.frames, std::back_inserter(frames));
  }
  return ask(std::move(turn), std::move(frames), show);
}

base::Result<Reply> ChatSession::ask(vlm::tokenizer::Message turn,
                                     std::vector<vlm::image::Picture> new_frames,
                                     const std::function<void(std::string_view)>& show) {
  if (!model_->chat_template) return base::fail(model_->chat_template.error());
  std::vector<vlm::tokenizer::Message> messages;
  if (!options_.system.empty()) messages.push_back({.role = "system", .content = options_.system});
  messages.insert(messages.end(), messages_.begin(), messages_.end());
  messages.push_back(turn);
  std::vector<vlm::image::Picture> frames = frames_;
  std::ranges::move(new_frames, std::back_inserter(frames));

  vlm::generation::Request request{.model = model_, .prompt = {}, .tokens_max = options_.tokens_max};
  SLUICE_TRY(request.prompt, model_->chat_template->encode(model_->tokenizer, messages));
  request.frames = frames;
  request.sampling.temperature = options_.temperature;
  request.sampling.top_p = options_.top_p;
  request.sampling.seed =
      options_.seed.value_or(base::secure_random_u64() >> 11);  // JSON readers keep 53 bits
  const std::uint64_t seed = request.sampling.seed;

  const auto inbox = std::make_shared<Inbox>();
  answering = inbox.get();
  if (auto accepted = engine_->submit(std::move(request), inbox); !accepted) {
    answering = nullptr;
    return base::fail(accepted.error());
  }
  Reply reply = inbox->receive(show);
  answering = nullptr;
  if (reply.end.reason == FinishReason::failed) return base::fail(reply.end.error);
  reply.seed = seed;
  messages_.push_back(std::move(turn));
  frames_ = std::move(frames);
  messages_.push_back({.role = "assistant", .content = reply.text});
  return reply;
}

base::Result<ChatSession::LoadedModel> load_for_chat(std::string_view name) {
  constexpr std::string_view kDevicePin = ":device";
  device::ModelStore store(device::model_places_from_environment());
  if (name.ends_with(kDevicePin)) name.remove_suffix(kDevicePin.size());
  SLUICE_TRY(const device::StoredModel found, store.find(name));
  return store.load(found);
}

}  // namespace sluice::app::cli
