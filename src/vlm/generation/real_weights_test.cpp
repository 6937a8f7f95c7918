// SmolLM2-135M-Instruct beside llama.cpp: logits and perplexity against tests/golden. Needs the real file:
// SLUICE_TEST_GGUF names it; without it these tests say that they are skipped, or fail when
// SLUICE_REQUIRE_MODEL=1. A few prompts run by default; SLUICE_TEST_FULL=1 (tools/prove logits) runs all of
// it.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "vlm/formats/gguf.h"
#include "vlm/formats/gguf_builder.h"
#include "vlm/kernels/format.h"
#include "vlm/models/model.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::generation {
namespace {

using models::KvView;
using models::Model;
using models::Row;
using models::Workspace;

// Rounding activations to 8 bits costs us about what it costs llama.cpp, whose own error stands beside every
// golden row (0.266 of a logit, root mean square). A gap of `kErrors` times the measured error cannot come
// from rounding.
constexpr double kCosineMin = 0.999;     // of all rows together
constexpr double kPeerErrorsMax = 1.25;  // our error as a multiple of the peer's
constexpr double kErrors = 4;
// The same weights as f32, where nothing is rounded but keys and values (to f16): the architecture itself.
constexpr double kExactCosineMin = 0.9999;  // of each row
constexpr double kExactErrorMax = 0.05;
constexpr double kPerplexityTolerance = 0.005;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && std::string_view(value) == "1";
}

struct RealModel {
  std::shared_ptr<const formats::TensorFile> file;
  std::unique_ptr<const Model> model;
  tensor::ThreadPool pool{tensor::default_threads()};
  std::unique_ptr<Workspace> workspace;
};

class vlm_generation_real_weights : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
    GTEST_SKIP() << "SKIPPED: arithmetic is not what ThreadSanitizer looks at, and takes minutes under it";
#endif
    const char* path = std::getenv("SLUICE_TEST_GGUF");
    if (path == nullptr || *path == '\0') {
      if (is_set("SLUICE_REQUIRE_MODEL")) FAIL() << "SLUICE_TEST_GGUF is not set and SLUICE_REQUIRE_MODEL=1";
      GTEST_SKIP() << "SKIPPED: SLUICE_TEST_GGUF names no SmolLM2-135M-Instruct.Q4_1.gguf";
    }
    load(path);
  }

  void load(const std::filesystem::path& path) {
    real_.model.reset();
    auto mapped = formats::load_gguf(path);
    ASSERT_TRUE(mapped) << mapped.error().message;
    real_.file = std::make_shared<const formats::TensorFile>(*std::move(mapped));
    auto model = models::load_model(real_.file, real_.pool);
    ASSERT_TRUE(model) << model.error().message;
    real_.model = *std::move(model);
    auto workspace = real_.model->make_workspace(512, kLogitRows, real_.pool.threads());
    ASSERT_TRUE(workspace) << workspace.error().message;
    real_.workspace = *std::move(workspace);
  }

  // Runs `tokens` from position 0; calls `see(position, logits)` for every row that `wants` names.
  template <typename Wants, typename See>
  void run(const std::vector<std::int32_t>& tokens, Wants wants, See see) {
    std::vector<std::uint16_t> cache(tokens.size() * KvView::halves_per_position(real_.model->shape()));
    const KvView kv{.data = cache.data(), .capacity = tokens.size()};
    std::vector<Row> rows;
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      rows.push_back({.token = tokens[i],
                      .position = static_cast<std::uint32_t>(i),
                      .kv = kv,
                      .wants_logits = wants(i)});
      if (rows.back().wants_logits) wanted.push_back(i);
      if (i + 1 < tokens.size() && wanted.size() < kLogitRows && rows.size() < 512) continue;
      real_.model->forward(rows, *real_.workspace, real_.pool);
      for (std::size_t j = 0; j < wanted.size(); ++j) see(wanted[j], real_.workspace->logits(j));
      rows.clear();
      wanted.clear();
    }
  }

  std::vector<std::pair<struct GoldenRow, struct Comparison>> compare_all();

  static constexpr std::size_t kLogitRows = 64;
  RealModel real_;
};

