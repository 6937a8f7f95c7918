#include "app/device/device_upstream.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "hub/dialects/dialect.h"
#include "vlm/models/tiny_llama.h"

namespace sluice::app::device {
namespace {

namespace fs = std::filesystem;
namespace gateway = hub::gateway;
namespace tasks = hub::tasks;
using namespace std::chrono_literals;
using base::ErrorCode;
using testing::HasSubstr;

constexpr auto kPatience = 60s;

// What one call to the device brought.
struct Outcome {
  std::optional<gateway::Failure> failure;
  std::optional<tasks::Started> started;
  std::string text;
  std::size_t pieces = 0;
  std::size_t logprobs = 0;
  std::optional<tasks::Finished> finished;
  std::optional<tasks::UsageReport> usage;
};

class app_device_device_upstream : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("sluice-device-" + std::to_string(getpid()));
    fs::remove_all(root_);
    put("org/tiny", {.context = 512});
    device_.emplace(
        DeviceOptions{.places = {.single_file = {}, .models_folder = root_, .hugging_face_cache = {}},
                      .engine = {.threads = 1, .sessions_max = 4, .queue_max = 2}});
    upstream_.emplace(*device_);
    thread_ = std::jthread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    thread_.join();
    device_.reset();
    fs::remove_all(root_);
  }

  void put(const std::string& id, const vlm::models::TinyLlama& tiny) {
    fs::create_directories(root_ / id);
    std::ofstream(root_ / id / "model.gguf", std::ios::binary) << tiny.build();
  }

  static gateway::Call call_of(tasks::Kind kind, std::string body, const std::string& model) {
    const hub::dialects::Dialect& openai = *hub::dialects::find_dialect("openai");
    auto scanned = openai.downstream->scan(kind, http::Slice::of(std::move(body)));
    EXPECT_TRUE(scanned) << (scanned ? "" : scanned.error().message);
    gateway::Call call("req_1", openai, *std::move(scanned));
    call.try_candidate({.provider = nullptr, .model = model});
    return call;
  }
  // The bias keeps the two tokens out that would stop the answer.
  static std::string chat(std::string_view rest = "") {
    return fmt::format(
        R"({{"model":"org/tiny","messages":[{{"role":"user","content":"hello"}}],"temperature":0,)"
        R"("logit_bias":{{"0":-100,"2":-100}}{}}})",
        rest);
  }

  // Reads the whole answer. `after_piece` may fire the Cancel or say that enough was read.
  net::Task<void> read(const gateway::Call& call, net::TimePoint deadline, net::Cancel& cancel,
                       std::function<bool(Outcome&)> after_piece, Outcome& outcome) {
    auto opened = co_await upstream_->open(call, deadline, cancel);
    if (!opened) {
      outcome.failure = std::move(opened).error();
      co_return;
    }
    while (true) {
      auto piece = co_await opened->source->next();
      if (!piece) {
        outcome.failure = std::move(piece).error();
        co_return;
      }
      if (!*piece) co_return;
      ++outcome.pieces;
      for (const tasks::Event& event : std::get<gateway::Events>(**piece).events) {
        if (const auto* started = std::get_if<tasks::Started>(&event)) outcome.started = *started;
        if (const auto* finished = std::get_if<tasks::Finished>(&event)) outcome.finished = *finished;
        if (const auto* usage = std::get_if<tasks::UsageReport>(&event)) outcome.usage = *usage;
        if (const auto* delta = std::get_if<tasks::TextDelta>(&event)) {
          outcome.text += delta->text;
          outcome.logprobs += delta->logprobs.size();
        }
      }
      if (after_piece && !after_piece(outcome)) co_return;
    }
  }

  Outcome ask(tasks::Kind kind, std::string body, const std::string& model = "org/tiny",
              std::function<bool(Outcome&)> after_piece = {},
              std::chrono::milliseconds patience = kPatience) {
    const gateway::Call call = call_of(kind, std::move(body), model);
    Outcome outcome;
    std::promise<void> done;
    loop_.spawn([](auto& self, const gateway::Call& asked, auto after, auto limit, Outcome& out,
                   std::promise<void>& finished) -> net::Task<void> {
      net::Cancel cancel;
      co_await self.read(asked, net::Clock::now() + limit, cancel, std::move(after), out);
      finished.set_value();
    }(*this, call, std::move(after_piece), patience, outcome, done));
    EXPECT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
    return outcome;
  }

  void wait_until_idle() {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (device_->engine().state().running + device_->engine().state().waiting > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::sleep_for(1ms);
    }
  }

  fs::path root_;
  net::Loop loop_{0};
  std::optional<Device> device_;
  std::optional<DeviceUpstream> upstream_;
  std::jthread thread_;
};

