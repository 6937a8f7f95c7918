#include "app/huggingface/listing.h"

#include <gmock/gmock.h>

#include "app/huggingface/choose_files.h"
#include "app/huggingface/limits.h"

namespace sluice::app::huggingface {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kCommit(40, 'c');
const std::string kSmall(40, 'a');
const std::string kLarge(64, 'b');

std::string small_file(const std::string& path, const std::string& size = "3") {
  return R"({"rfilename":")" + path + R"(","size":)" + size + R"(,"blobId":")" + kSmall + "\"}";
}
std::string large_file(const std::string& path) {
  return R"({"rfilename":")" + path + R"(","size":9,"blobId":")" + kSmall + R"(","lfs":{"sha256":")" +
         kLarge + R"(","size":9,"pointerSize":130}})";
}
std::string listing_of(const std::string& files, const std::string& more = "") {
  return R"({"sha":")" + kCommit + "\"," + more + R"("siblings":[)" + files + "]}";
}

TEST(app_huggingface_listing, reads_files_hashes_and_licence) {
  const auto listing =
      parse_listing(listing_of(small_file("config.json") + "," + large_file("model.safetensors"),
                               R"("gated":"manual","tags":["x","license:mit"],)"),
                    "hub");
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->commit, kCommit);
  EXPECT_EQ(listing->licence, "mit");
  EXPECT_TRUE(listing->gated);
  ASSERT_EQ(listing->files.size(), 2U);
  EXPECT_EQ(listing->files[0].hash, kSmall);
  EXPECT_EQ(listing->files[1].hash, kLarge);
  EXPECT_EQ(listing->files[1].bytes, 9U);
}

TEST(app_huggingface_listing, the_card_names_the_licence_before_the_tags) {
  const auto listing = parse_listing(
      listing_of("", R"("gated":false,"cardData":{"license":"apache-2.0"},"tags":["license:mit"],)"), "hub");
  EXPECT_EQ(listing->licence, "apache-2.0");
  EXPECT_FALSE(listing->gated);
}

TEST(app_huggingface_listing, bounds_sizes_and_counts) {
  EXPECT_TRUE(parse_listing(listing_of(small_file("a", std::to_string(kFileBytesMax))), "hub"));
  EXPECT_FALSE(parse_listing(listing_of(small_file("a", std::to_string(kFileBytesMax + 1))), "hub"));
  std::string files;
  for (std::size_t i = 0; i < kFilesMax; ++i) files += small_file("f" + std::to_string(i)) + ",";
  files.pop_back();
  EXPECT_TRUE(parse_listing(listing_of(files), "hub"));
  EXPECT_FALSE(parse_listing(listing_of(files + "," + small_file("one-more")), "hub"));
}

TEST(app_huggingface_listing, every_refusal_names_its_origin) {
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"), listing_of("1"),
                                  listing_of(small_file("../x")), listing_of(small_file("a", "\"3\""))}) {
    const auto listing = parse_listing(text, "the-hub");
    ASSERT_FALSE(listing) << text;
    EXPECT_THAT(listing.error().message, HasSubstr("the-hub"));
  }
}

TEST(app_huggingface_listing, sharded_weights_are_all_chosen_and_nothing_else) {
  const auto listing = parse_listing(
      listing_of(small_file("config.json") + "," + small_file("model.safetensors.index.json") + "," +
                 large_file("model-00001-of-00002.safetensors") + "," +
                 large_file("model-00002-of-00002.safetensors") + "," + large_file("onnx/model.safetensors") +
                 "," + large_file("pytorch_model.bin") + "," + small_file("tokenizer.json")),
      "hub");
  ASSERT_TRUE(listing);
  const auto choice = choose_files(*listing, "o/n", "");
  ASSERT_TRUE(choice);
  std::vector<std::string> paths;
  for (const RemoteFile& file : choice->files) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre("config.json", "tokenizer.json", "model.safetensors.index.json",
                                 "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
}

TEST(app_huggingface_listing, a_gguf_file_in_pieces_is_not_chosen) {
  const auto listing = parse_listing(listing_of(large_file("m-Q8_0-00001-of-00002.gguf")), "hub");
  const auto choice = choose_files(*listing, "o/n", "Q8_0");
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, base::ErrorCode::not_found);
}

TEST(app_huggingface_listing, reads_the_number_format_of_a_name) {
  EXPECT_EQ(quant_of("SmolVLM-500M-Instruct-Q4_K_M.gguf"), "Q4_K_M");
  EXPECT_EQ(quant_of("smol.q8_0.gguf"), "Q8_0");
  EXPECT_EQ(quant_of("mmproj-x-f16.gguf"), "F16");
  EXPECT_EQ(quant_of("x-IQ4_XS.gguf"), "IQ4_XS");
  EXPECT_EQ(quant_of("Qwen.gguf"), "");
  EXPECT_EQ(quant_of("x-Q8_0.bin"), "");
}

}  // namespace
}  // namespace sluice::app::huggingface
