#include "vlm/generation/engine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "base/strings.h"
#include "base/without_memory.h"
#include "vlm/generation/limits.h"
#include "vlm/generation/live_session.h"
#include "vlm/image/tiles.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Status;

namespace {

constexpr int kEngineNiceness = 10;  // the hub's loops go first, as before the pool's threads

std::size_t quarter_of_memory() {
  const auto pages = static_cast<std::size_t>(std::max(sysconf(_SC_PHYS_PAGES), 1L));
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 4;
}

// Pictures and the places for them must agree, or rows of one would be read as another's.
Status check_frames(const Request& request) {
  const auto refuse = [](std::string why) {
    return fail({.code = ErrorCode::invalid_argument, .message = std::move(why), .parameter = "prompt"});
  };
  const std::optional<Eyes>& eyes = request.model->eyes;
  if (!eyes) return request.frames.empty() ? Status() : refuse("this model cannot see pictures");
  if (request.frames.size() > kFramesMax)
    return refuse(
        fmt::format("the pictures have {} frames, at most {} are taken", request.frames.size(), kFramesMax));
  const models::VisionShape& shape = eyes->model->shape();
  const auto places = static_cast<std::size_t>(std::ranges::count(request.prompt, eyes->image_token));
  if (places != request.frames.size() * shape.rows())
    return refuse(fmt::format("prompt: expected {} image tokens for {} frames, got {}",
                              request.frames.size() * shape.rows(), request.frames.size(), places));
  for (const image::Picture& frame : request.frames)
    if (frame.width != shape.image || frame.height != shape.image)
      return refuse(fmt::format("expected frames of {0}x{0} pixels, got {1}x{2}", shape.image, frame.width,
                                frame.height));
  return {};
}

Status check_prompt(const Request& request) {
  if (request.prompt.empty())
    return fail({.code = ErrorCode::invalid_argument,
                 .message = "prompt: expected at least one token",
                 .parameter = "prompt"});
  const std::size_t vocabulary = request.model->model->shape().vocabulary;
  for (const std::int32_t token : request.prompt)
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
      return fail({.code = ErrorCode::invalid_argument,
                   .message = fmt::format("prompt: expected token ids below {}, got {}", vocabulary, token),
                   .parameter = "prompt"});
  return {};
}

struct Waiting {
  Request request;
  std::shared_ptr<Session> session;
  std::uint32_t answer_max;
  std::size_t kv_bytes;
  Clock::time_point submitted;
};

}  // namespace

base::Result<std::uint32_t> settle_answer_max(std::size_t prompt_tokens, std::size_t image_tokens,
                                              std::uint32_t tokens_max, std::size_t context) {
  const std::string pictures =
      image_tokens > 0 ? fmt::format(", {} of them for pictures", image_tokens) : std::string();
  if (prompt_tokens >= context)
    return fail(ErrorCode::context_overflow,
                "the prompt has {} tokens{}, the context is {} and must hold the answer as well",
                prompt_tokens, pictures, context);
  const std::size_t room = context - prompt_tokens;
  if (tokens_max > room)
    return fail(
        ErrorCode::context_overflow,
        "the prompt has {} tokens{} and up to {} are asked for as answer: {} together, the context is {}",
        prompt_tokens, pictures, tokens_max, prompt_tokens + tokens_max, context);
  return static_cast<std::uint32_t>(tokens_max > 0 ? tokens_max : room);
}

class Engine::Worker {
 public:
  Worker(EngineOptions options, Deliver deliver);
  ~Worker();

  Status submit(Request request, std::shared_ptr<Session> session);
  EngineState state() const;
  std::size_t threads() const { return pool_.threads(); }
  // Of the model, of the options, and of the memory set aside.
  std::size_t context_of(const LanguageModel& model) const {
    std::size_t context = model.context();
    if (options_.context_max > 0) context = std::min(context, options_.context_max);
    return std::min(context, options_.kv_bytes_max / KvCache::bytes_for(model.model->shape(), 1));
  }

 private:
  // Activations for one model, kept while anybody uses the model.
  struct Desk {
    std::weak_ptr<const LanguageModel> model;
    const LanguageModel* key;
    std::unique_ptr<models::Workspace> workspace;
    std::unique_ptr<models::VisionWorkspace> eyes;  // made for the first picture
    std::vector<float> pixels;
  };

