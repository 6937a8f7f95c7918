// The engine: one thread that owns every session of the device and decodes them together.
//
// submit() puts a request on a bounded queue and returns at once. The engine thread then works in steps: each
// step takes one row from every session that is decoding and a chunk of one waiting prompt (prompts take
// turns), runs them as one batch, samples, and hands all that came of it to the listeners, one call of
// Deliver a step. An answer does not depend on who shares the batch (models/model.h).
//
// A request with pictures first has one frame encoded in each step, so that others keep decoding meanwhile.
//
// Before any work a request is held against the model's context: prompt and answer must fit, nothing is ever
// truncated. A cancelled session (Session::cancel, any thread) frees its memory at the next step; it still
// gets its End. Every accepted session gets exactly one End, also when the engine is destroyed.
//
// Threads: submit, cancel and the counters may be called from any thread; Deliver runs on the engine thread
// and must not block.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vlm/generation/language_model.h"
#include "vlm/generation/sampler.h"
#include "vlm/image/picture.h"

namespace sluice::vlm::generation {

struct Request {
  std::shared_ptr<const LanguageModel> model;
  std::vector<std::int32_t> prompt;  // at least one token
  // Of all pictures, in the order of the prompt, which holds Eyes::image_token for each of their rows.
  std::vector<image::Picture> frames = {};
  std::uint32_t tokens_max = 0;  // of the answer; 0: until the context is full
  std::vector<std::string> stop = {};
  Sampling sampling = {};
  bool ignore_stop_tokens = false;  // benches decode past the end of an answer
};

enum class FinishReason : std::uint8_t {
  stop,       // a stop token or stop string
  length,     // tokens_max reached, or the context is full
  cancelled,  // Session::cancel, or the engine is going away
  failed,     // no memory for keys and values: End::error says so
};

// One token of the answer as the logprobs of the APIs want it.
struct TokenInfo {
  std::string bytes;  // of the token alone; not always whole UTF-8
  float logprob = 0;
  struct Alternative {
    std::string bytes;
    float logprob = 0;
  };
  std::vector<Alternative> top = {};
};

struct End {
  FinishReason reason = FinishReason::stop;
  std::string stop_string = {};  // the one that ended it, or empty
  base::Error error = {};        // with FinishReason::failed
  std::uint32_t prompt_tokens = 0;
  std::uint32_t image_tokens = 0;  // a part of the prompt's
  std::uint32_t frames = 0;
  std::uint32_t answer_tokens = 0;     // stop token included: it was computed
  std::chrono::nanoseconds waited{};   // in the queue
  std::chrono::nanoseconds prefill{};  // until the first token, pictures included
  std::chrono::nanoseconds looking{};  // the vision tower's part of it
  std::chrono::nanoseconds decode{};   // from the first token to the end
};

// Handle of one answer, shared by caller and engine. Callers derive from it what their Deliver needs.
class Session {
 public:
  virtual ~Session() = default;
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// What one step brought one session.
struct Event {
  std::shared_ptr<Session> session;
  std::string text = {};               // whole UTF-8 characters; may be empty
  std::vector<TokenInfo> tokens = {};  // when logprobs were asked for
  std::optional<End> end = {};         // the last event of a session has it
};

struct EngineOptions {
  std::size_t threads = 0;  // of the compute pool, the engine thread included; 0: cores of the cgroup quota
  std::size_t sessions_max = 0;  // decoded together; 0: kSessionsMax
  std::size_t queue_max = 0;     // waiting; 0: kQueueMax
  std::size_t kv_bytes_max = 0;  // of all sessions; 0: a quarter of the memory; bounds the context as well
  std::size_t context_max = 0;   // positions a session may use; 0: the model's own
};

struct EngineState {
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::size_t kv_bytes = 0;         // reserved by running sessions
  std::uint64_t answer_tokens = 0;  // since start
  std::uint64_t prompt_tokens = 0;
};

// How many tokens an answer may have: `tokens_max`, or all the room there is when that is 0. context_overflow
// with all numbers when prompt and answer do not fit `context` positions. `image_tokens` of the prompt are
// pictures'.
base::Result<std::uint32_t> settle_answer_max(std::size_t prompt_tokens, std::size_t image_tokens,
                                              std::uint32_t tokens_max, std::size_t context);

class Engine {
 public:
  using Deliver = std::function<void(std::span<Event>)>;

  Engine(EngineOptions options, Deliver deliver);
  ~Engine();  // ends every session as cancelled, then joins
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Errors, all before any work: context_overflow with both numbers, invalid_argument naming the field,
  // overloaded when the queue is full.
  base::Status submit(Request request, std::shared_ptr<Session> session);

  EngineState state() const;
  std::size_t threads() const;
  // Positions that a session of this model can have here.
  std::size_t context_of(const LanguageModel& model) const;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sluice::vlm::generation
