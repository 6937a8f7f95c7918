#include "vlm/formats/huggingface.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "vlm/formats/huggingface/tensor_names.h"

namespace sluice::vlm::formats {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A copy of the tiny checkpoint whose files a test may spoil.
class Copy {
 public:
  explicit Copy(const std::string& kind = "llama")
      : path_(fs::temp_directory_path() / ("sluice-hf-" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::copy(fs::path(SLUICE_SOURCE_DIR) / "tests/golden/smolvlm" / kind, path_);
  }
  ~Copy() { fs::remove_all(path_); }

  // Every `from` in a file becomes `to`; there must be one.
  Copy& edit(const std::string& name, std::string_view from, std::string_view to) {
    std::ifstream in(path_ / name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(text.find(from), std::string::npos) << from;
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
    return put(name, text);
  }
  Copy& put(const std::string& name, std::string_view text) {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this;
  }
  Copy& remove(const std::string& name) {
    fs::remove(path_ / name);
    return *this;
  }
  base::Result<Checkpoint> load() const { return load_huggingface(path_); }
  std::string refusal() const {
    const auto checkpoint = load();
    return checkpoint ? "(no error)" : checkpoint.error().message;
  }

 private:
  fs::path path_;
};

double theta_of(const Checkpoint& checkpoint) {
  return *checkpoint.text.metadata().real("llama.rope.freq_base");
}

TEST(vlm_formats_huggingface, speaks_of_a_checkpoint_as_gguf_does) {
  const Copy copy;
  const auto checkpoint = copy.load();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const Metadata& text = checkpoint->text.metadata();
  EXPECT_EQ(*text.text("general.architecture"), "llama");
  EXPECT_EQ(*text.unsigned_integer("llama.embedding_length"), 64U);
  EXPECT_EQ(*text.unsigned_integer("llama.attention.head_count_kv"), 2U);
  EXPECT_EQ(*text.text("llama.rope.layout"), "half");
  EXPECT_EQ(theta_of(*checkpoint), 130000);
  EXPECT_NE(checkpoint->text.find("blk.3.ffn_down.weight"), nullptr);
  EXPECT_NE(checkpoint->text.find("output.weight"), nullptr);
  EXPECT_EQ(checkpoint->text.find("v.post_ln.weight"), nullptr);
  ASSERT_TRUE(checkpoint->vision);
  const Metadata& vision = checkpoint->vision->metadata();
  EXPECT_EQ(*vision.unsigned_integer("clip.vision.projector.scale_factor"), 2U);
  EXPECT_EQ(*vision.unsigned_integer("clip.vision.preproc_image_size"), 128U);
  EXPECT_EQ(*vision.unsigned_integer("processor.tile"), 32U);
  EXPECT_NE(checkpoint->vision->find("v.patch_embd.weight"), nullptr);
  EXPECT_NE(checkpoint->vision->find("mm.model.fc.weight"), nullptr);
  EXPECT_EQ(checkpoint->vision->find("blk.0.attn_q.weight"), nullptr);
  EXPECT_THAT(checkpoint->chat_template, HasSubstr("<end_of_utterance>"));
}

TEST(vlm_formats_huggingface, generation_config_says_how_it_answers) {
  Copy copy;
  EXPECT_FALSE(copy.load()->generation);
  copy.put("generation_config.json", R"({"eos_token_id": 42, "pad_token_id": 128002})");
  EXPECT_EQ(copy.load()->generation->stop_ids, (std::vector<std::int32_t>{42}));
  EXPECT_FALSE(copy.load()->generation->samples);
  copy.put("generation_config.json",
           R"({"do_sample": true, "eos_token_id": [7, 8], "temperature": 0.6, "top_p": 0.95})");
  const auto generation = copy.load()->generation;
  EXPECT_EQ(generation->stop_ids, (std::vector<std::int32_t>{7, 8}));
  EXPECT_TRUE(generation->samples);
  EXPECT_EQ(generation->temperature, 0.6);
  EXPECT_EQ(generation->top_p, 0.95);
  EXPECT_EQ(generation->top_k, 50U);  // the reference's own default
  for (const auto& [text, message] :
       {std::pair{R"({"eos_token_id": -1})", "eos_token_id: expected a whole number"},
        std::pair{R"({"eos_token_id": [-1]})", "eos_token_id: expected ids from 0"},
        std::pair{R"({"temperature": "hot"})", "temperature: expected a number"},
        std::pair{R"({"temperature": 1e9})", "temperature: expected a number from 0 to 100"},
        std::pair{R"({"top_p": 0})", "top_p: expected a number from"},
        std::pair{R"({"top_k": 99999999999})", "top_k: expected at most"}}) {
    EXPECT_THAT(copy.put("generation_config.json", text).refusal(), HasSubstr(message)) << text;
  }
}

TEST(vlm_formats_huggingface, never_defaults_theta) {
  const std::string_view nested = R"("rope_theta": 130000.0)";
  EXPECT_THAT(Copy().edit("config.json", nested, R"("was": 1)").refusal(),
              HasSubstr("config.json: text_config.rope_theta: expected a number here or in rope_parameters"));
  Copy flat;
  flat.edit("config.json", nested, R"("was": 1)")
      .edit("config.json", R"("hidden_act": "silu")", R"("hidden_act": "silu", "rope_theta": 273768)");
  const auto checkpoint = flat.load();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(theta_of(*checkpoint), 273768);
}

TEST(vlm_formats_huggingface, fills_missing_fields_with_the_defaults_of_the_classes) {
  Copy copy;
  copy.edit("config.json", R"("hidden_size": 48,)", "")
      .edit("config.json", R"("layer_norm_eps": 1e-06,)", "");
  copy.edit("config.json", R"("scale_factor": 2,)", "").edit("config.json", R"("image_token_id": 308,)", "");
  const auto checkpoint = copy.load();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const Metadata& vision = checkpoint->vision->metadata();
  EXPECT_EQ(*vision.unsigned_integer("clip.vision.embedding_length"), 1152U);
  EXPECT_EQ(*vision.real("clip.vision.attention.layer_norm_epsilon"), 1e-6);
  EXPECT_EQ(*vision.unsigned_integer("clip.vision.projector.scale_factor"), 2U);
  EXPECT_EQ(*vision.unsigned_integer("processor.image_token_id"), 128257U);
}

TEST(vlm_formats_huggingface, finds_the_processor_in_either_file) {
  // The trap: without the right file tiling would silently be off.
  EXPECT_THAT(Copy().remove("preprocessor_config.json").refusal(),
              HasSubstr("expected preprocessor_config.json, or image_processor in processor_config.json"));
  Copy newer;
  newer.remove("preprocessor_config.json")
      .put("processor_config.json", R"({"image_seq_len": 4, "image_processor": {"do_image_splitting": false,
           "size": {"longest_edge": 96}, "max_image_size": {"longest_edge": 32}, "resample": 3}})");
  const auto checkpoint = newer.load();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const Metadata& vision = checkpoint->vision->metadata();
  EXPECT_EQ(*vision.unsigned_integer("clip.vision.preproc_image_size"), 96U);
  EXPECT_FALSE(*vision.boolean("processor.split"));
  EXPECT_EQ(*vision.unsigned_integer("processor.resample"), 3U);
  EXPECT_THAT(Copy().edit("preprocessor_config.json", "\"do_image_splitting\"", "\"other\"").refusal(),
              HasSubstr("do_image_splitting: expected true or false, it is missing"));
}

TEST(vlm_formats_huggingface, refuses_arithmetic_it_does_not_know) {
  EXPECT_THAT(Copy().edit("config.json", "\"silu\"", "\"relu\"").refusal(),
              HasSubstr("hidden_act: expected silu"));
  EXPECT_THAT(Copy().edit("config.json", "gelu_pytorch_tanh", "gelu").refusal(),
              HasSubstr("vision_config.hidden_act: expected gelu_pytorch_tanh, found gelu"));
  EXPECT_THAT(Copy().edit("config.json", R"("rope_type": "default")", R"("rope_type": "yarn")").refusal(),
              HasSubstr("rope_type: expected default, found yarn"));
  EXPECT_THAT(Copy().edit("config.json", R"("model_type": "llama")", R"("model_type": "mamba")").refusal(),
              HasSubstr("text_config.model_type: expected llama or smollm3, found mamba"));
  EXPECT_THAT(Copy().edit("config.json", R"("hidden_size": 64)", R"("hidden_size": "64")").refusal(),
              HasSubstr("text_config.hidden_size: expected a whole number"));
  EXPECT_THAT(Copy().put("config.json", "{").refusal(), HasSubstr("config.json: expected JSON"));
  EXPECT_THAT(Copy().remove("tokenizer.json").refusal(), HasSubstr("tokenizer.json: no such file"));
}

TEST(vlm_formats_huggingface, lists_the_layers_without_positions) {
  const Copy copy("smollm3");
  const auto checkpoint = copy.load();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->text.metadata().integers("smollm3.rope.layers"),
            (std::vector<std::int64_t>{1, 1, 1, 0}));
  EXPECT_EQ(checkpoint->text.find("output.weight"), nullptr);  // tied
}

