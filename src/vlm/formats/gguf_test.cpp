#include "vlm/formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/random.h"
#include "vlm/formats/gguf_builder.h"

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

base::Result<TensorFile> read(std::string_view bytes, const Limits& limits = {}) {
  auto mapping = Mapping::copy_of(std::as_bytes(std::span(bytes)));
  if (!mapping) return std::unexpected(mapping.error());
  return read_gguf("model.gguf", *std::move(mapping), limits);
}

std::string message_of(const base::Result<TensorFile>& file) {
  return file ? "(no error)" : file.error().message;
}

std::string floats(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) GgufBuilder::append(bytes, static_cast<float>(i));
  return bytes;
}

// One of everything, so that truncation and bit flips meet every branch of the reader.
GgufBuilder full_model() {
  GgufBuilder builder;
  const std::vector<std::string> words{"a", "", "long enough to matter"};
  const std::vector<std::int32_t> types{1, -3, 6};
  builder.text("general.architecture", "llama")
      .number("llama.block_count", 2)
      .real("llama.rope.freq_base", 1e5F)
      .boolean("tokenizer.ggml.add_bos_token", true)
      .texts("tokenizer.ggml.tokens", words)
      .integers("tokenizer.ggml.token_type", types)
      .raw("i8", 1, "\xff")
      .raw("u64", 10, std::string_view("\1\0\0\0\0\0\0\0", 8))
      .raw("f64", 12, std::string_view("\0\0\0\0\0\0\xf0\x3f", 8))
      .tensor("token_embd.weight", {8, 3}, 0, floats(24))
      .tensor("blk.0.attn_q.weight", {32, 2}, 3, std::string(40, '\x11'))
      .tensor("norm", {5}, 0, floats(5));
  return builder;
}

TEST(vlm_formats_gguf, reads_metadata_and_tensors_of_both_versions) {
  for (const std::uint32_t version : {2U, 3U}) {
    GgufBuilder builder = full_model();
    builder.version = version;
    const auto file = read(builder.build());
    ASSERT_TRUE(file) << message_of(file);
    EXPECT_EQ(file->name(), "model.gguf");
    EXPECT_EQ(file->metadata().text("general.architecture"), "llama");
    EXPECT_EQ(file->metadata().unsigned_integer("llama.block_count"), 2U);
    EXPECT_EQ(file->metadata().texts("tokenizer.ggml.tokens")->size(), 3U);
    EXPECT_EQ(file->metadata().integers("tokenizer.ggml.token_type"), (std::vector<std::int64_t>{1, -3, 6}));
    ASSERT_EQ(file->tensors().size(), 3U);
    const tensor::View* embedding = file->find("token_embd.weight");
    ASSERT_NE(embedding, nullptr);
    EXPECT_EQ(embedding->shape(), (tensor::Shape{3, 8}));  // turned: outermost first
    EXPECT_EQ(embedding->bytes().size(), 96U);
    EXPECT_EQ(std::to_integer<int>(embedding->bytes()[7]), 0x3f);  // the second float is 1
    EXPECT_EQ(file->find("blk.0.attn_q.weight")->dtype(), tensor::DType::q4_1);
    EXPECT_EQ(file->find("absent"), nullptr);
  }
}

TEST(vlm_formats_gguf, views_survive_a_move) {
  auto file = read(full_model().build());
  ASSERT_TRUE(file);
  const tensor::View before = *file->find("norm");
  const TensorFile moved = *std::move(file);
  EXPECT_EQ(moved.find("norm")->bytes().data(), before.bytes().data());
  EXPECT_EQ(moved.metadata().text("general.architecture"), "llama");
}

TEST(vlm_formats_gguf, require_names_expected_and_found) {
  const auto file = read(full_model().build());
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->require("norm", {5}));
  EXPECT_EQ(file->require("norm", {6}).error().message,
            "model.gguf: tensor norm: expected shape [6], found [5]");
  EXPECT_EQ(file->require("gone", {6, 2}).error().message,
            "model.gguf: tensor gone: expected shape [6, 2], the tensor is missing");
}

