#include "app/device/model_store.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "app/device/limits.h"
#include "vlm/models/tiny_llama.h"

namespace sluice::app::device {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class app_device_model_store : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("sluice-store-" + std::to_string(getpid()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path put(const std::string& path, std::uint64_t seed = 1) {
    const fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << vlm::models::TinyLlama{.seed = seed, .layers = 1}.build();
    return file;
  }
  ModelStore store(const fs::path& single = {}) const {
    return ModelStore(
        {.single_file = single, .models_folder = root_ / "models", .hugging_face_cache = root_ / "hub"});
  }
  static std::vector<std::string> ids(const ModelStore& store) {
    std::vector<std::string> out;
    for (const StoredModel& model : store.list()) out.push_back(model.id);
    return out;
  }

  fs::path root_;
};

TEST_F(app_device_model_store, names_models_after_their_folders) {
  put("models/org/name/file.gguf");
  put("models/org/two/a-Q4_1.gguf");
  put("models/org/two/a-Q8_0.gguf");
  put("models/org/two/readme.txt");
  put("models/alone.gguf");
  put("models/org/stray.gguf");
  EXPECT_THAT(ids(store()), ElementsAre("alone", "org/name", "org/two:Q4_1", "org/two:Q8_0"));
  put("models/org/two/b-Q8_0.gguf");
  EXPECT_THAT(ids(store()),
              ElementsAre("alone", "org/name", "org/two:Q4_1", "org/two:a-Q8_0", "org/two:b-Q8_0"));
}

TEST_F(app_device_model_store, finds_what_the_hugging_face_cache_holds) {
  put("hub/models--org--name/snapshots/abc/old.gguf");
  put("hub/models--org--name/snapshots/def/new.gguf");
  fs::create_directories(root_ / "hub/models--org--name/refs");
  std::ofstream(root_ / "hub/models--org--name/refs/main") << "def\n";
  put("hub/models--org--other--part/snapshots/abc/x.gguf");
  put("hub/datasets--org--data/snapshots/abc/x.gguf");
  const auto models = store().list();
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].id, "org/name");
  EXPECT_EQ(models[0].file.filename(), "new.gguf");
  EXPECT_EQ(models[0].place, "Hugging Face cache");
  EXPECT_EQ(models[1].id, "org/other--part");
}

TEST_F(app_device_model_store, a_commit_cannot_lead_out_of_the_cache) {
  put("hub/models--org--name/snapshots/abc/file.gguf");
  put("elsewhere/file.gguf");
  fs::create_directories(root_ / "hub/models--org--name/refs");
  std::ofstream(root_ / "hub/models--org--name/refs/main") << "../../../elsewhere";
  ASSERT_EQ(store().list().size(), 1U);
  EXPECT_THAT(store().list()[0].file.string(), HasSubstr("snapshots/abc"));
}

TEST_F(app_device_model_store, the_first_place_wins) {
  put("models/org/name/file.gguf");
  put("hub/models--org--name/snapshots/abc/other.gguf");
  EXPECT_EQ(store().list()[0].place, "models folder");
}

TEST_F(app_device_model_store, a_single_file_is_served_under_its_own_name_or_that_of_its_folder) {
  const fs::path single = put("somewhere/My-Model.gguf");
  EXPECT_THAT(ids(store(single)), ElementsAre("My-Model"));
  EXPECT_EQ(store(single).list()[0].place, "SLUICE_MODEL");
  const fs::path inside = put("models/org/name/file.gguf");
  EXPECT_THAT(ids(store(inside)), ElementsAre("org/name"));
}

TEST_F(app_device_model_store, finds_by_id_or_path) {
  const fs::path file = put("models/org/name/file.gguf");
  EXPECT_EQ(store().find("org/name")->file, file);
  EXPECT_EQ(store().find(file.string())->id, "file");
}

