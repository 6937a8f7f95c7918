#include "vlm/models/llama/llama.h"

#include <gmock/gmock.h>

#include <cmath>
#include <optional>

#include "vlm/formats/gguf.h"
#include "vlm/kernels/cpu.h"
#include "vlm/models/limits.h"
#include "vlm/models/plain_llama.h"
#include "vlm/models/tiny_llama.h"

namespace sluice::vlm::models {
namespace {

using testing::HasSubstr;

std::vector<std::int32_t> some_tokens(std::size_t count, std::uint64_t seed = 11) {
  base::Random random(seed);
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < count; ++i)
    tokens.push_back(static_cast<std::int32_t>(random.below(TinyLlama::kVocabulary)));
  return tokens;
}

struct Loaded {
  explicit Loaded(const TinyLlama& tiny, std::size_t threads = 1) : pool(threads) {
    auto mapped = formats::load_gguf(tiny.write());
    EXPECT_TRUE(mapped) << (mapped ? "" : mapped.error().message);
    file = std::make_shared<const formats::TensorFile>(*std::move(mapped));
    auto loaded = load_model(file, pool);
    if (loaded)
      model = *std::move(loaded);
    else
      error = loaded.error().message;
    if (model != nullptr) workspace = *model->make_workspace(64, 64, pool.threads());
  }

  tensor::ThreadPool pool;
  std::shared_ptr<const formats::TensorFile> file;
  std::unique_ptr<const Model> model;
  std::unique_ptr<Workspace> workspace;
  std::string error;
};

// A sequence with memory of its own.
struct Sequence {
  Sequence(const Model& model, std::vector<std::int32_t> tokens_)
      : tokens(std::move(tokens_)),
        cache(tokens.size() * KvView::halves_per_position(model.shape()), 0x7E00) {}

  // The next `count` tokens; unset memory is NaN, so that reading ahead of what was written shows.
  void append(std::size_t count, std::vector<Row>& rows) {
    for (; count > 0; --count, ++done)
      rows.push_back({.token = tokens[done],
                      .position = static_cast<std::uint32_t>(done),
                      .kv = {.data = cache.data(), .capacity = tokens.size()},
                      .wants_logits = true});
  }

  std::vector<std::int32_t> tokens;
  std::vector<std::uint16_t> cache;
  std::size_t done = 0;
};

using Logits = std::vector<std::vector<float>>;

// Runs `tokens` in pieces of `chunk` and returns the logits of every row.
Logits run(Loaded& loaded, const std::vector<std::int32_t>& tokens, std::size_t chunk) {
  Sequence sequence(*loaded.model, tokens);
  Logits logits;
  while (sequence.done < tokens.size()) {
    std::vector<Row> rows;
    sequence.append(std::min(chunk, tokens.size() - sequence.done), rows);
    loaded.model->forward(rows, *loaded.workspace, loaded.pool);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = loaded.workspace->logits(i);
      logits.emplace_back(row.begin(), row.end());
    }
  }
  return logits;
}

