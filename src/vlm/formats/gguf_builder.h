// Writes small GGUF files into memory, right or deliberately wrong: the tests' way to say what a reader must
// survive. Not for product code: it knows nothing of quantisation and keeps everything in one string.
//   GgufBuilder().text("general.architecture", "llama").tensor("a.weight", {4, 2}, 0, bytes).build()
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::vlm::formats {

class GgufBuilder {
 public:
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of tensor data; written only by build() as padding, see number()

  GgufBuilder& text(std::string_view key, std::string_view value) {
    begin_entry(key, 8);
    append_text(entries_, value);
    return *this;
  }
  GgufBuilder& number(std::string_view key, std::uint32_t value) {
    begin_entry(key, 4);
    append(entries_, value);
    return *this;
  }
  GgufBuilder& real(std::string_view key, float value) {
    begin_entry(key, 6);
    append(entries_, value);
    return *this;
  }
  GgufBuilder& boolean(std::string_view key, bool value) {
    begin_entry(key, 7);
    entries_.push_back(value ? '\1' : '\0');
    return *this;
  }
  GgufBuilder& texts(std::string_view key, std::span<const std::string> values) {
    begin_entry(key, 9);
    append(entries_, std::uint32_t{8});
    append(entries_, std::uint64_t{values.size()});
    for (const std::string& value : values) append_text(entries_, value);
    return *this;
  }
  GgufBuilder& integers(std::string_view key, std::span<const std::int32_t> values) {
    begin_entry(key, 9);
    append(entries_, std::uint32_t{5});
    append(entries_, std::uint64_t{values.size()});
    for (const std::int32_t value : values) append(entries_, value);
    return *this;
  }
  // Any value type, bytes as given.
  GgufBuilder& raw(std::string_view key, std::uint32_t type, std::string_view bytes) {
    begin_entry(key, type);
    entries_ += bytes;
    return *this;
  }
  // `extents` as in the file: contiguous one first. `type` is the ggml number.
  GgufBuilder& tensor(std::string_view name, std::initializer_list<std::uint64_t> extents, std::uint32_t type,
                      std::string_view bytes) {
    pad(data_);
    tensor_at(name, extents, type, data_.size());
    data_ += bytes;
    return *this;
  }
  // Only the claim, no bytes.
  GgufBuilder& tensor_at(std::string_view name, std::initializer_list<std::uint64_t> extents,
                         std::uint32_t type, std::uint64_t offset) {
    append_text(tensors_, name);
    append(tensors_, static_cast<std::uint32_t>(extents.size()));
    for (const std::uint64_t extent : extents) append(tensors_, extent);
    append(tensors_, type);
    append(tensors_, offset);
    ++tensor_count_;
    return *this;
  }

  std::string build() const {
    std::string file = "GGUF";
    append(file, version);
    append(file, tensor_count_);
    append(file, entry_count_);
    file += entries_;
    file += tensors_;
    pad(file);
    return file + data_;
  }

  template <typename T>
  static void append(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static void append_text(std::string& out, std::string_view value) {
    append(out, std::uint64_t{value.size()});
    out += value;
  }

 private:
  void begin_entry(std::string_view key, std::uint32_t type) {
    append_text(entries_, key);
    append(entries_, type);
    ++entry_count_;
  }
  void pad(std::string& out) const { out.resize((out.size() + alignment - 1) / alignment * alignment, '\0'); }

  std::string entries_;
  std::string tensors_;
  std::string data_;
  std::uint64_t entry_count_ = 0;
  std::uint64_t tensor_count_ = 0;
};

}  // namespace sluice::vlm::formats