TEST_F(app_device_model_store, finds_what_pull_has_named) {
  put("hub/models--org--one/snapshots/abc/x-Q8_0.gguf");
  EXPECT_EQ(store().find("org/one:q8_0")->file.filename(), "x-Q8_0.gguf");
  EXPECT_FALSE(store().find("org/one:Q4_K_M"));
  put("hub/models--org--one/snapshots/def/y.gguf");
  fs::create_directories(root_ / "hub/models--org--one/refs");
  std::ofstream(root_ / "hub/models--org--one/refs/main") << "abc";
  std::ofstream(root_ / "hub/models--org--one/refs/v2") << "def";
  EXPECT_EQ(store().find("org/one@v2")->file.filename(), "y.gguf");
  EXPECT_EQ(store().find("org/one@def")->file.filename(), "y.gguf");
  EXPECT_EQ(store().find("org/one@main")->id, "org/one@main");
  EXPECT_FALSE(store().find("org/one@v3"));
  put("elsewhere/z.gguf");
  std::ofstream(root_ / "hub/models--org--one/refs/v4") << "../../../elsewhere";
  EXPECT_FALSE(store().find("org/one@v4"));
  EXPECT_FALSE(store().find("org/one@../../../elsewhere"));
}

TEST_F(app_device_model_store, an_unknown_id_is_told_with_near_names_and_places) {
  const auto nothing = store().find("org/name");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, base::ErrorCode::not_found);
  EXPECT_THAT(nothing.error().message, HasSubstr((root_ / "models").string()));
  put("models/org/SmolLM2-135M/file.gguf");
  EXPECT_EQ(store().find("org/SmolLM2-136M").error().message,
            "no model org/SmolLM2-136M on this machine: did you mean org/SmolLM2-135M");
  EXPECT_EQ(store().find("xyz").error().message, "no model xyz on this machine: there are org/SmolLM2-135M");
}

TEST_F(app_device_model_store, loads_once_and_keeps_the_latest) {
  ModelStore models = store();
  put("models/org/a/file.gguf", 1);
  put("models/org/b/file.gguf", 2);
  put("models/org/c/file.gguf", 3);
  EXPECT_EQ(models.loaded("org/a"), nullptr);
  const auto a = *models.load(*models.find("org/a"));
  EXPECT_EQ(*models.load(*models.find("org/a")), a);
  EXPECT_EQ(models.loaded("org/a"), a);
  static_assert(kModelsKept == 2);
  std::weak_ptr<const vlm::generation::LanguageModel> b = *models.load(*models.find("org/b"));
  EXPECT_FALSE(b.expired());  // the store keeps it
  EXPECT_TRUE(models.load(*models.find("org/c")));
  EXPECT_NE(models.loaded("org/b"), nullptr);
  EXPECT_NE(models.loaded("org/a"), nullptr);  // forgotten by the store, alive with us
  EXPECT_TRUE(models.load(*models.find("org/a")));
  EXPECT_TRUE(models.load(*models.find("org/c")));
  EXPECT_TRUE(b.expired());
}

TEST_F(app_device_model_store, two_at_once_share_one_loading) {
  ModelStore models = store();
  put("models/org/a/file.gguf");
  const StoredModel model = *models.find("org/a");
  std::vector<ModelStore::LoadedModel> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& slot : got) threads.emplace_back([&] { slot = *models.load(model); });
  }
  for (const auto& slot : got) EXPECT_EQ(slot, got[0]);
}