double cosine(const std::vector<float>& a, const std::vector<double>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

struct Case {
  TinyLlama tiny;
  double cosine_min;  // f16 keys and values, and 8-bit activations for quantised weights, cost something
};

class Llama : public testing::TestWithParam<kernels::CpuTier> {
 protected:
  void SetUp() override { ASSERT_TRUE(kernels::force_tier(GetParam())); }
  void TearDown() override { kernels::force_tier(std::nullopt); }
};

TEST_P(Llama, equals_the_formulas) {
  using Format = TinyLlama::Format;
  for (const auto& [tiny, cosine_min] :
       {Case{{.format = Format::f32}, 0.99999}, Case{{.format = Format::f32, .tied_head = true}, 0.99999},
        Case{{.heads = 4, .kv_heads = 4, .format = Format::f16}, 0.9999},
        Case{{.kv_heads = 1, .format = Format::q8_0}, 0.999},
        Case{{.intermediate = 160, .format = Format::q4_1}, 0.999}}) {
    Loaded loaded(tiny);
    ASSERT_NE(loaded.model, nullptr) << loaded.error;
    const auto tokens = some_tokens(20);
    const Logits logits = run(loaded, tokens, tokens.size());
    const PlainLlama plain(*loaded.file, loaded.model->shape(), 1e-5, 100000);
    for (const std::size_t length : {1U, 2U, 20U})
      EXPECT_GT(cosine(logits[length - 1], plain.logits(std::span(tokens).first(length))), cosine_min)
          << "format " << static_cast<int>(tiny.format) << ", position " << length;
  }
}

TEST_P(Llama, a_row_has_the_same_bits_in_every_chunk_batch_and_team) {
  for (const TinyLlama& tiny : {TinyLlama{}, TinyLlama{.format = TinyLlama::Format::q4_1},
                                TinyLlama{.format = TinyLlama::Format::q8_0}}) {
    Loaded alone(tiny);
    ASSERT_NE(alone.model, nullptr) << alone.error;
    const auto tokens = some_tokens(40);
    const Logits expected = run(alone, tokens, 1);
    for (const std::size_t threads : {1U, 2U, 4U}) {
      Loaded loaded(tiny, threads);
      for (const std::size_t chunk : {1U, 3U, 7U, 40U})
        EXPECT_EQ(run(loaded, tokens, chunk), expected) << chunk;

      Sequence mine(*loaded.model, tokens);
      Sequence other(*loaded.model, some_tokens(40, 12));
      for (const std::size_t step : {5U, 1U, 1U, 20U, 13U}) {
        std::vector<Row> rows;
        other.append(step, rows);
        const std::size_t before = rows.size();
        const std::size_t first = mine.done;
        mine.append(step, rows);
        loaded.model->forward(rows, *loaded.workspace, loaded.pool);
        for (std::size_t i = before; i < rows.size(); ++i) {
          const auto row = loaded.workspace->logits(i);
          EXPECT_EQ(std::vector(row.begin(), row.end()), expected[first + i - before]);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(vlm_models_llama_llama, Llama,
                         testing::ValuesIn(kernels::usable_tiers().begin(), kernels::usable_tiers().end()),
                         [](const auto& info) { return std::string(kernels::name_of(info.param)); });

TEST(vlm_models_llama_llama, computes_the_head_only_where_it_is_wanted) {
  Loaded loaded(TinyLlama{});
  ASSERT_NE(loaded.model, nullptr) << loaded.error;
  const auto tokens = some_tokens(6);
  const Logits expected = run(loaded, tokens, 6);
  Sequence sequence(*loaded.model, tokens);
  std::vector<Row> rows;
  sequence.append(6, rows);
  for (Row& row : rows) row.wants_logits = row.position == 2 || row.position == 5;
  loaded.model->forward(rows, *loaded.workspace, loaded.pool);
  const auto row = loaded.workspace->logits(1);
  EXPECT_EQ(std::vector(row.begin(), row.end()), expected[5]);
}

TEST(vlm_models_llama_llama, tells_what_it_is) {
  Loaded loaded(TinyLlama{.format = TinyLlama::Format::q4_1});
  ASSERT_NE(loaded.model, nullptr) << loaded.error;
  const Description& description = loaded.model->description();
  EXPECT_EQ(description.architecture, "llama");
  EXPECT_EQ(description.number_format, "Q4_1");
  EXPECT_EQ(description.kv_bytes_per_token, 2U * 2 * 2 * 16 * 2);
  EXPECT_GT(description.weights_bytes, loaded.file->find("blk.0.attn_q.weight")->bytes().size() * 6);
  // embedding and head, two layers of q, k, v, o, gate, up, down and two norms, last norm
  EXPECT_EQ(description.parameters,
            2U * 259 * 64 + 2 * (64 * 64 * 2 + 32 * 64 * 2 + 3 * 96 * 64 + 2 * 64) + 64);
}

std::string refusal_of(const TinyLlama& tiny) {
  return Loaded(tiny).error;
}

TEST(vlm_models_llama_llama, refuses_a_file_that_contradicts_itself) {
  EXPECT_EQ(refusal_of({.left_out = "blk.1.ffn_up.weight"}),
            "tiny.gguf: tensor blk.1.ffn_up.weight: expected shape [96, 64], the tensor is missing");
  EXPECT_EQ(refusal_of({.reshaped = "blk.0.attn_k.weight", .reshaped_to = {16, 64}}),
            "tiny.gguf: tensor blk.0.attn_k.weight: expected shape [32, 64], found [16, 64]");
  EXPECT_EQ(refusal_of({.numbers = {{"llama.block_count", 3}}}),
            "tiny.gguf: tensor blk.2.attn_norm.weight: expected shape [64], the tensor is missing");
  EXPECT_EQ(refusal_of({.numbers = {{"llama.feed_forward_length", 128}}}),
            "tiny.gguf: tensor blk.0.ffn_gate.weight: expected shape [128, 64], found [96, 64]");
  EXPECT_EQ(refusal_of({.numbers = {{"llama.vocab_size", 300}}}),
            "tiny.gguf: key llama.vocab_size: expected 259 as token_embd.weight has rows, found 300");
  EXPECT_EQ(refusal_of({.left_out = "token_embd.weight"}),
            "tiny.gguf: tensor token_embd.weight: expected, not in the file");
  EXPECT_THAT(refusal_of({.numbers = {{"llama.embedding_length", 96}, {"llama.attention.head_count", 6}}}),
              HasSubstr("token_embd.weight: expected [up to"));
  EXPECT_THAT(
      refusal_of({.numbers = {{"llama.attention.head_count", 8}, {"llama.attention.head_count_kv", 4}}}),
      HasSubstr("expected a multiple of 16 up to 256 numbers in a head, found 8"));
}

TEST(vlm_models_llama_llama, refuses_numbers_out_of_range) {
  const auto refusal = [](const char* key, std::uint32_t value) {
    return refusal_of({.numbers = {{key, value}}});
  };
  EXPECT_THAT(refusal("llama.block_count", 0), HasSubstr("llama.block_count: expected 1 to"));
  EXPECT_THAT(refusal("llama.block_count", kLayersMax + 1), HasSubstr("llama.block_count: expected 1 to"));
  EXPECT_THAT(refusal("llama.block_count", kLayersMax), HasSubstr("blk.2.attn_norm.weight"));
  EXPECT_THAT(refusal("llama.context_length", 0), HasSubstr("llama.context_length: expected 1 to"));
  EXPECT_THAT(refusal("llama.context_length", kContextMax + 1),
              HasSubstr("llama.context_length: expected 1 to"));
  EXPECT_EQ(refusal("llama.context_length", kContextMax), "");
  EXPECT_THAT(refusal("llama.embedding_length", kWidthMax + 1),
              HasSubstr("llama.embedding_length: expected 1 to"));
  EXPECT_THAT(refusal("llama.attention.head_count", kHeadsMax + 1), HasSubstr("head_count: expected 1 to"));
  EXPECT_THAT(refusal("llama.attention.head_count", 3),
              HasSubstr("expected a divisor of embedding_length 64, found 3"));
  EXPECT_THAT(refusal("llama.attention.head_count_kv", 3),
              HasSubstr("expected a divisor of 4 heads, found 3"));
  EXPECT_THAT(refusal("llama.rope.dimension_count", 8),
              HasSubstr("expected all 16 numbers of a head, found 8"));
  EXPECT_THAT(refusal("llama.expert_count", 8), HasSubstr("llama.expert_count: expected 0, found 8"));
  EXPECT_THAT(refusal("llama.attention.key_length", 32),
              HasSubstr("expected all 32 numbers of a head, found 16"));
}

TEST(vlm_models_llama_llama, names_the_architectures_it_knows) {
  EXPECT_EQ(refusal_of({.architecture = "mamba"}),
            "tiny.gguf: architecture mamba: expected one of llama, smollm3");
}

}  // namespace
}  // namespace sluice::vlm::models
