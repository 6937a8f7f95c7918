// sluice bench-text MODEL: prefill and decode speed, load time and resident memory of the engine, as one JSON
// object; what bench/device_text runs beside other engines. Hidden from help.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "app/cli/repl.h"
#include "base/json_writer.h"
#include "vlm/generation/engine.h"

namespace sluice::app::cli {
namespace {

using vlm::generation::End;
using vlm::generation::Event;

struct Options {
  std::string model;
  std::uint64_t threads = 0;
  std::uint64_t prompt_tokens = 512;
  std::uint64_t answer_tokens = 128;
  std::uint64_t sessions = 1;
  std::uint64_t rounds = 3;
};

struct Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<End> ends;

  void put(std::span<Event> events) {
    const std::lock_guard lock(mutex);
    for (Event& event : events)
      if (event.end) ends.push_back(*event.end);
    changed.notify_one();
  }
  std::vector<End> wait(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ends.size() == count; });
    return std::move(ends);
  }
};

// The prompt's tokens are arbitrary but ordinary; speed does not depend on which.
std::vector<std::int32_t> prompt_of(std::size_t tokens, std::size_t vocabulary) {
  std::vector<std::int32_t> prompt;
  for (std::size_t i = 0; i < tokens; ++i)
    prompt.push_back(static_cast<std::int32_t>((1000 + i * 37) % vocabulary));
  return prompt;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

struct Round {
  double prompt_tokens_per_s = 0;
  double tokens_per_s = 0;  // of all sessions together
};

base::Result<Round> run_round(const Options& options, vlm::generation::Engine& engine, Waiter& waiter,
                              const ChatSession::LoadedModel& model, std::uint64_t prompt_tokens,
                              std::uint64_t answer_tokens) {
  for (std::uint64_t i = 0; i < options.sessions; ++i) {
    vlm::generation::Request request{.model = model,
                                     .prompt = prompt_of(prompt_tokens, model->model->shape().vocabulary),
                                     .tokens_max = static_cast<std::uint32_t>(answer_tokens),
                                     .sampling = {.temperature = 0},
                                     .ignore_stop_tokens = true};
    SLUICE_TRY_VOID(engine.submit(std::move(request), std::make_shared<vlm::generation::Session>()));
  }
  Round round;
  for (const End& end : waiter.wait(options.sessions)) {
    const Speeds speeds = speeds_of(end);
    round.prompt_tokens_per_s = std::max(round.prompt_tokens_per_s, speeds.prompt_tokens_per_s);
    round.tokens_per_s += speeds.tokens_per_s;
  }
  return round;
}

base::Result<std::string> measure(const Options& options) {
  SLUICE_TRY(const ChatSession::LoadedModel model, load_for_chat(options.model));
  Waiter waiter;
  vlm::generation::Engine engine({.threads = options.threads},
                                 [&](std::span<Event> events) { waiter.put(events); });
  SLUICE_TRY_VOID(run_round(options, engine, waiter, model, 32, 8));  // touches every page once
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("engine", "sluice").field("threads", engine.threads());
  json.field("load_ms", milliseconds(model->load_time)).field("fingerprint", model->fingerprint);
  json.field("prompt_tokens", options.prompt_tokens).field("answer_tokens", options.answer_tokens);
  json.key("rounds").begin_array();
  for (std::uint64_t i = 0; i < options.rounds; ++i) {
    // Apart, as other engines report it: decoding begins with a short context.
    SLUICE_TRY(const Round prefill, run_round(options, engine, waiter, model, options.prompt_tokens, 1));
    SLUICE_TRY(const Round decode, run_round(options, engine, waiter, model, 1, options.answer_tokens));
    json.begin_object().field("prefill_tokens_per_s", prefill.prompt_tokens_per_s);
    json.field("decode_tokens_per_s", decode.tokens_per_s).end_object();
  }
  json.end_array().field("resident_bytes", resident_bytes()).end_object();
  return out;
}

}  // namespace

std::function<int()> declare_bench_text(Arguments& arguments) {
  auto options = std::make_shared<Options>();
  arguments.required("MODEL", options->model, "id or .gguf file");
  arguments.option("--threads", options->threads, "threads to compute on [cores of the quota]");
  arguments.option("--prompt-tokens", options->prompt_tokens, "of the prefill measured [512]");
  arguments.option("--answer-tokens", options->answer_tokens, "decoded [128]");
  arguments.option("--sessions", options->sessions, "at the same time [1]");
  arguments.option("--rounds", options->rounds, "of each [3]");
  return [options] {
    const auto result = measure(*options);
    if (!result) return report(result.error());
    fmt::print("{}\n", *result);
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
