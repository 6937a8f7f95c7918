// config.json and the processor's files as GGUF metadata.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "vlm/formats/huggingface/json_file.h"
#include "vlm/formats/metadata.h"
#include "vlm/formats/tensor_file.h"

namespace sluice::vlm::formats {

// Keys as they are added; owns their texts.
class KeyList {
 public:
  void add(std::string_view key, MetadataValue value) { entries_.push_back({keep(key), std::move(value)}); }
  void add_text(std::string_view key, std::string_view text) { add(key, MetadataValue(keep(text))); }

  std::vector<Metadata::Entry> take_entries() { return std::move(entries_); }
  TensorFile::Texts& texts() { return *texts_; }
  std::shared_ptr<TensorFile::Texts> share_texts() const { return texts_; }

 private:
  std::string_view keep(std::string_view text) { return texts_->emplace_back(text); }

  std::shared_ptr<TensorFile::Texts> texts_ = std::make_shared<TensorFile::Texts>();
  std::vector<Metadata::Entry> entries_;
};

// `config` is the decoder's own object; the architecture's name ("llama") is the prefix of the keys.
base::Status add_text_keys(const JsonObject& config, KeyList& keys);

// `config` is the whole config.json; `processor` holds what makes frames out of pictures, `joiner` the whole
// processor_config.json (may be without keys).
base::Status add_vision_keys(const JsonObject& config, const JsonObject& processor, const JsonObject& joiner,
                             KeyList& keys);

}  // namespace sluice::vlm::formats