  void run();
  bool wait_for_work();
  void admit();
  void start(Waiting waiting);
  void step();
  void shed();
  void drop_cancelled();
  void look();
  void run_batch(const LanguageModel& model);
  void add_prompt_rows(const LanguageModel& model, std::size_t budget);
  void fail_all(const LanguageModel& model, const base::Error& error);
  void forget_ended();
  void deliver_events();
  void end_all();
  base::Result<Desk*> desk_for(const LanguageModel& model);

  // Set once.
  const EngineOptions options_;
  const Deliver deliver_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<Waiting> waiting_;
  bool stopping_ = false;

  // Touched only on the engine thread.
  tensor::ThreadPool pool_;
  std::vector<std::unique_ptr<LiveSession>> live_;  // prompts take turns in this order
  std::vector<Desk> desks_;
  std::vector<models::Row> rows_;
  std::vector<LiveSession*> samplers_;  // who wanted logits, in the order of the rows
  std::vector<Event> events_;

  // Written by the engine thread, read by anybody.
  std::atomic<std::size_t> running_{0};
  std::atomic<std::size_t> kv_bytes_{0};
  std::atomic<std::uint64_t> answer_tokens_{0};
  std::atomic<std::uint64_t> prompt_tokens_{0};

  std::thread thread_;  // last: it uses everything above
};

namespace {

EngineOptions with_defaults(EngineOptions options) {
  if (options.threads == 0) options.threads = tensor::default_threads();
  options.threads = std::min(options.threads, kThreadsMax);
  if (options.sessions_max == 0) options.sessions_max = kSessionsMax;
  if (options.queue_max == 0) options.queue_max = kQueueMax;
  if (options.kv_bytes_max == 0) options.kv_bytes_max = quarter_of_memory();
  return options;
}

}  // namespace

Engine::Worker::Worker(EngineOptions options, Deliver deliver)
    : options_(with_defaults(options)),
      deliver_(std::move(deliver)),
      pool_(options_.threads),
      thread_([this] { run(); }) {}

Engine::Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Status Engine::Worker::submit(Request request, std::shared_ptr<Session> session) {
  SLUICE_TRY_VOID(check_prompt(request));
  SLUICE_TRY_VOID(check_frames(request));
  SLUICE_TRY_VOID(check_sampling(request.sampling, request.model->model->shape().vocabulary));
  SLUICE_TRY_VOID(check_stop_strings(request.stop));
  const std::size_t image_tokens =
      request.model->eyes
          ? static_cast<std::size_t>(std::ranges::count(request.prompt, request.model->eyes->image_token))
          : 0;
  SLUICE_TRY(
      const std::uint32_t answer_max,
      settle_answer_max(request.prompt.size(), image_tokens, request.tokens_max, context_of(*request.model)));
  const std::size_t kv_bytes =
      KvCache::bytes_for(request.model->model->shape(), request.prompt.size() + answer_max);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.queue_max)
      return fail(ErrorCode::overloaded, "the device's queue is full: {} requests are waiting",
                  waiting_.size());
    waiting_.push_back({std::move(request), std::move(session), answer_max, kv_bytes, Clock::now()});
  }
  wake_.notify_one();
  return {};
}

EngineState Engine::Worker::state() const {
  const std::lock_guard lock(mutex_);
  return {.waiting = waiting_.size(),
          .running = running_.load(),
          .kv_bytes = kv_bytes_.load(),
          .answer_tokens = answer_tokens_.load(),
          .prompt_tokens = prompt_tokens_.load()};
}

void Engine::Worker::run() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kEngineNiceness);
  while (wait_for_work()) {
    try {
      admit();
      step();
    } catch (const std::bad_alloc&) {
      shed();
    }
  }
  end_all();
}

// Memory ran out between two steps: whoever is live is told, and the engine goes on. What it works in goes
// first, so that there is something to tell with.
void Engine::Worker::shed() {
  desks_.clear();
  for (auto& live : live_) {
    if (live->ended()) continue;
    events_.push_back(live->end_early(FinishReason::failed));
    events_.back().end->error = base::no_memory();
  }
  forget_ended();
  deliver_events();
}

