#include "vlm/formats/metadata.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::int64_t kExactInDouble = 1LL << 53;

}  // namespace

std::string_view type_name_of(const MetadataValue& value) {
  // In the order of the variant's alternatives.
  static constexpr std::string_view kNames[] = {"boolean",
                                                "unsigned integer",
                                                "integer",
                                                "float",
                                                "string",
                                                "array of boolean",
                                                "array of unsigned integer",
                                                "array of integer",
                                                "array of float",
                                                "array of double",
                                                "array of string"};
  static_assert(std::size(kNames) == std::variant_size_v<MetadataValue>);
  return kNames[value.index()];
}

Metadata::Metadata(std::string file, std::vector<Entry> entries)
    : file_(std::move(file)), entries_(std::move(entries)) {
  index_.reserve(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].key, i);
}

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].value;
}

std::unexpected<base::Error> Metadata::missing(std::string_view key, std::string_view expected) const {
  return fail(ErrorCode::corrupt_data, "{}: key {}: expected {}, the key is missing", file_, key, expected);
}

std::unexpected<base::Error> Metadata::mistyped(std::string_view key, std::string_view expected,
                                                const MetadataValue& found) const {
  return fail(ErrorCode::corrupt_data, "{}: key {}: expected {}, found {}", file_, key, expected,
              type_name_of(found));
}

base::Result<std::uint64_t> Metadata::unsigned_integer(std::string_view key) const {
  constexpr std::string_view kExpected = "an unsigned integer";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* number = std::get_if<std::uint64_t>(value)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(value)) {
    if (*number >= 0) return static_cast<std::uint64_t>(*number);
    return fail(ErrorCode::corrupt_data, "{}: key {}: expected {}, found {}", file_, key, kExpected, *number);
  }
  return mistyped(key, kExpected, *value);
}

base::Result<double> Metadata::real(std::string_view key) const {
  constexpr std::string_view kExpected = "a number";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(value)) {
    if (*number <= static_cast<std::uint64_t>(kExactInDouble)) return static_cast<double>(*number);
  }
  if (const auto* number = std::get_if<std::int64_t>(value)) {
    if (*number >= -kExactInDouble && *number <= kExactInDouble) return static_cast<double>(*number);
  }
  return mistyped(key, kExpected, *value);
}

base::Result<bool> Metadata::boolean(std::string_view key) const {
  constexpr std::string_view kExpected = "a boolean";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  return mistyped(key, kExpected, *value);
}

base::Result<std::string_view> Metadata::text(std::string_view key) const {
  constexpr std::string_view kExpected = "a string";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* text = std::get_if<std::string_view>(value)) return *text;
  return mistyped(key, kExpected, *value);
}

base::Result<std::span<const std::string_view>> Metadata::texts(std::string_view key) const {
  constexpr std::string_view kExpected = "an array of string";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* texts = std::get_if<std::vector<std::string_view>>(value)) {
    return std::span<const std::string_view>(*texts);
  }
  return mistyped(key, kExpected, *value);
}

base::Result<std::vector<std::int64_t>> Metadata::integers(std::string_view key) const {
  constexpr std::string_view kExpected = "an array of integer";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(value)) return *numbers;
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(value)) {
    const auto large = std::ranges::find_if(*numbers, [](std::uint64_t number) {
      return number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    });
    if (large != numbers->end()) {
      return fail(ErrorCode::corrupt_data, "{}: key {}: expected signed 64-bit integers, found {}", file_,
                  key, *large);
    }
    return std::vector<std::int64_t>(numbers->begin(), numbers->end());
  }
  return mistyped(key, kExpected, *value);
}

base::Result<std::vector<float>> Metadata::reals(std::string_view key) const {
  constexpr std::string_view kExpected = "an array of float";
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(key, kExpected);
  if (const auto* numbers = std::get_if<std::vector<float>>(value)) return *numbers;
  if (const auto* numbers = std::get_if<std::vector<double>>(value)) {
    std::vector<float> narrowed;
    narrowed.reserve(numbers->size());
    for (const double number : *numbers) narrowed.push_back(static_cast<float>(number));
    return narrowed;
  }
  return mistyped(key, kExpected, *value);
}

base::Result<std::uint64_t> Metadata::unsigned_integer_or(std::string_view key,
                                                          std::uint64_t fallback) const {
  if (!contains(key)) return fallback;
  return unsigned_integer(key);
}

base::Result<double> Metadata::real_or(std::string_view key, double fallback) const {
  if (!contains(key)) return fallback;
  return real(key);
}

base::Result<bool> Metadata::boolean_or(std::string_view key, bool fallback) const {
  if (!contains(key)) return fallback;
  return boolean(key);
}

base::Result<std::string_view> Metadata::text_or(std::string_view key, std::string_view fallback) const {
  if (!contains(key)) return fallback;
  return text(key);
}

}  // namespace sluice::vlm::formats
