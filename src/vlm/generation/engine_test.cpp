#include "vlm/generation/engine.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "vlm/generation/kv_cache.h"
#include "vlm/generation/limits.h"
#include "vlm/models/tiny_llama.h"

namespace sluice::vlm::generation {
namespace {

using models::TinyLlama;
using testing::AllOf;
using testing::HasSubstr;

using ModelPtr = std::shared_ptr<const LanguageModel>;

ModelPtr load(const TinyLlama& tiny) {
  static int count = 0;
  auto model = load_language_model(tiny.write(fmt::format("engine{}.gguf", count++)), 1);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

// Its answers run on until a limit stops them.
ModelPtr endless_model() {
  static const ModelPtr model = load({.context = 512, .with_stop_tokens = false});
  return model;
}

struct Answer : Session {
  std::string text;
  std::vector<TokenInfo> tokens;
  std::optional<End> end;
  int ends = 0;
  std::size_t events = 0;
};
using AnswerPtr = std::shared_ptr<Answer>;

// Collects events; wait() returns once that many answers have ended.
class Collector {
 public:
  Engine::Deliver deliver() {
    return [this](std::span<Event> events) {
      const std::lock_guard lock(mutex_);
      ++batches;
      for (Event& event : events) {
        auto& answer = static_cast<Answer&>(*event.session);
        answer.text += event.text;
        for (TokenInfo& token : event.tokens) answer.tokens.push_back(std::move(token));
        ++answer.events;
        if (event.end) {
          answer.end = std::move(event.end);
          ++answer.ends;
          order.push_back(std::static_pointer_cast<Answer>(event.session));
        }
      }
      changed_.notify_all();
    };
  }
  void wait(std::size_t ends) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return order.size() >= ends; }));
  }
  template <typename Condition>
  void wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), condition));
  }

  std::vector<AnswerPtr> order;
  std::size_t batches = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

Request request_of(const ModelPtr& model, std::string_view text, std::uint32_t tokens_max) {
  return {.model = model,
          .prompt = *model->tokenizer.encode(text),
          .tokens_max = tokens_max,
          .sampling = {.temperature = 0}};
}

std::string answer_to(const ModelPtr& model, std::string_view text, std::uint32_t tokens_max,
                      EngineOptions options = {.threads = 1}) {
  Collector collector;
  Engine engine(options, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  EXPECT_TRUE(engine.submit(request_of(model, text, tokens_max), answer));
  collector.wait(1);
  return answer->text;
}

std::string long_text(std::size_t bytes, char first = 'a') {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i)
    text.push_back(static_cast<char>(first + static_cast<char>(i * 7 % 26)));
  return text;
}

TEST(vlm_generation_engine, answers_and_counts) {
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 10), answer));
  collector.wait(1);
  EXPECT_EQ(answer->end->reason, FinishReason::length);
  EXPECT_EQ(answer->end->prompt_tokens, 5U);
  EXPECT_EQ(answer->end->answer_tokens, 10U);
  EXPECT_FALSE(answer->text.empty());
}