TEST_F(app_device_model_store, a_broken_file_is_an_error_that_names_it) {
  const fs::path file = put("models/org/a/file.gguf");
  fs::resize_file(file, fs::file_size(file) / 2);
  ModelStore models = store();
  const auto broken = models.load(*models.find("org/a"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, base::ErrorCode::corrupt_data);
  EXPECT_THAT(broken.error().message, HasSubstr("file.gguf: tensor "));
  EXPECT_EQ(models.loaded("org/a"), nullptr);
}

TEST_F(app_device_model_store, looks_where_the_environment_says) {
  const auto set = [](const char* name, const char* value) { setenv(name, value, 1); };
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  for (const char* name : {"SLUICE_MODEL", "XDG_DATA_HOME", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
    unsetenv(name);
  set("HOME", "/h");
  EXPECT_EQ(model_places_from_environment().models_folder, "/h/.local/share/sluice/models");
  EXPECT_EQ(model_places_from_environment().hugging_face_cache, "/h/.cache/huggingface/hub");
  set("XDG_DATA_HOME", "/d");
  set("XDG_CACHE_HOME", "/c");
  EXPECT_EQ(model_places_from_environment().models_folder, "/d/sluice/models");
  EXPECT_EQ(model_places_from_environment().hugging_face_cache, "/c/huggingface/hub");
  set("HF_HOME", "/hf");
  EXPECT_EQ(model_places_from_environment().hugging_face_cache, "/hf/hub");
  set("HF_HUB_CACHE", "/hub");
  set("SLUICE_MODEL", "/m.gguf");
  EXPECT_EQ(model_places_from_environment().hugging_face_cache, "/hub");
  EXPECT_EQ(model_places_from_environment().single_file, "/m.gguf");
  for (const char* name : {"SLUICE_MODEL", "XDG_DATA_HOME", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
    unsetenv(name);
  set("HOME", home.c_str());
}

TEST_F(app_device_model_store, a_checkpoint_folder_is_one_model_and_an_mmproj_file_none) {
  put("models/org/pair/text-Q8_0.gguf");
  put("models/org/pair/mmproj-text-f16.gguf");
  const fs::path golden = fs::path(SLUICE_SOURCE_DIR) / "tests/golden/smolvlm/llama";
  fs::create_directories(root_ / "models/org");
  fs::copy(golden, root_ / "models/org/seeing");
  fs::create_directories(root_ / "models/org/no-weights");
  fs::copy(golden / "config.json", root_ / "models/org/no-weights/config.json");
  EXPECT_THAT(ids(store()), ElementsAre("org/pair", "org/seeing"));
  const auto found = store().find("org/seeing");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file_bytes, fs::file_size(golden / "model.safetensors"));
  ModelStore loading = store();
  const auto model = loading.load(*found);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE((*model)->eyes.has_value());
  EXPECT_EQ(store().find(golden.string())->id, "llama");  // by its path
}

// A file beside one named "mmproj" is taken to see: what is in it shows when it is loaded.
TEST_F(app_device_model_store, the_shipped_reader_answers_where_the_user_has_no_model_that_sees) {
  const auto with_reader = [&] {
    return ModelStore({.single_file = {},
                       .models_folder = root_ / "models",
                       .hugging_face_cache = root_ / "hub",
                       .shipped = root_ / "reader"});
  };
  put("models/blind.gguf");
  EXPECT_THAT(with_reader().find_seeing().error().message, HasSubstr("sluice pull"));
  put("reader/reader.gguf");
  put("reader/mmproj-reader.gguf");
  EXPECT_THAT(ids(with_reader()), ElementsAre("blind", "sluice/reader"));
  EXPECT_EQ(with_reader().find_seeing()->id, kReaderId);
  EXPECT_EQ(with_reader().find("sluice/reader")->place, "with sluice");
  put("models/zoo/own/model.gguf");
  put("models/zoo/own/mmproj-model.gguf");
  EXPECT_EQ(with_reader().find_seeing()->id, "zoo/own");
}

TEST_F(app_device_model_store, the_reader_lies_beside_an_installed_program_or_in_the_checkout) {
  EXPECT_EQ(shipped_reader_of(root_ / "usr/bin/sluice"), "");
  EXPECT_EQ(shipped_reader_of(""), "");
  fs::create_directories(root_ / "usr/share/sluice/models/reader");
  fs::create_directories(root_ / "checkout/models/reader");
  EXPECT_EQ(shipped_reader_of(root_ / "usr/bin/sluice"), root_ / "usr/share/sluice/models/reader");
  EXPECT_EQ(shipped_reader_of(root_ / "checkout/build/release/bin/sluice"), root_ / "checkout/models/reader");
  fs::create_directories(root_ / "models/reader");  // four levels up is nobody's checkout
  EXPECT_EQ(shipped_reader_of(root_ / "a/b/c/d/sluice"), "");
}

}  // namespace
}  // namespace sluice::app::device