// Sleeps while there is nothing to do; false when the engine is going away.
bool Engine::Worker::wait_for_work() {
  std::unique_lock lock(mutex_);
  if (live_.empty() && waiting_.empty() && !stopping_) {
    lock.unlock();
    std::erase_if(desks_, [](const Desk& desk) { return desk.model.expired(); });
    lock.lock();
  }
  wake_.wait(lock, [this] { return stopping_ || !live_.empty() || !waiting_.empty(); });
  return !stopping_;
}

// Lets waiting requests in, first come first served, as long as places and memory last. Cancelled ones leave.
void Engine::Worker::admit() {
  std::vector<Waiting> admitted;
  std::vector<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    // Before anything leaves the queue: nobody is lost when memory is.
    admitted.reserve(waiting_.size());
    left.reserve(waiting_.size());
    std::size_t kv_bytes = kv_bytes_.load();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (!at->session->cancelled()) {
        ++at;
        continue;
      }
      left.push_back(std::move(*at));
      at = waiting_.erase(at);
    }
    while (!waiting_.empty() && live_.size() + admitted.size() < options_.sessions_max &&
           kv_bytes + waiting_.front().kv_bytes <= options_.kv_bytes_max) {
      kv_bytes += waiting_.front().kv_bytes;
      admitted.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (Waiting& gone : left) {
    const auto waited = Clock::now() - gone.submitted;
    events_.push_back({.session = std::move(gone.session),
                       .end = End{.reason = FinishReason::cancelled,
                                  .prompt_tokens = static_cast<std::uint32_t>(gone.request.prompt.size()),
                                  .waited = waited}});
  }
  for (Waiting& waiting : admitted) start(std::move(waiting));
}

void Engine::Worker::start(Waiting waiting) {
  const std::size_t positions = waiting.request.prompt.size() + waiting.answer_max;
  const std::shared_ptr<Session> session = waiting.session;
  auto live = base::refuse_without_memory([&]() -> base::Result<std::unique_ptr<LiveSession>> {
    live_.reserve(live_.size() + 1);
    SLUICE_TRY(KvCache cache, KvCache::reserve(waiting.request.model->model->shape(), positions));
    return std::make_unique<LiveSession>(std::move(waiting.request), std::move(waiting.session),
                                         waiting.answer_max, std::move(cache), waiting.submitted);
  });
  if (!live) {
    events_.push_back(
        {.session = session, .end = End{.reason = FinishReason::failed, .error = std::move(live).error()}});
    return;
  }
  kv_bytes_ += (*live)->kv_bytes();
  live_.push_back(*std::move(live));
  running_ = live_.size();
}

void Engine::Worker::step() {
  drop_cancelled();
  look();
  std::vector<const LanguageModel*> models;
  for (const auto& live : live_)
    if (std::ranges::find(models, &live->model()) == models.end()) models.push_back(&live->model());
  for (const LanguageModel* model : models) run_batch(*model);
  // Whoever came first with a prompt this time comes last next time.
  const auto first_prompt =
      std::ranges::find_if(live_, [](const auto& live) { return !live->is_decoding(); });
  if (first_prompt != live_.end()) std::rotate(first_prompt, first_prompt + 1, live_.end());
  deliver_events();
}

void Engine::Worker::drop_cancelled() {
  for (auto& live : live_) {
    if (!live->cancelled()) continue;
    events_.push_back(live->end_early(FinishReason::cancelled));
  }
  forget_ended();
}

// One frame of the first session that has one left.
void Engine::Worker::look() {
  const auto found = std::ranges::find_if(live_, [](const auto& live) { return live->is_looking(); });
  if (found == live_.end()) return;
  LiveSession& live = **found;
  const auto began = Clock::now();
  const models::VisionModel& eyes = *live.model().eyes->model;
  const auto made = desk_for(live.model());
  if (!made) return fail_all(live.model(), made.error());
  Desk* desk = *made;
  if (desk->eyes == nullptr) {
    auto workspace = eyes.make_workspace(pool_.threads());
    if (!workspace) return fail_all(live.model(), workspace.error());
    desk->eyes = *std::move(workspace);
    desk->pixels.resize(image::kChannels * eyes.shape().image * eyes.shape().image);
  }
  const models::FrameSettings& settings = eyes.description().frames;
  image::normalise(live.next_frame(), settings.mean, settings.deviation, desk->pixels);
  eyes.encode(desk->pixels, live.next_image_rows(), *desk->eyes, pool_);
  if (const Status whole = live.model().check_whole(); !whole) return fail_all(live.model(), whole.error());
  live.note_frame(Clock::now() - began);
}