TEST(vlm_generation_engine, greedy_answers_are_the_same_alone_and_among_others_on_any_number_of_threads) {
  const std::vector<std::string> prompts{"one", long_text(150), "three is longer", long_text(90, 'A'),
                                         "five"};
  std::vector<std::string> expected;
  for (const std::string& prompt : prompts) expected.push_back(answer_to(endless_model(), prompt, 40));
  EXPECT_NE(expected[0], expected[2]);
  for (const std::size_t threads : {1U, 2U, 4U}) {
    Collector collector;
    Engine engine({.threads = threads}, collector.deliver());
    std::vector<AnswerPtr> answers;
    for (const std::string& prompt : prompts) {
      answers.push_back(std::make_shared<Answer>());
      ASSERT_TRUE(engine.submit(request_of(endless_model(), prompt, 40), answers.back()));
    }
    collector.wait(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(answers[i]->text, expected[i]) << threads;
  }
}

TEST(vlm_generation_engine, sampling_with_a_seed_repeats_among_others_as_well) {
  Request request = request_of(endless_model(), "hello", 30);
  request.sampling = {.temperature = 1, .seed = 42};
  const auto run = [&](bool with_others) {
    Collector collector;
    Engine engine({.threads = 2}, collector.deliver());
    const auto answer = std::make_shared<Answer>();
    if (with_others)
      EXPECT_TRUE(engine.submit(request_of(endless_model(), "other", 50), std::make_shared<Answer>()));
    EXPECT_TRUE(engine.submit(request, answer));
    collector.wait(with_others ? 2 : 1);
    return answer->text;
  };
  EXPECT_EQ(run(false), run(true));
}

TEST(vlm_generation_engine, stops_at_a_stop_token_and_shows_none_of_it) {
  const ModelPtr model = load({});
  Request request = request_of(model, "hello", 50);
  request.sampling.logit_bias = {{static_cast<std::int32_t>(TinyLlama::kTurnEnd), 100.0F}};
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request, answer));
  collector.wait(1);
  EXPECT_EQ(answer->end->reason, FinishReason::stop);
  EXPECT_EQ(answer->end->answer_tokens, 1U);
  EXPECT_EQ(answer->text, "");

  request.ignore_stop_tokens = true;
  const auto runs_on = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request, runs_on));
  collector.wait(2);
  EXPECT_EQ(runs_on->end->reason, FinishReason::length);
}

TEST(vlm_generation_engine, stops_at_a_stop_string_and_shows_none_of_it) {
  const std::string whole = answer_to(endless_model(), "hello", 40);
  ASSERT_GT(whole.size(), 12U);
  Request request = request_of(endless_model(), "hello", 40);
  // Characters 8 and 9: a match that begins inside the answer.
  std::size_t at = 8;
  while ((static_cast<unsigned char>(whole[at]) & 0xC0) == 0x80) ++at;
  request.stop = {whole.substr(at, 2)};
  request.sampling.logprobs = true;
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request, answer));
  collector.wait(1);
  EXPECT_EQ(answer->end->reason, FinishReason::stop);
  EXPECT_EQ(answer->end->stop_string, request.stop[0]);
  EXPECT_EQ(answer->text, whole.substr(0, whole.find(request.stop[0])));
  EXPECT_LT(answer->tokens.size(), answer->end->answer_tokens);  // the stop string's own tokens stay untold
}

TEST(vlm_generation_engine, tells_log_probabilities_of_every_token) {
  Request request = request_of(endless_model(), "hello", 6);
  request.sampling.logprobs = true;
  request.sampling.top_logprobs = 2;
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request, answer));
  collector.wait(1);
  ASSERT_EQ(answer->tokens.size(), 6U);
  for (const TokenInfo& token : answer->tokens) {
    EXPECT_LE(token.logprob, 0);
    ASSERT_EQ(token.top.size(), 2U);
    EXPECT_EQ(token.top[0].bytes, token.bytes);  // greedy takes the likeliest
    EXPECT_EQ(token.top[0].logprob, token.logprob);
    EXPECT_GE(token.top[0].logprob, token.top[1].logprob);
  }
}

TEST(vlm_generation_engine, refuses_what_does_not_fit_the_context_with_both_numbers) {
  const ModelPtr model = load({.context = 64});
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto refused = [&](std::size_t prompt, std::uint32_t tokens_max) {
    const auto status =
        engine.submit(request_of(model, long_text(prompt), tokens_max), std::make_shared<Answer>());
    if (status) return std::string("accepted");
    EXPECT_EQ(status.error().code, base::ErrorCode::context_overflow);
    return status.error().message;
  };
  EXPECT_THAT(refused(64, 0), AllOf(HasSubstr("64 tokens"), HasSubstr("context is 64")));
  EXPECT_THAT(refused(40, 25),
              AllOf(HasSubstr("40 tokens"), HasSubstr("65 together"), HasSubstr("context is 64")));
  EXPECT_EQ(refused(40, 24), "accepted");
  EXPECT_EQ(refused(63, 0), "accepted");
  collector.wait(2);
  EXPECT_EQ(collector.order.size(), 2U);
}