TEST_F(app_device_device_upstream, answers_a_chat_with_events_in_order) {
  const Outcome outcome = ask(tasks::Kind::chat, chat(R"(,"max_tokens":12)"));
  ASSERT_FALSE(outcome.failure) << outcome.failure->error.message;
  ASSERT_TRUE(outcome.started);
  EXPECT_EQ(outcome.started->model, "org/tiny");
  EXPECT_THAT(outcome.started->id, HasSubstr("chatcmpl-"));
  EXPECT_THAT(outcome.started->system_fingerprint, HasSubstr("fp_"));
  EXPECT_FALSE(outcome.text.empty());
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, tasks::FinishReason::length);
  ASSERT_TRUE(outcome.usage);
  EXPECT_EQ(outcome.usage->usage.output.count, 12U);
  EXPECT_GT(outcome.usage->usage.input.count, 5U);
}

TEST_F(app_device_device_upstream, the_same_seed_gives_the_same_answer) {
  const std::string body =
      R"({"model":"x","messages":[{"role":"user","content":"hi"}],"seed":7,"max_tokens":20})";
  EXPECT_EQ(ask(tasks::Kind::chat, body).text, ask(tasks::Kind::chat, body).text);
}

TEST_F(app_device_device_upstream, reports_log_probabilities) {
  const Outcome outcome = ask(tasks::Kind::chat, chat(R"(,"max_tokens":5,"logprobs":true,"top_logprobs":2)"));
  EXPECT_EQ(outcome.logprobs, 5U);
}

TEST_F(app_device_device_upstream, continues_a_completion) {
  const Outcome outcome =
      ask(tasks::Kind::completion,
          R"({"model":"x","prompt":"once","max_tokens":4,"temperature":0,"logit_bias":{"0":-100,"2":-100}})");
  ASSERT_FALSE(outcome.failure) << outcome.failure->error.message;
  EXPECT_EQ(outcome.usage->usage.input.count, 4U);
  EXPECT_THAT(outcome.started->id, HasSubstr("cmpl-"));
}

TEST_F(app_device_device_upstream, refuses_before_any_work) {
  const Outcome tools = ask(tasks::Kind::chat, chat(R"(,"n":2)"));
  ASSERT_TRUE(tools.failure);
  EXPECT_EQ(tools.failure->error.parameter, "n");
  EXPECT_TRUE(tools.failure->blames_request);
  EXPECT_EQ(tools.failure->error.provider, "device");

  const Outcome overflow = ask(tasks::Kind::chat, chat(R"(,"max_tokens":10000)"));
  ASSERT_TRUE(overflow.failure);
  EXPECT_EQ(overflow.failure->error.code, ErrorCode::context_overflow);
  EXPECT_THAT(overflow.failure->error.message, HasSubstr("10000"));
  EXPECT_THAT(overflow.failure->error.message, HasSubstr("context is 512"));
  EXPECT_EQ(device_->engine().state().prompt_tokens, 0U);
}

TEST_F(app_device_device_upstream, an_unknown_model_and_a_broken_file_are_told) {
  const Outcome unknown = ask(tasks::Kind::chat, chat(), "org/tony");
  ASSERT_TRUE(unknown.failure);
  EXPECT_EQ(unknown.failure->error.code, ErrorCode::not_found);
  EXPECT_THAT(unknown.failure->error.message, HasSubstr("org/tiny"));

  put("org/broken", {});
  fs::resize_file(root_ / "org/broken/model.gguf", 20'000);
  const Outcome broken = ask(tasks::Kind::chat, chat(), "org/broken");
  ASSERT_TRUE(broken.failure);
  EXPECT_EQ(broken.failure->error.code, ErrorCode::corrupt_data);
  EXPECT_THAT(broken.failure->error.message, HasSubstr("model.gguf: tensor "));
}

TEST_F(app_device_device_upstream, a_reader_that_leaves_frees_the_session) {
  const Outcome outcome = ask(tasks::Kind::chat, chat(), "org/tiny", [](Outcome&) { return false; });
  EXPECT_EQ(outcome.pieces, 1U);
  EXPECT_FALSE(outcome.finished);
  wait_until_idle();
  EXPECT_EQ(device_->engine().state().kv_bytes, 0U);
  EXPECT_LT(device_->engine().state().answer_tokens, 450U);  // it did not run to the end of the context
}

TEST_F(app_device_device_upstream, a_deadline_ends_the_answer_as_cut) {
  put("org/slow", {.layers = 64, .context = 8192});
  const Outcome outcome = ask(tasks::Kind::chat, chat(), "org/slow", {}, 2s);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->error.code, ErrorCode::timed_out);
  EXPECT_FALSE(outcome.finished);
  wait_until_idle();
}

TEST_F(app_device_device_upstream, the_ids_served_are_those_of_the_last_scan) {
  EXPECT_THAT(*device_->model_ids(), testing::ElementsAre("org/tiny"));
  put("org/another", {});
  EXPECT_THAT(*device_->model_ids(), testing::ElementsAre("org/tiny"));
  device_->rescan();
  EXPECT_THAT(*device_->model_ids(), testing::ElementsAre("org/another", "org/tiny"));
}

}  // namespace
}  // namespace sluice::app::device