// One step of all sessions of one model: a row from each that decodes, and some prompt.
void Engine::Worker::run_batch(const LanguageModel& model) {
  const auto desk = desk_for(model);
  if (!desk) return fail_all(model, desk.error());
  models::Workspace* workspace = (*desk)->workspace.get();
  rows_.clear();
  samplers_.clear();
  for (auto& live : live_) {
    if (&live->model() != &model || !live->is_decoding()) continue;
    live->append_rows(1, rows_);
    samplers_.push_back(live.get());
  }
  const std::size_t decoding = rows_.size();
  add_prompt_rows(model, decoding > 0 ? kPrefillRowsShared : kPrefillRowsMax);
  prompt_tokens_ += rows_.size() - decoding;
  if (rows_.empty()) return;  // everybody is still looking

  model.model->forward(rows_, *workspace, pool_);
  if (const Status whole = model.check_whole(); !whole) return fail_all(model, whole.error());

  for (std::size_t i = 0; i < samplers_.size(); ++i)
    events_.push_back(samplers_[i]->take(workspace->logits(i)));
  answer_tokens_ += samplers_.size();
  forget_ended();
}

void Engine::Worker::fail_all(const LanguageModel& model, const base::Error& error) {
  for (auto& live : live_) {
    if (&live->model() != &model) continue;
    events_.push_back(live->end_early(FinishReason::failed));
    events_.back().end->error = error;
  }
  forget_ended();
}

void Engine::Worker::forget_ended() {
  std::erase_if(live_, [this](const auto& live) {
    if (live->ended()) kv_bytes_ -= live->kv_bytes();
    return live->ended();
  });
  running_ = live_.size();
}

void Engine::Worker::add_prompt_rows(const LanguageModel& model, std::size_t budget) {
  for (auto& live : live_) {
    if (budget == 0) return;
    if (&live->model() != &model || live->is_looking() || live->is_decoding() || live->awaits_logits())
      continue;
    const std::size_t before = rows_.size();
    live->append_rows(budget, rows_);
    budget -= rows_.size() - before;
    if (live->awaits_logits()) samplers_.push_back(live.get());
  }
}

void Engine::Worker::deliver_events() {
  std::erase_if(events_,
                [](const Event& event) { return event.text.empty() && event.tokens.empty() && !event.end; });
  if (events_.empty()) return;
  deliver_(events_);
  events_.clear();
}

void Engine::Worker::end_all() {
  for (auto& live : live_) events_.push_back(live->end_early(FinishReason::cancelled));
  live_.clear();
  {
    const std::lock_guard lock(mutex_);
    for (Waiting& waiting : waiting_)
      events_.push_back(
          {.session = std::move(waiting.session), .end = End{.reason = FinishReason::cancelled}});
    waiting_.clear();
  }
  running_ = 0;
  kv_bytes_ = 0;
  deliver_events();
}

base::Result<Engine::Worker::Desk*> Engine::Worker::desk_for(const LanguageModel& model) {
  for (Desk& desk : desks_)
    if (desk.key == &model && !desk.model.expired()) return &desk;
  std::erase_if(desks_, [](const Desk& desk) { return desk.model.expired(); });
  const std::size_t rows_max = kPrefillRowsMax + options_.sessions_max;
  SLUICE_TRY(auto workspace, model.model->make_workspace(rows_max, options_.sessions_max, pool_.threads()));
  desks_.push_back({.model = model.weak_from_this(),
                    .key = &model,
                    .workspace = std::move(workspace),
                    .eyes = nullptr,
                    .pixels = {}});
  return &desks_.back();
}

Engine::Engine(EngineOptions options, Deliver deliver)
    : worker_(std::make_unique<Worker>(options, std::move(deliver))) {}
Engine::~Engine() = default;

Status Engine::submit(Request request, std::shared_ptr<Session> session) {
  return worker_->submit(std::move(request), std::move(session));
}
EngineState Engine::state() const {
  return worker_->state();
}
std::size_t Engine::threads() const {
  return worker_->threads();
}
std::size_t Engine::context_of(const LanguageModel& model) const {
  return worker_->context_of(model);
}

}  // namespace sluice::vlm::generation