TEST(vlm_generation_engine, without_a_limit_the_answer_fills_the_context) {
  const ModelPtr model = load({.context = 64, .with_stop_tokens = false});
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto answer = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(model, "hello", 0), answer));
  collector.wait(1);
  EXPECT_EQ(answer->end->reason, FinishReason::length);
  EXPECT_EQ(answer->end->answer_tokens, 59U);
}

TEST(vlm_generation_engine, memory_set_aside_bounds_the_context) {
  const ModelPtr model = endless_model();
  const std::size_t per_token = KvCache::bytes_for(model->model->shape(), 1);
  Collector collector;
  Engine engine({.threads = 1, .kv_bytes_max = 32 * per_token}, collector.deliver());
  const auto refused = engine.submit(request_of(model, "hello", 28), std::make_shared<Answer>());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("context is 32"));
  ASSERT_TRUE(engine.submit(request_of(model, "hello", 27), std::make_shared<Answer>()));
  collector.wait(1);
}

TEST(vlm_generation_engine, refuses_bad_requests_by_name) {
  Collector collector;
  Engine engine({.threads = 1}, collector.deliver());
  const auto parameter = [&](auto edit) {
    Request request = request_of(endless_model(), "hello", 5);
    edit(request);
    const auto status = engine.submit(request, std::make_shared<Answer>());
    return status ? std::string("accepted") : status.error().parameter;
  };
  const auto vocabulary = static_cast<std::int32_t>(TinyLlama::kVocabulary);
  EXPECT_EQ(parameter([](Request& r) { r.prompt.clear(); }), "prompt");
  EXPECT_EQ(parameter([&](Request& r) { r.prompt = {vocabulary}; }), "prompt");
  EXPECT_EQ(parameter([](Request& r) { r.prompt = {-1}; }), "prompt");
  EXPECT_EQ(parameter([](Request& r) { r.sampling.temperature = -1; }), "temperature");
  EXPECT_EQ(parameter([](Request& r) { r.stop = {""}; }), "stop");
  EXPECT_EQ(parameter([&](Request& r) { r.prompt = {vocabulary - 1}; }), "accepted");
  collector.wait(1);
}

TEST(vlm_generation_engine, a_full_queue_refuses_and_keeps_what_it_took) {
  Collector collector;
  Engine engine({.threads = 1, .sessions_max = 1, .queue_max = 2}, collector.deliver());
  const auto running = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 400), running));
  collector.wait_until([&] { return running->events > 0; });  // it has left the queue
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "a", 3), std::make_shared<Answer>()));
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "b", 3), std::make_shared<Answer>()));
  const auto refused = engine.submit(request_of(endless_model(), "c", 3), std::make_shared<Answer>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::overloaded);
  EXPECT_EQ(engine.state().waiting, 2U);
  running->cancel();
  collector.wait(3);
}

TEST(vlm_generation_engine, cancel_frees_the_memory_and_ends_once) {
  Collector collector;
  Engine engine({.threads = 1, .sessions_max = 1}, collector.deliver());
  const auto running = std::make_shared<Answer>();
  const auto waiting = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 0), running));
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 0), waiting));
  collector.wait_until([&] { return running->events > 0; });
  EXPECT_GT(engine.state().kv_bytes, 0U);
  waiting->cancel();
  running->cancel();
  collector.wait(2);
  EXPECT_EQ(running->end->reason, FinishReason::cancelled);
  EXPECT_EQ(waiting->end->reason, FinishReason::cancelled);
  EXPECT_EQ(engine.state().kv_bytes, 0U);
  EXPECT_EQ(engine.state().running, 0U);
  EXPECT_EQ(running->ends, 1);
  EXPECT_EQ(waiting->ends, 1);
}

