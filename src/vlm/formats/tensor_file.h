// A model file opened for use: named tensors as views into the mapping, and the metadata. Whatever format it
// came from, shapes are outermost first ([out, in] for a weight), the last dimension contiguous. Owns the
// mapping: every View, key and text handed out lives as long as the TensorFile, moves included. Immutable
// after loading; any thread may read.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "vlm/formats/mapping.h"
#include "vlm/formats/metadata.h"
#include "vlm/tensor/view.h"

namespace sluice::vlm::formats {

class TensorFile {
 public:
  struct Tensor {
    std::string_view name;
    tensor::View view;
  };

  // Texts that names and metadata point at when they do not lie in a mapping.
  using Texts = std::deque<std::string>;

  // Readers (gguf.h, safetensors.h, huggingface.h) build it from parts they have checked: views inside the
  // mappings, names unique.
  TensorFile(Mapping mapping, Metadata metadata, std::vector<Tensor> tensors, std::string fingerprint);
  TensorFile(std::vector<std::shared_ptr<const Mapping>> mappings, std::shared_ptr<const Texts> texts,
             Metadata metadata, std::vector<Tensor> tensors, std::string fingerprint);

  const std::string& name() const { return metadata_.file(); }  // file name without folders, for messages
  const Metadata& metadata() const { return metadata_; }
  std::span<const Tensor> tensors() const { return tensors_; }  // in file order
  std::uint64_t size_bytes() const;
  // Held by whoever makes a second TensorFile of the same bytes.
  const std::vector<std::shared_ptr<const Mapping>>& mappings() const { return mappings_; }

  const tensor::View* find(std::string_view name) const;  // nullptr when absent
  // Absent, or of another shape, is an error that names file, tensor, expected and found.
  base::Result<tensor::View> require(std::string_view name, const tensor::Shape& expected) const;

  // 32 hex digits, the same on every machine: XXH3-128 over the file's length, all bytes before the tensor
  // data (so: hyper-parameters, vocabulary, names, shapes, types), and the first and last 4096 bytes of every
  // tensor. Two different sets of weights differ in practice; bytes altered in the middle of a tensor go
  // unseen. It tells builds of a model apart (system_fingerprint), it is no proof of integrity.
  const std::string& fingerprint() const { return fingerprint_; }

  // io_failed when a file behind it lost bytes since it was opened (mapping.h).
  base::Status check_whole() const;

  // Tell the kernel that all tensors, or none of this one's bytes, are wanted in memory.
  void read_ahead() const;
  void drop_resident(const tensor::View& view) const;

 private:
  std::vector<std::shared_ptr<const Mapping>> mappings_;  // one, or one for each shard
  std::shared_ptr<const Texts> texts_;
  Metadata metadata_;
  std::vector<Tensor> tensors_;
  std::string fingerprint_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace sluice::vlm::formats
