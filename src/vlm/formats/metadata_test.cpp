#include "vlm/formats/metadata.h"

#include <gtest/gtest.h>

namespace sluice::vlm::formats {
namespace {

Metadata sample() {
  std::vector<Metadata::Entry> entries;
  entries.push_back({"count", std::uint64_t{7}});
  entries.push_back({"signed", std::int64_t{9}});
  entries.push_back({"negative", std::int64_t{-1}});
  entries.push_back({"theta", 1e5});
  entries.push_back({"flag", true});
  entries.push_back({"name", std::string_view("llama")});
  entries.push_back({"words", std::vector<std::string_view>{"a", "b"}});
  entries.push_back({"ids", std::vector<std::uint64_t>{1, 2}});
  entries.push_back({"large", std::vector<std::uint64_t>{~0ULL}});
  entries.push_back({"scores", std::vector<double>{0.5}});
  return {"model.gguf", std::move(entries)};
}

TEST(vlm_formats_metadata, getters_widen_without_loss) {
  const Metadata metadata = sample();
  EXPECT_EQ(metadata.unsigned_integer("count"), 7U);
  EXPECT_EQ(metadata.unsigned_integer("signed"), 9U);
  EXPECT_EQ(metadata.real("theta"), 1e5);
  EXPECT_EQ(metadata.real("count"), 7.0);
  EXPECT_EQ(metadata.boolean("flag"), true);
  EXPECT_EQ(metadata.text("name"), "llama");
  EXPECT_EQ(metadata.texts("words")->back(), "b");
  EXPECT_EQ(metadata.integers("ids"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(metadata.reals("scores"), std::vector<float>{0.5F});
  EXPECT_EQ(metadata.entries().size(), 10U);
  EXPECT_TRUE(metadata.contains("flag"));
}

TEST(vlm_formats_metadata, errors_name_file_key_expected_and_found) {
  const Metadata metadata = sample();
  EXPECT_EQ(metadata.unsigned_integer("name").error().message,
            "model.gguf: key name: expected an unsigned integer, found string");
  EXPECT_EQ(metadata.unsigned_integer("negative").error().message,
            "model.gguf: key negative: expected an unsigned integer, found -1");
  EXPECT_EQ(metadata.unsigned_integer("gone").error().message,
            "model.gguf: key gone: expected an unsigned integer, the key is missing");
  EXPECT_EQ(metadata.text("words").error().message,
            "model.gguf: key words: expected a string, found array of string");
  EXPECT_EQ(metadata.texts("ids").error().message,
            "model.gguf: key ids: expected an array of string, found array of unsigned integer");
  EXPECT_EQ(metadata.integers("large").error().message,
            "model.gguf: key large: expected signed 64-bit integers, found 18446744073709551615");
  EXPECT_EQ(metadata.boolean("count").error().message,
            "model.gguf: key count: expected a boolean, found unsigned integer");
}

TEST(vlm_formats_metadata, a_fallback_serves_absence_only) {
  const Metadata metadata = sample();
  EXPECT_EQ(metadata.unsigned_integer_or("gone", 3), 3U);
  EXPECT_EQ(metadata.real_or("gone", 0.5), 0.5);
  EXPECT_EQ(metadata.boolean_or("gone", true), true);
  EXPECT_EQ(metadata.text_or("gone", "x"), "x");
  EXPECT_EQ(metadata.unsigned_integer_or("count", 3), 7U);
  EXPECT_FALSE(metadata.unsigned_integer_or("name", 3));
  EXPECT_FALSE(metadata.boolean_or("name", true));
}

}  // namespace
}  // namespace sluice::vlm::formats