// Whatever prefix of a file is there: an error or (past the header, when no tensor is cut) a file.
TEST(vlm_formats_gguf, every_truncation_is_an_error) {
  const std::string whole = full_model().build();
  ASSERT_TRUE(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto file = read(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(file) << size << " of " << whole.size() << " bytes were accepted";
    EXPECT_EQ(file.error().code, ErrorCode::corrupt_data);
    EXPECT_THAT(file.error().message, testing::StartsWith("model.gguf: "));
  }
}

TEST(vlm_formats_gguf, ten_thousand_bit_flips_do_no_harm) {
  const std::string whole = full_model().build();
  base::Random random(20261122);
  int refused = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string bytes = whole;
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
      const std::uint64_t bit = random.below(bytes.size() * 8);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
    const auto file = read(bytes);
    if (!file) {
      ++refused;
      EXPECT_THAT(file.error().message, testing::StartsWith("model.gguf: "));
      continue;
    }
    // Accepted: then every byte it hands out can be read.
    unsigned sum = 0;
    for (const auto& tensor : file->tensors()) {
      for (const std::byte byte : tensor.view.bytes()) sum += std::to_integer<unsigned>(byte);
    }
    EXPECT_GE(sum, 0U);
  }
  EXPECT_GT(refused, 3'000);  // most of this file is header, and most of the header is checked
}

TEST(vlm_formats_gguf, a_short_tensor_is_named_with_expected_and_found) {
  GgufBuilder builder;
  builder.tensor_at("blk.3.attn_q.weight", {4096, 4096}, 0, 0);
  std::string bytes = builder.build();
  bytes.resize(bytes.size() + (1U << 20));
  EXPECT_EQ(message_of(read(bytes)),
            "model.gguf: tensor blk.3.attn_q.weight: expected 67108864 bytes, file ends after 1048576");
}

struct Lie {
  std::string name;
  std::string bytes;
  std::string message;  // a part of it
};

std::string with_bytes(std::string file, std::size_t offset, std::string_view bytes) {
  return file.replace(offset, bytes.size(), bytes);
}

std::vector<Lie> header_lies() {
  const std::string whole = full_model().build();
  const std::string huge(8, '\xff');
  return {
      {"magic", with_bytes(whole, 0, "GGML"), "header: expected the bytes \"GGUF\", found \"GGML\""},
      {"version_1", with_bytes(whole, 4, std::string_view("\1\0\0\0", 4)),
       "expected version 2 or 3, found 1"},
      {"big_endian", with_bytes(whole, 4, std::string_view("\0\0\0\3", 4)), "found a big-endian one"},
      {"tensor_count", with_bytes(whole, 8, huge),
       "expected at most 65536 tensors, found 18446744073709551615"},
      {"entry_count", with_bytes(whole, 16, huge), "expected at most 65536 metadata entries"},
      {"counts_beyond_the_file", with_bytes(whole, 8, std::string_view("\0\xff\0\0\0\0\0\0", 8)),
       "65280 tensors in at least"},
      {"key_length", with_bytes(whole, 24, huge), "metadata entry 0: expected a name of 1 to 1024 bytes"},
      {"value_type", GgufBuilder().raw("k", 13, "").build(),
       "key k: expected a value type from 0 to 12, found 13"},
      {"boolean", GgufBuilder().raw("k", 7, "\2").build(), "key k: expected a boolean of 0 or 1, found 2"},
      {"text_length", GgufBuilder().raw("k", 8, huge).build(),
       "key k: expected a string of at most 16777216 bytes"},
      {"nested_array", GgufBuilder().raw("k", 9, std::string_view("\x9\0\0\0\1\0\0\0\0\0\0\0", 12)).build(),
       "key k: expected a flat array, found an array of arrays"},
      {"array_type", GgufBuilder().raw("k", 9, std::string_view("\x63\0\0\0\1\0\0\0\0\0\0\0", 12)).build(),
       "key k: expected an array of value type 0 to 12, found 99"},
      {"array_length", GgufBuilder().raw("k", 9, std::string("\x8\0\0\0", 4) + huge).build(),
       "key k: expected an array of at most 16777216 values"},
      {"array_beyond_the_file",
       GgufBuilder().raw("k", 9, std::string_view("\x8\0\0\0\0\0\xff\0\0\0\0\0", 12)).build(),
       "key k: expected 16711680 strings, file ends after"},
      {"numbers_beyond_the_file",
       GgufBuilder().raw("k", 9, std::string_view("\x0c\0\0\0\0\0\xff\0\0\0\0\0", 12)).build(),
       "key k: expected 16711680 values of 8 bytes, file ends after"},
      {"key_twice", GgufBuilder().number("k", 1).number("k", 2).build(), "key k: expected once, found twice"},
      {"control_bytes_in_a_key", GgufBuilder().raw("k\n\x1b[2J", 13, "").build(), "key k??[2J: expected"},
      {"alignment_0", GgufBuilder().number("general.alignment", 0).build(),
       "key general.alignment: expected a power of two from 8 to 1048576, found 0"},
      {"alignment_odd", GgufBuilder().number("general.alignment", 33).build(), "found 33"},
      {"alignment_huge", GgufBuilder().number("general.alignment", 1U << 21).build(), "found 2097152"},
      {"alignment_text", GgufBuilder().text("general.alignment", "32").build(),
       "key general.alignment: expected an unsigned integer, found string"},
  };
}

std::vector<Lie> tensor_lies() {
  const std::string some = floats(16);
  const std::uint64_t large = 1ULL << 62;
  return {
      {"no_dimensions", GgufBuilder().tensor("t", {}, 0, some).build(),
       "tensor t: expected 1 to 4 dimensions, found 0"},
      {"five_dimensions", GgufBuilder().tensor("t", {1, 1, 1, 1, 1}, 0, some).build(),
       "1 to 4 dimensions, found 5"},
      {"zero_extent", GgufBuilder().tensor("t", {4, 0}, 0, some).build(), "tensor t: "},
      {"overflowing_extents", GgufBuilder().tensor("t", {large, large, large}, 0, some).build(),
       "tensor t: "},
      {"huge_extent", GgufBuilder().tensor("t", {~0ULL}, 0, some).build(), "tensor t: "},
      {"unknown_format", GgufBuilder().tensor("t", {4}, 77, some).build(),
       "tensor t: expected a known number format, found type 77"},
      {"unsupported_format", GgufBuilder().tensor("t", {256}, 16, some).build(),
       "tensor t: number format IQ2_XXS is not supported"},
      {"broken_block", GgufBuilder().tensor("t", {33}, 8, some).build(), "tensor t: "},
      {"tensor_twice", GgufBuilder().tensor("t", {4}, 0, some).tensor("t", {4}, 0, some).build(),
       "tensor t: expected once, found twice"},
      {"misaligned", GgufBuilder().tensor_at("t", {4}, 0, 4).tensor("u", {16}, 0, some).build(),
       "tensor t: expected an offset that is a multiple of 32, found 4"},
      {"offset_beyond", GgufBuilder().tensor_at("t", {4}, 0, 1ULL << 40).tensor("u", {16}, 0, some).build(),
       "tensor t: expected 16 bytes from offset 1099511627776 of the tensor data, which has only 64"},
      {"overlap", GgufBuilder().tensor("t", {16}, 0, some).tensor_at("u", {4}, 0, 32).build(),
       "tensor u: expected an offset of at least 64, found 32: overlaps tensor t"},
  };
}

TEST(vlm_formats_gguf, every_lie_is_named) {
  auto lies = header_lies();
  for (Lie& lie : tensor_lies()) lies.push_back(std::move(lie));
  for (const Lie& lie : lies) {
    const auto file = read(lie.bytes);
    ASSERT_FALSE(file) << lie.name;
    EXPECT_EQ(file.error().code, ErrorCode::corrupt_data) << lie.name;
    EXPECT_THAT(file.error().message, HasSubstr(lie.message)) << lie.name;
  }
}

TEST(vlm_formats_gguf, limits_hold_at_their_edge) {
  GgufBuilder builder;
  builder.text("a", "1234").number("b", 1).tensor("t", {1}, 0, floats(1));
  const std::string bytes = builder.build();
  EXPECT_TRUE(read(bytes, {.tensors = 1, .metadata_entries = 2, .text_bytes = 4}));
  EXPECT_THAT(message_of(read(bytes, {.tensors = 0})), HasSubstr("at most 0 tensors"));
  EXPECT_THAT(message_of(read(bytes, {.metadata_entries = 1})), HasSubstr("at most 1 metadata entries"));
  EXPECT_THAT(message_of(read(bytes, {.text_bytes = 3})),
              HasSubstr("key a: expected a string of at most 3 bytes"));

  const std::vector<std::int32_t> three{1, 2, 3};
  const std::string array = GgufBuilder().integers("k", three).build();
  EXPECT_TRUE(read(array, {.array_values = 3}));
  EXPECT_THAT(message_of(read(array, {.array_values = 2})),
              HasSubstr("key k: expected an array of at most 2 values"));

  const std::string longest(kNameBytesMax, 'n');
  EXPECT_TRUE(read(GgufBuilder().number(longest, 1).build()));
  EXPECT_THAT(message_of(read(GgufBuilder().number(longest + "n", 1).build())), HasSubstr("found 1025"));
  GgufBuilder widest;
  widest.alignment = kAlignmentBytesMax;
  widest.number("general.alignment", kAlignmentBytesMax).tensor("t", {1}, 0, floats(1));
  EXPECT_TRUE(read(widest.build()));
}

TEST(vlm_formats_gguf, fingerprint_covers_header_and_both_ends_of_a_tensor) {
  const std::string data(64 * 1024, '\x5a');
  const std::string whole = GgufBuilder().text("k", "v").tensor("t", {data.size() / 4}, 0, data).build();
  const auto print = [](const std::string& bytes) {
    const auto file = read(bytes);
    EXPECT_TRUE(file);
    return file->fingerprint();
  };
  const std::string original = print(whole);
  EXPECT_EQ(original.size(), 32U);
  EXPECT_EQ(original, print(whole));
  const std::size_t start = whole.size() - data.size();
  for (const std::size_t offset :
       {whole.find("v"), start, start + 4095, whole.size() - 4096, whole.size() - 1}) {
    EXPECT_NE(print(with_bytes(whole, offset, "w")), original) << offset;
  }
  EXPECT_EQ(print(with_bytes(whole, start + 4096, "w")), original);  // as the header of TensorFile says
}

TEST(vlm_formats_gguf, loads_from_disk_and_says_why_not) {
  const auto folder = std::filesystem::temp_directory_path() / ("sluice_gguf_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "small.gguf", std::ios::binary) << full_model().build();
  std::ofstream(folder / "empty.gguf", std::ios::binary).flush();
  const auto file = load_gguf(folder / "small.gguf");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->size_bytes(), full_model().build().size());
  file->read_ahead();
  file->drop_resident(*file->find("norm"));
  EXPECT_EQ(std::to_integer<int>(file->find("norm")->bytes()[7]), 0x3f);  // still there after the hint
  EXPECT_EQ(message_of(load_gguf(folder / "empty.gguf")),
            "empty.gguf: header: expected the bytes \"GGUF\", file ends after 0 bytes");
  EXPECT_EQ(load_gguf(folder / "gone.gguf").error().code, ErrorCode::not_found);
  EXPECT_THAT(message_of(load_gguf(folder)), HasSubstr("expected a regular file, found a folder"));
  EXPECT_THAT(message_of(load_gguf("/dev/null")), HasSubstr("null: expected a regular file"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::vlm::formats