std::string golden(std::string_view name) {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/tests/golden/" + std::string(name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// One `row` line of tests/golden/logits.txt; its README says what stands where.
struct GoldenRow {
  std::size_t position = 0;
  double norm = 0;
  double log_sum_exp = 0;
  // The eight largest in falling order, then the sampled ones.
  std::vector<std::pair<std::size_t, double>> logits = {};
  double peer_error = 0;  // of the peer's usual run, root mean square

  double gap() const { return logits[0].second - logits[1].second; }
};
struct GoldenPrompt {
  std::vector<std::int32_t> tokens;
  std::vector<GoldenRow> rows;
};

std::vector<GoldenPrompt> read_golden_logits() {
  std::istringstream lines(golden("logits.txt"));
  std::vector<GoldenPrompt> prompts;
  std::vector<std::size_t> sampled;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "sampled") {
      for (std::size_t id = 0; words >> id;) sampled.push_back(id);
    } else if (word == "prompt") {
      GoldenPrompt& prompt = prompts.emplace_back();
      words >> word;
      for (std::int32_t id = 0; words >> id;) prompt.tokens.push_back(id);
    } else if (word == "row") {
      GoldenRow& row = prompts.back().rows.emplace_back();
      words >> row.position >> row.norm >> row.log_sum_exp;
      while (words >> word && word != "|") {
        const std::size_t colon = word.find(':');
        row.logits.emplace_back(std::stoul(word.substr(0, colon)), std::stod(word.substr(colon + 1)));
      }
      double logit = 0;
      for (std::size_t i = 0; words >> logit; ++i) row.logits.emplace_back(sampled.at(i), logit);
    } else if (word == "peer") {
      words >> prompts.back().rows.back().peer_error;
    }
  }
  return prompts;
}

struct Comparison {
  double ab = 0;  // sums over the values that the golden row holds
  double aa = 0;
  double bb = 0;
  double squares = 0;  // of differences
  std::size_t values = 0;
  std::size_t largest = 0;  // our arg-max

  double cosine() const { return ab / std::sqrt(aa * bb); }
};

Comparison compare(const GoldenRow& row, std::span<const float> logits) {
  Comparison c;
  for (const auto& [id, theirs] : row.logits) {
    const auto ours = static_cast<double>(logits[id]);
    c.ab += ours * theirs;
    c.aa += ours * ours;
    c.bb += theirs * theirs;
    c.squares += (ours - theirs) * (ours - theirs);
    ++c.values;
  }
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > logits[c.largest]) c.largest = i;
  }
  return c;
}

std::vector<std::pair<GoldenRow, Comparison>> vlm_generation_real_weights::compare_all() {
  std::vector<std::pair<GoldenRow, Comparison>> rows;
  for (const GoldenPrompt& prompt : read_golden_logits()) {
    auto next = prompt.rows.begin();
    run(
        prompt.tokens,
        [&](std::size_t position) {
          return std::ranges::find(prompt.rows, position, &GoldenRow::position) != prompt.rows.end();
        },
        [&](std::size_t, std::span<const float> logits) {
          rows.emplace_back(*next, compare(*next, logits));
          ++next;
        });
    EXPECT_EQ(next, prompt.rows.end());
  }
  return rows;
}

// What all rows say together.
struct Verdict {
  Comparison all;
  double error = 0;
  double peer_error = 0;
  double cosine_min = 1;
  std::size_t rows = 0;
  std::size_t equal = 0;  // arg-max as in the golden row
  std::size_t sure = 0;   // rows whose gap exceeds kErrors errors
  std::size_t wrong = 0;  // of those, other arg-max
};

Verdict judge(const std::vector<std::pair<GoldenRow, Comparison>>& rows) {
  Verdict v;
  v.rows = rows.size();
  double peer_squares = 0;
  for (const auto& [row, c] : rows) {
    v.all.ab += c.ab;
    v.all.aa += c.aa;
    v.all.bb += c.bb;
    v.all.squares += c.squares;
    v.all.values += c.values;
    peer_squares += row.peer_error * row.peer_error;
    v.cosine_min = std::min(v.cosine_min, c.cosine());
  }
  v.error = std::sqrt(v.all.squares / static_cast<double>(v.all.values));
  v.peer_error = std::sqrt(peer_squares / static_cast<double>(rows.size()));
  for (const auto& [row, c] : rows) {
    const bool same = c.largest == row.logits[0].first;
    const bool sure = row.gap() > kErrors * v.error;
    v.equal += same ? 1 : 0;
    v.sure += sure ? 1 : 0;
    v.wrong += sure && !same ? 1 : 0;
  }
  fmt::print(
      "{} rows: cosine {:.6f} (least {:.6f}), root mean square error {:.4f} (peer {:.4f}), arg-max equal in "
      "{}, "
      "other in {} of {} with a gap over {} errors\n",
      v.rows, v.all.cosine(), v.cosine_min, v.error, v.peer_error, v.equal, v.wrong, v.sure, kErrors);
  return v;
}

