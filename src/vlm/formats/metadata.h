// The key-value part of a model file: hyper-parameters, vocabulary, chat template. Values keep the type they
// have in the file; a getter converts only where nothing is lost and otherwise fails with the file, the key,
// the type expected and the type found: "model.gguf: key llama.block_count: expected an unsigned integer,
// found string". Texts point into the mapped file and live as long as the TensorFile that holds them.
// Immutable once the file is loaded; any thread may read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sluice::vlm::formats {

// Integers of every width are widened; the sign is kept apart so that no value changes.
using MetadataValue = std::variant<bool, std::uint64_t, std::int64_t, double, std::string_view,
                                   std::vector<bool>, std::vector<std::uint64_t>, std::vector<std::int64_t>,
                                   std::vector<float>, std::vector<double>, std::vector<std::string_view>>;

// "unsigned integer", "array of string", ... for messages and `sluice show`.
std::string_view type_name_of(const MetadataValue& value);

class Metadata {
 public:
  struct Entry {
    std::string_view key;
    MetadataValue value;
  };

  // `file` is the name that starts every message. Duplicate keys are an error of the reader, not ours.
  Metadata(std::string file, std::vector<Entry> entries);

  const std::string& file() const { return file_; }
  std::span<const Entry> entries() const { return entries_; }  // in file order
  const MetadataValue* find(std::string_view key) const;       // nullptr when absent
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // Absent is an error: "model.gguf: key llama.block_count: expected an unsigned integer, the key is
  // missing".
  base::Result<std::uint64_t> unsigned_integer(std::string_view key) const;
  base::Result<double> real(std::string_view key) const;  // floats; integers up to 2^53 count as well
  base::Result<bool> boolean(std::string_view key) const;
  base::Result<std::string_view> text(std::string_view key) const;
  base::Result<std::span<const std::string_view>> texts(std::string_view key) const;
  base::Result<std::vector<std::int64_t>> integers(
      std::string_view key) const;  // an array of any integer type
  base::Result<std::vector<float>> reals(std::string_view key) const;

  // Absent is `fallback`; a value of another type is still an error.
  base::Result<std::uint64_t> unsigned_integer_or(std::string_view key, std::uint64_t fallback) const;
  base::Result<double> real_or(std::string_view key, double fallback) const;
  base::Result<bool> boolean_or(std::string_view key, bool fallback) const;
  base::Result<std::string_view> text_or(std::string_view key, std::string_view fallback) const;

 private:
  std::unexpected<base::Error> missing(std::string_view key, std::string_view expected) const;
  std::unexpected<base::Error> mistyped(std::string_view key, std::string_view expected,
                                        const MetadataValue& found) const;

  std::string file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace sluice::vlm::formats