TEST(vlm_generation_engine, nobody_starves_while_a_long_prompt_is_read) {
  const ModelPtr model = load({.context = 8192, .with_stop_tokens = false});
  Collector collector;
  Engine engine({.threads = 2}, collector.deliver());
  const auto decoding = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(model, "hi", 2000), decoding));
  collector.wait_until([&] { return decoding->events > 0; });
  const auto long_prompt = std::make_shared<Answer>();
  const auto short_prompt = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(model, long_text(4000), 1), long_prompt));
  ASSERT_TRUE(engine.submit(request_of(model, "short", 1), short_prompt));
  collector.wait(2);
  // The short prompt needs a step or two of its own turn, the long one 63 chunks.
  EXPECT_EQ(collector.order[0], short_prompt);
  EXPECT_EQ(collector.order[1], long_prompt);
  decoding->cancel();
  collector.wait(3);
  // One row in every one of those steps.
  EXPECT_GE(decoding->end->answer_tokens, 4000 / kPrefillRowsShared);
}

TEST(vlm_generation_engine, sessions_beyond_the_memory_wait_their_turn) {
  const std::size_t per_token = KvCache::bytes_for(endless_model()->model->shape(), 1);
  Collector collector;
  Engine engine({.threads = 1, .kv_bytes_max = 40 * per_token}, collector.deliver());
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 20), std::make_shared<Answer>()));
  collector.wait(5);
  for (const AnswerPtr& answer : collector.order) EXPECT_EQ(answer->ends, 1);
}

TEST(vlm_generation_engine, serves_several_models_at_once) {
  const ModelPtr other = load({.seed = 2, .layers = 1, .with_stop_tokens = false});
  const std::string expected = answer_to(endless_model(), "hello", 20);
  const std::string expected_other = answer_to(other, "hello", 20);
  EXPECT_NE(expected, expected_other);
  Collector collector;
  Engine engine({.threads = 2}, collector.deliver());
  const auto a = std::make_shared<Answer>();
  const auto b = std::make_shared<Answer>();
  ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 20), a));
  ASSERT_TRUE(engine.submit(request_of(other, "hello", 20), b));
  collector.wait(2);
  EXPECT_EQ(a->text, expected);
  EXPECT_EQ(b->text, expected_other);
}

TEST(vlm_generation_engine, goes_away_with_an_end_for_everybody) {
  Collector collector;
  std::vector<AnswerPtr> answers;
  {
    Engine engine({.threads = 1, .sessions_max = 2}, collector.deliver());
    for (int i = 0; i < 5; ++i) {
      answers.push_back(std::make_shared<Answer>());
      ASSERT_TRUE(engine.submit(request_of(endless_model(), "hello", 0), answers.back()));
    }
  }
  for (const AnswerPtr& answer : answers) {
    EXPECT_EQ(answer->ends, 1);
    EXPECT_EQ(answer->end->reason, FinishReason::cancelled);
  }
}

TEST(vlm_generation_engine, many_threads_submit_and_cancel_at_once) {
  Collector collector;
  Engine engine({.threads = 2, .sessions_max = 4}, collector.deliver());
  std::vector<std::jthread> clients;
  std::atomic<std::size_t> accepted = 0;
  std::vector<AnswerPtr> answers(4 * 20);
  for (std::size_t c = 0; c < 4; ++c)
    clients.emplace_back([&, c] {
      for (std::size_t i = 0; i < 20; ++i) {
        AnswerPtr& answer = answers[c * 20 + i];
        answer = std::make_shared<Answer>();
        if (engine.submit(request_of(endless_model(), "hello", 8), answer)) ++accepted;
        if (i % 3 == 0) answer->cancel();
      }
    });
  clients.clear();
  collector.wait(accepted);
  EXPECT_EQ(accepted, 80U);
  for (const AnswerPtr& answer : answers) EXPECT_EQ(answer->ends, 1);
}

TEST(vlm_generation_engine, fingerprints_tell_weights_and_formats_apart) {
  const auto of = [](const TinyLlama& tiny) { return load(tiny)->fingerprint; };
  EXPECT_EQ(of({}), of({}));
  EXPECT_NE(of({}), of({.seed = 2}));
  EXPECT_NE(of({}), of({.format = TinyLlama::Format::q8_0}));
  EXPECT_EQ(of({}).size(), 15U);
}

}  // namespace
}  // namespace sluice::vlm::generation