TEST(vlm_formats_huggingface, knows_the_names_of_both_halves) {
  const auto name = [](std::string_view text) {
    const auto found = gguf_name_of(text);
    return found ? (found->vision ? "vision " : "text ") + found->name : std::string("none");
  };
  EXPECT_EQ(name("model.text_model.layers.12.self_attn.q_proj.weight"), "text blk.12.attn_q.weight");
  EXPECT_EQ(name("model.layers.0.mlp.up_proj.weight"), "text blk.0.ffn_up.weight");
  EXPECT_EQ(name("lm_head.weight"), "text output.weight");
  EXPECT_EQ(name("model.vision_model.encoder.layers.3.mlp.fc1.bias"), "vision v.blk.3.ffn_up.bias");
  EXPECT_EQ(name("model.connector.modality_projection.proj.weight"), "vision mm.model.fc.weight");
  for (const char* odd :
       {"", "model.", "model.layers.weight", "model.layers..mlp.up_proj.weight",
        "model.layers.1234567.mlp.up_proj.weight", "model.layers.1.q_norm.weight", "lora_A.weight"})
    EXPECT_EQ(name(odd), "none") << odd;
  EXPECT_TRUE(is_buffer("model.text_model.layers.0.self_attn.rotary_emb.inv_freq"));
}

}  // namespace
}  // namespace sluice::vlm::formats