TEST_F(vlm_generation_real_weights, logits_are_as_good_as_those_of_llama_cpp) {
  const Verdict v = judge(compare_all());
  EXPECT_EQ(v.rows, 300U);
  EXPECT_GE(v.all.cosine(), kCosineMin);
  EXPECT_LE(v.error, kPeerErrorsMax * v.peer_error);
  EXPECT_EQ(v.wrong, 0U);
}

// [f32, one tensor] of everything in `file`, with the hyper-parameters a Llama needs.
std::string as_f32(const formats::TensorFile& file) {
  formats::GgufBuilder out;
  out.text("general.architecture", "llama");
  for (const formats::Metadata::Entry& entry : file.metadata().entries())
    if (entry.key.starts_with("llama.")) {
      if (const auto* number = std::get_if<std::uint64_t>(&entry.value))
        out.number(entry.key, static_cast<std::uint32_t>(*number));
      if (const auto* real = std::get_if<double>(&entry.value))
        out.real(entry.key, static_cast<float>(*real));
    }
  for (const formats::TensorFile::Tensor& tensor : file.tensors()) {
    const tensor::View& view = tensor.view;
    std::vector<float> values(view.shape().elements());
    for (std::size_t row = 0; row < view.rows(); ++row)
      kernels::dequantise_row(view, row, std::span(values).subspan(row * view.columns(), view.columns()));
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    if (view.shape().rank() == 1)
      out.tensor(tensor.name, {view.columns()}, 0, bytes);
    else
      out.tensor(tensor.name, {view.columns(), view.rows()}, 0, bytes);
  }
  return out.build();
}

TEST_F(vlm_generation_real_weights, in_f32_the_logits_are_those_of_llama_cpp) {
  if (!is_set("SLUICE_TEST_FULL")) GTEST_SKIP() << "SKIPPED: SLUICE_TEST_FULL=1 runs it";
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sluice-f32-{}.gguf", getpid());
  std::ofstream(path, std::ios::binary) << as_f32(*real_.file);
  load(path);
  std::filesystem::remove(path);
  const Verdict v = judge(compare_all());
  EXPECT_GE(v.cosine_min, kExactCosineMin);
  EXPECT_LE(v.error, kExactErrorMax);
  EXPECT_EQ(v.wrong, 0U);
}

TEST_F(vlm_generation_real_weights, perplexity_is_that_of_llama_cpp) {
  if (!is_set("SLUICE_TEST_FULL")) GTEST_SKIP() << "SKIPPED: SLUICE_TEST_FULL=1 runs it";
  std::string text;
  for (const char* name : {"GPL-2", "Artistic", "MPL-1.1"}) {
    std::ifstream file(std::string("/usr/share/common-licenses/") + name);
    std::stringstream content;
    content << file.rdbuf();
    text += content.str();
  }
  const std::string expected = golden("perplexity.json");
  const auto number = [&](std::string_view key) {
    return std::stod(expected.substr(expected.find(fmt::format("\"{}\":", key)) + key.size() + 3));
  };
  const auto tokenizer = tokenizer::Tokenizer::from_gguf(real_.file->metadata());
  ASSERT_TRUE(tokenizer);
  std::vector<std::int32_t> ids = *tokenizer->encode(text);
  const auto total = static_cast<std::size_t>(number("tokens"));
  const auto chunk = static_cast<std::size_t>(number("chunk"));
  ASSERT_GE(ids.size(), total) << "the licences of this machine are others";
  double nll = 0;
  std::size_t scored = 0;
  for (std::size_t begin = 0; begin < total; begin += chunk) {
    const std::vector<std::int32_t> tokens(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                           ids.begin() + static_cast<std::ptrdiff_t>(begin + chunk));
    run(
        tokens, [&](std::size_t position) { return position + 1 < chunk; },
        [&](std::size_t position, std::span<const float> logits) {
          const auto largest = static_cast<double>(*std::ranges::max_element(logits));
          double sum = 0;
          for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
          nll += largest + std::log(sum) -
                 static_cast<double>(logits[static_cast<std::size_t>(tokens[position + 1])]);
          ++scored;
        });
  }
  EXPECT_EQ(scored, static_cast<std::size_t>(number("scored")));
  const double perplexity = std::exp(nll / static_cast<double>(scored));
  fmt::print("perplexity {:.4f}, llama.cpp {:.4f}\n", perplexity, number("perplexity"));
  EXPECT_NEAR(perplexity / number("perplexity"), 1, kPerplexityTolerance);
}

}  // namespace
}  // namespace sluice::vlm::generation
