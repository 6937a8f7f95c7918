#include "vlm/formats/tensor_file.h"

#include <utility>

namespace sluice::vlm::formats {

using base::ErrorCode;
using base::fail;

TensorFile::TensorFile(Mapping mapping, Metadata metadata, std::vector<Tensor> tensors,
                       std::string fingerprint)
    : TensorFile({std::make_shared<const Mapping>(std::move(mapping))}, nullptr, std::move(metadata),
                 std::move(tensors), std::move(fingerprint)) {}

TensorFile::TensorFile(std::vector<std::shared_ptr<const Mapping>> mappings,
                       std::shared_ptr<const Texts> texts, Metadata metadata, std::vector<Tensor> tensors,
                       std::string fingerprint)
    : mappings_(std::move(mappings)),
      texts_(std::move(texts)),
      metadata_(std::move(metadata)),
      tensors_(std::move(tensors)),
      fingerprint_(std::move(fingerprint)) {
  index_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const tensor::View* TensorFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second].view;
}

base::Result<tensor::View> TensorFile::require(std::string_view name, const tensor::Shape& expected) const {
  const tensor::View* view = find(name);
  if (view == nullptr) {
    return fail(ErrorCode::corrupt_data, "{}: tensor {}: expected shape {}, the tensor is missing",
                this->name(), name, expected.to_string());
  }
  if (view->shape() != expected) {
    return fail(ErrorCode::corrupt_data, "{}: tensor {}: expected shape {}, found {}", this->name(), name,
                expected.to_string(), view->shape().to_string());
  }
  return *view;
}

std::uint64_t TensorFile::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& mapping : mappings_) bytes += mapping->bytes().size();
  return bytes;
}

base::Status TensorFile::check_whole() const {
  for (const auto& mapping : mappings_) SLUICE_TRY_VOID(mapping->check_whole());
  return {};
}

void TensorFile::read_ahead() const {
  for (const auto& mapping : mappings_) mapping->read_ahead(mapping->bytes());
}

void TensorFile::drop_resident(const tensor::View& view) const {
  for (const auto& mapping : mappings_) {
    const auto bytes = mapping->bytes();
    if (view.bytes().data() >= bytes.data() && view.bytes().data() < bytes.data() + bytes.size())
      mapping->drop_resident(view.bytes());
  }
}

}  // namespace sluice::vlm::formats
