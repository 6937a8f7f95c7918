#include "vlm/formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/random.h"

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

std::string file_of(std::string_view header, std::string_view buffer) {
  const std::uint64_t size = header.size();
  std::string file(reinterpret_cast<const char*>(&size), sizeof size);
  file += header;
  file += buffer;
  return file;
}

base::Result<TensorFile> read(std::string_view bytes, const Limits& limits = {}) {
  auto mapping = Mapping::copy_of(std::as_bytes(std::span(bytes)));
  if (!mapping) return std::unexpected(mapping.error());
  return read_safetensors("m.safetensors", *std::move(mapping), limits);
}

std::string refusal_of(std::string_view header, std::string_view buffer = "") {
  const auto file = read(file_of(header, buffer));
  if (file) return "(no error)";
  EXPECT_EQ(file.error().code, ErrorCode::corrupt_data) << file.error().message;
  return file.error().message;
}

const std::string kGood =
    R"({"__metadata__":{"format":"pt"},"b.weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
    R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("ids":{"dtype":"I64","shape":[1],"data_offsets":[20,28]}}   )";
const std::string kBuffer(28, '\1');

TEST(vlm_formats_safetensors, reads_tensors_and_leaves_integers_out) {
  const auto file = read(file_of(kGood, kBuffer));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 2U);
  EXPECT_EQ(file->tensors()[0].name, "a");  // by place
  const tensor::View* weight = file->find("b.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->dtype(), tensor::DType::bf16);
  EXPECT_EQ(weight->shape(), (tensor::Shape{2, 3}));
  EXPECT_EQ(file->find("ids"), nullptr);
  EXPECT_EQ(file->fingerprint().size(), 32U);
  EXPECT_NE(file->fingerprint(), read(file_of(kGood, std::string(28, '\2')))->fingerprint());
}

TEST(vlm_formats_safetensors, says_what_is_wrong) {
  const auto one = [](std::string_view entry) { return R"({"w":)" + std::string(entry) + "}"; };
  EXPECT_THAT(refusal_of("[]"), HasSubstr("m.safetensors: header: expected to begin with '{'"));
  EXPECT_THAT(refusal_of("{\"w\":"), HasSubstr("expected JSON"));
  EXPECT_THAT(refusal_of(one("3")), HasSubstr("tensor w: expected an object with a dtype"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]})"), "x"),
              HasSubstr("tensor w: expected F32, F16 or BF16, found number format F8_E4M3"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "xxxx"),
              HasSubstr("shape: expected up to 4 whole numbers"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[0,4]})"), "xxxx"),
              HasSubstr("shape: expected up to 4 whole numbers"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})")),
              HasSubstr("expected 1 to 2^48 elements"));
  EXPECT_THAT(
      refusal_of(one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]})"), "xxxx"),
      HasSubstr("expected 1 to 2^48 elements"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), "xxxx"),
              HasSubstr("tensor w: expected 8 bytes for F32 [2], found 4"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "xxxx"),
              HasSubstr("expected bytes inside the buffer of 4, found 0 to 8"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"), "xxxx"),
              HasSubstr("expected bytes inside the buffer of 4, found 4 to 0"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":[1,5]})"), "xxxxx"),
              HasSubstr("expected to begin at 0 where the one before ends, found 1"));
  EXPECT_THAT(refusal_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "xxxxx"),
              HasSubstr("buffer: expected 4 bytes as the tensors take, found 5"));
  EXPECT_THAT(refusal_of(R"({"w":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"I8",)"
                         R"("shape":[1],"data_offsets":[1,2]}})",
                         "xx"),
              HasSubstr("tensor w: expected once, found twice"));
  EXPECT_THAT(refusal_of(R"({"__metadata__":{"a":1}})"),
              HasSubstr("__metadata__: expected texts only, a is none"));
}

TEST(vlm_formats_safetensors, bounds_the_header_and_the_number_of_tensors) {
  std::string huge(8, '\xff');
  EXPECT_THAT(read(huge).error().message, HasSubstr("expected at most 100000000 bytes"));
  std::uint64_t most = kSafetensorsHeaderBytesMax;
  EXPECT_THAT(read(std::string(reinterpret_cast<char*>(&most), 8)).error().message,
              HasSubstr("expected 100000000 bytes, file ends after 8"));
  EXPECT_TRUE(read(file_of(kGood, kBuffer), {.tensors = 3}));
  EXPECT_FALSE(read(file_of(kGood, kBuffer), {.tensors = 2}));
}

TEST(vlm_formats_safetensors, every_cut_is_an_error_and_no_flip_crashes) {
  const std::string whole = file_of(kGood, kBuffer);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read(std::string_view(whole).substr(0, size)));
  base::Random random(20261122);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes = whole;
    for (int flips = 0; flips < 3; ++flips)
      bytes[random.below(bytes.size())] ^= static_cast<char>(1U << random.below(8));
    if (const auto file = read(bytes)) {
      for (const auto& tensor : file->tensors())
        EXPECT_EQ(file->find(tensor.name)->bytes().size(), tensor.view.bytes().size());
    }
  }
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("sluice-shards-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string shard(const std::string& name) {
  return file_of(R"({")" + name + R"(":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "wxyz");
}

TEST(vlm_formats_safetensors, reads_shards_as_one_file) {
  const Folder folder;
  folder.put("model-00001-of-00002.safetensors", shard("first"));
  folder.put("model-00002-of-00002.safetensors", shard("second"));
  folder.put("model.safetensors.index.json",
             R"({"metadata":{"total_size":8},"weight_map":{"first":"model-00001-of-00002.safetensors",)"
             R"("second":"model-00002-of-00002.safetensors"}})");
  auto file = load_safetensors_folder(folder.path());
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_NE(file->find("second"), nullptr);
  EXPECT_EQ(file->mappings().size(), 2U);
  EXPECT_EQ(std::to_integer<char>(file->find("second")->bytes()[3]), 'z');
  file->drop_resident(*file->find("second"));
  EXPECT_EQ(std::to_integer<char>(file->find("second")->bytes()[3]), 'z');
}

TEST(vlm_formats_safetensors, refuses_an_index_that_lies) {
  const Folder folder;
  folder.put("a.safetensors", shard("first"));
  const auto refusal = [&](const std::string& index) {
    folder.put("model.safetensors.index.json", index);
    const auto file = load_safetensors_folder(folder.path());
    return file ? std::string("(no error)") : file.error().message;
  };
  EXPECT_THAT(refusal(R"({"weight_map":{"first":"../a.safetensors"}})"),
              HasSubstr("the plain name of a .safetensors"));
  EXPECT_THAT(refusal(R"({"weight_map":{"first":"/etc/passwd"}})"),
              HasSubstr("the plain name of a .safetensors"));
  EXPECT_THAT(refusal(R"({"weight_map":{"other":"a.safetensors"}})"),
              HasSubstr("a.safetensors: tensor first: the index places it in no file"));
  EXPECT_THAT(refusal(R"({"weight_map":{}})"), HasSubstr("expected 1 to 512 files, found 0"));
  EXPECT_THAT(refusal(R"({"weight_map":{"first":"b.safetensors"}})"), HasSubstr("b.safetensors"));
  EXPECT_THAT(refusal("{}"), HasSubstr("weight_map: expected an object"));
}

}  // namespace
}  // namespace sluice::vlm::formats
