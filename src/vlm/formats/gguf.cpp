#include "vlm/formats/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "vlm/formats/cursor.h"
#include "vlm/formats/fingerprint.h"

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using tensor::DType;

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kAlignmentBytesMin = 8;  // so that every scalar of a tensor can be read in place

// Smallest encodings, to hold a count against the bytes that are left: length + type + one byte; and
// name length + dimension count + one dimension + type + offset.
constexpr std::uint64_t kEntryBytesMin = 8 + 4 + 1;
constexpr std::uint64_t kTensorInfoBytesMin = 8 + 4 + 8 + 4 + 8;

enum class ValueType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

struct NumberFormat {
  std::uint32_t id;  // ggml_type
  std::string_view name;
  std::optional<DType> type;  // none: known by name, not supported here
};

constexpr std::array kNumberFormats{
    NumberFormat{0, "F32", DType::f32},        NumberFormat{1, "F16", DType::f16},
    NumberFormat{2, "Q4_0", DType::q4_0},      NumberFormat{3, "Q4_1", DType::q4_1},
    NumberFormat{6, "Q5_0", DType::q5_0},      NumberFormat{7, "Q5_1", DType::q5_1},
    NumberFormat{8, "Q8_0", DType::q8_0},      NumberFormat{9, "Q8_1", std::nullopt},
    NumberFormat{10, "Q2_K", std::nullopt},    NumberFormat{11, "Q3_K", std::nullopt},
    NumberFormat{12, "Q4_K", DType::q4_k},     NumberFormat{13, "Q5_K", DType::q5_k},
    NumberFormat{14, "Q6_K", DType::q6_k},     NumberFormat{15, "Q8_K", std::nullopt},
    NumberFormat{16, "IQ2_XXS", std::nullopt}, NumberFormat{17, "IQ2_XS", std::nullopt},
    NumberFormat{18, "IQ3_XXS", std::nullopt}, NumberFormat{19, "IQ1_S", std::nullopt},
    NumberFormat{20, "IQ4_NL", std::nullopt},  NumberFormat{21, "IQ3_S", std::nullopt},
    NumberFormat{22, "IQ2_S", std::nullopt},   NumberFormat{23, "IQ4_XS", std::nullopt},
    NumberFormat{24, "I8", std::nullopt},      NumberFormat{25, "I16", std::nullopt},
    NumberFormat{26, "I32", std::nullopt},     NumberFormat{27, "I64", std::nullopt},
    NumberFormat{28, "F64", std::nullopt},     NumberFormat{29, "IQ1_M", std::nullopt},
    NumberFormat{30, "BF16", DType::bf16},     NumberFormat{34, "TQ1_0", std::nullopt},
    NumberFormat{35, "TQ2_0", std::nullopt},   NumberFormat{39, "MXFP4", std::nullopt},
};

// A name out of the file as a message may show it: a hostile one is cut and its odd bytes become '?'.
std::string shown(std::string_view name) {
  constexpr std::size_t kShownMax = 80;
  std::string text(name.substr(0, kShownMax));
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  if (name.size() > kShownMax) text += "...";
  return text;
}

// What the file claims about one tensor.
struct TensorInfo {
  std::string_view name;
  DType type = DType::f32;
  tensor::Shape shape;       // outermost first
  std::uint64_t offset = 0;  // from the start of the data section
  std::uint64_t size_bytes = 0;
};

class GgufReader {
 public:
  GgufReader(std::string file, std::span<const std::byte> bytes, const Limits& limits)
      : file_(std::move(file)), bytes_(bytes), limits_(limits), cursor_(bytes) {}

  Status read_preamble();
  Status read_metadata();
  Status read_tensor_infos();
  Status place_tensors();

  std::vector<Metadata::Entry> take_entries() { return std::move(entries_); }
  Result<std::vector<TensorFile::Tensor>> build_tensors() const;
  std::string fingerprint() const;
  std::span<const std::byte> data_section() const { return bytes_.subspan(data_start_); }

 private:
  // "model.gguf: key general.name: expected ..., file ends after 77 bytes"
  std::unexpected<base::Error> ends_early(std::string_view what, std::string_view expected) const {
    return fail(ErrorCode::corrupt_data, "{}: {}: expected {}, file ends after {} bytes", file_, what,
                expected, bytes_.size());
  }
  template <typename... Args>
  std::unexpected<base::Error> broken(std::string_view what, fmt::format_string<Args...> format,
                                      Args&&... args) const {
    return fail(ErrorCode::corrupt_data, "{}: {}: {}", file_, what,
                fmt::format(format, std::forward<Args>(args)...));
  }

  Result<std::string_view> read_name(std::string_view what);
  Result<MetadataValue> read_value(std::string_view what);
  Result<MetadataValue> read_array(std::string_view what);
  Result<std::string_view> read_text(std::string_view what);
  template <typename Stored, typename Widened>
  Result<MetadataValue> read_numbers(std::string_view what, std::uint64_t count);
  template <typename Stored, typename Widened>
  Result<MetadataValue> read_number(std::string_view what);
  Result<TensorInfo> read_tensor_info(std::uint64_t index);
  Result<tensor::Shape> read_shape(std::string_view what);
  Status measure(std::string_view what, TensorInfo& tensor) const;
  Result<std::uint64_t> read_alignment() const;
  Status check_no_overlap() const;

  const std::string file_;
  const std::span<const std::byte> bytes_;
  const Limits limits_;
  Cursor cursor_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t entry_count_ = 0;
  std::uint64_t data_start_ = 0;
  std::vector<Metadata::Entry> entries_;
  std::vector<TensorInfo> tensors_;
};

Status GgufReader::read_preamble() {
  const auto magic = cursor_.take(kMagic.size());
  if (!magic) return ends_early("header", "the bytes \"GGUF\"");
  if (*magic != kMagic) return broken("header", "expected the bytes \"GGUF\", found \"{}\"", shown(*magic));
  const auto version = cursor_.scalar<std::uint32_t>();
  if (!version) return ends_early("header", "a version");
  if (*version == __builtin_bswap32(2) || *version == __builtin_bswap32(3)) {
    return broken("header", "expected a little-endian file, found a big-endian one");
  }
  if (*version != 2 && *version != 3) return broken("header", "expected version 2 or 3, found {}", *version);

  const auto tensors = cursor_.scalar<std::uint64_t>();
  const auto entries = cursor_.scalar<std::uint64_t>();
  if (!tensors || !entries) return ends_early("header", "the counts of tensors and metadata entries");
  if (*tensors > limits_.tensors) {
    return broken("header", "expected at most {} tensors, found {}", limits_.tensors, *tensors);
  }
  if (*entries > limits_.metadata_entries) {
    return broken("header", "expected at most {} metadata entries, found {}", limits_.metadata_entries,
                  *entries);
  }
  const std::uint64_t needed = *tensors * kTensorInfoBytesMin + *entries * kEntryBytesMin;
  if (needed > cursor_.remaining()) {
    return ends_early("header", fmt::format("{} metadata entries and {} tensors in at least {} bytes",
                                            *entries, *tensors, needed));
  }
  tensor_count_ = *tensors;
  entry_count_ = *entries;
  return {};
}

Result<std::string_view> GgufReader::read_name(std::string_view what) {
  const auto size = cursor_.scalar<std::uint64_t>();
  if (!size) return ends_early(what, "the length of a name");
  if (*size == 0 || *size > kNameBytesMax) {
    return broken(what, "expected a name of 1 to {} bytes, found {}", kNameBytesMax, *size);
  }
  const auto name = cursor_.take(*size);
  if (!name) return ends_early(what, fmt::format("a name of {} bytes", *size));
  return *name;
}

Status GgufReader::read_metadata() {
  entries_.reserve(entry_count_);
  std::unordered_set<std::string_view> seen;
  for (std::uint64_t i = 0; i < entry_count_; ++i) {
    SLUICE_TRY(const auto key, read_name(fmt::format("metadata entry {}", i)));
    const std::string what = "key " + shown(key);
    if (!seen.insert(key).second) return broken(what, "expected once, found twice");
    SLUICE_TRY(auto value, read_value(what));
    entries_.push_back({key, std::move(value)});
  }
  return {};
}

Result<std::string_view> GgufReader::read_text(std::string_view what) {
  const auto size = cursor_.scalar<std::uint64_t>();
  if (!size) return ends_early(what, "the length of a string");
  if (*size > limits_.text_bytes) {
    return broken(what, "expected a string of at most {} bytes, found {}", limits_.text_bytes, *size);
  }
  const auto text = cursor_.take(*size);
  if (!text) return ends_early(what, fmt::format("a string of {} bytes", *size));
  return *text;
}

template <typename Stored, typename Widened>
Result<MetadataValue> GgufReader::read_number(std::string_view what) {
  const auto value = cursor_.scalar<Stored>();
  if (!value) return ends_early(what, fmt::format("a value of {} bytes", sizeof(Stored)));
  return MetadataValue(static_cast<Widened>(*value));
}

Result<MetadataValue> GgufReader::read_value(std::string_view what) {
  const auto type = cursor_.scalar<std::uint32_t>();
  if (!type) return ends_early(what, "a value type");
  switch (static_cast<ValueType>(*type)) {
    case ValueType::u8:
      return read_number<std::uint8_t, std::uint64_t>(what);
    case ValueType::i8:
      return read_number<std::int8_t, std::int64_t>(what);
    case ValueType::u16:
      return read_number<std::uint16_t, std::uint64_t>(what);
    case ValueType::i16:
      return read_number<std::int16_t, std::int64_t>(what);
    case ValueType::u32:
      return read_number<std::uint32_t, std::uint64_t>(what);
    case ValueType::i32:
      return read_number<std::int32_t, std::int64_t>(what);
    case ValueType::u64:
      return read_number<std::uint64_t, std::uint64_t>(what);
    case ValueType::i64:
      return read_number<std::int64_t, std::int64_t>(what);
    case ValueType::f32:
      return read_number<float, double>(what);
    case ValueType::f64:
      return read_number<double, double>(what);
    case ValueType::boolean: {
      const auto value = cursor_.scalar<std::uint8_t>();
      if (!value) return ends_early(what, "a boolean");
      if (*value > 1) return broken(what, "expected a boolean of 0 or 1, found {}", *value);
      return MetadataValue(*value == 1);
    }
    case ValueType::string: {
      SLUICE_TRY(const auto text, read_text(what));
      return MetadataValue(text);
    }
    case ValueType::array:
      return read_array(what);
  }
  return broken(what, "expected a value type from 0 to 12, found {}", *type);
}

template <typename Stored, typename Widened>
Result<MetadataValue> GgufReader::read_numbers(std::string_view what, std::uint64_t count) {
  // count <= kArrayValuesMax: the product cannot overflow.
  if (count * sizeof(Stored) > cursor_.remaining()) {
    return ends_early(what, fmt::format("{} values of {} bytes", count, sizeof(Stored)));
  }
  std::vector<Widened> values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(static_cast<Widened>(*cursor_.scalar<Stored>()));
  return MetadataValue(std::move(values));
}

Result<MetadataValue> GgufReader::read_array(std::string_view what) {
  const auto type = cursor_.scalar<std::uint32_t>();
  const auto count = cursor_.scalar<std::uint64_t>();
  if (!type || !count) return ends_early(what, "an array's type and length");
  if (*count > limits_.array_values) {
    return broken(what, "expected an array of at most {} values, found {}", limits_.array_values, *count);
  }
  switch (static_cast<ValueType>(*type)) {
    case ValueType::u8:
      return read_numbers<std::uint8_t, std::uint64_t>(what, *count);
    case ValueType::i8:
      return read_numbers<std::int8_t, std::int64_t>(what, *count);
    case ValueType::u16:
      return read_numbers<std::uint16_t, std::uint64_t>(what, *count);
    case ValueType::i16:
      return read_numbers<std::int16_t, std::int64_t>(what, *count);
    case ValueType::u32:
      return read_numbers<std::uint32_t, std::uint64_t>(what, *count);
    case ValueType::i32:
      return read_numbers<std::int32_t, std::int64_t>(what, *count);
    case ValueType::u64:
      return read_numbers<std::uint64_t, std::uint64_t>(what, *count);
    case ValueType::i64:
      return read_numbers<std::int64_t, std::int64_t>(what, *count);
    case ValueType::f32:
      return read_numbers<float, float>(what, *count);
    case ValueType::f64:
      return read_numbers<double, double>(what, *count);
    case ValueType::boolean:
      return read_numbers<std::uint8_t, bool>(what, *count);
    case ValueType::string: {
      if (*count * sizeof(std::uint64_t) > cursor_.remaining()) {
        return ends_early(what, fmt::format("{} strings", *count));
      }
      std::vector<std::string_view> texts;
      texts.reserve(*count);
      for (std::uint64_t i = 0; i < *count; ++i) {
        SLUICE_TRY(const auto text, read_text(what));
        texts.push_back(text);
      }
      return MetadataValue(std::move(texts));
    }
    case ValueType::array:
      return broken(what, "expected a flat array, found an array of arrays");
  }
  return broken(what, "expected an array of value type 0 to 12, found {}", *type);
}

Status GgufReader::read_tensor_infos() {
  tensors_.reserve(tensor_count_);
  std::unordered_set<std::string_view> seen;
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    SLUICE_TRY(auto tensor, read_tensor_info(i));
    if (!seen.insert(tensor.name).second) {
      return broken("tensor " + shown(tensor.name), "expected once, found twice");
    }
    tensors_.push_back(std::move(tensor));
  }
  return {};
}

Result<TensorInfo> GgufReader::read_tensor_info(std::uint64_t index) {
  TensorInfo tensor;
  SLUICE_TRY(tensor.name, read_name(fmt::format("tensor {} of {}", index + 1, tensor_count_)));
  const std::string what = "tensor " + shown(tensor.name);
  SLUICE_TRY(tensor.shape, read_shape(what));

  const auto type = cursor_.scalar<std::uint32_t>();
  const auto offset = cursor_.scalar<std::uint64_t>();
  if (!type || !offset) return ends_early(what, "a number format and an offset");
  const auto format = std::ranges::find(kNumberFormats, *type, &NumberFormat::id);
  if (format == kNumberFormats.end())
    return broken(what, "expected a known number format, found type {}", *type);
  if (!format->type) return broken(what, "number format {} is not supported", format->name);
  tensor.type = *format->type;
  tensor.offset = *offset;
  SLUICE_TRY_VOID(measure(what, tensor));
  return tensor;
}

Result<tensor::Shape> GgufReader::read_shape(std::string_view what) {
  const auto count = cursor_.scalar<std::uint32_t>();
  if (!count) return ends_early(what, "a number of dimensions");
  if (*count == 0 || *count > kTensorDimensionsMax) {
    return broken(what, "expected 1 to {} dimensions, found {}", kTensorDimensionsMax, *count);
  }
  std::array<std::uint64_t, kTensorDimensionsMax> extents{};
  const std::span used = std::span(extents).first(*count);
  for (std::uint64_t& extent : used) {
    const auto value = cursor_.scalar<std::uint64_t>();
    if (!value) return ends_early(what, fmt::format("{} dimensions", *count));
    extent = *value;
  }
  std::ranges::reverse(used);  // the file has the contiguous one first
  auto shape = tensor::Shape::make(used);
  if (!shape) return broken(what, "{}", shape.error().message);
  return *shape;
}

Status GgufReader::measure(std::string_view what, TensorInfo& tensor) const {
  const auto row = tensor::row_bytes(tensor.type, tensor.shape.columns());
  if (!row) return broken(what, "{}", row.error().message);
  if (__builtin_mul_overflow(std::uint64_t{*row}, std::uint64_t{tensor.shape.rows()}, &tensor.size_bytes)) {
    return broken(what, "expected a size that fits 64 bits, found shape {}", tensor.shape.to_string());
  }
  return {};
}

Result<std::uint64_t> GgufReader::read_alignment() const {
  const auto entry = std::ranges::find(entries_, "general.alignment", &Metadata::Entry::key);
  if (entry == entries_.end()) return kDefaultAlignment;
  constexpr std::string_view kWhat = "key general.alignment";
  const auto* alignment = std::get_if<std::uint64_t>(&entry->value);
  if (alignment == nullptr) {
    return broken(kWhat, "expected an unsigned integer, found {}", type_name_of(entry->value));
  }
  if (!std::has_single_bit(*alignment) || *alignment < kAlignmentBytesMin ||
      *alignment > kAlignmentBytesMax) {
    return broken(kWhat, "expected a power of two from {} to {}, found {}", kAlignmentBytesMin,
                  kAlignmentBytesMax, *alignment);
  }
  return *alignment;
}

Status GgufReader::place_tensors() {
  SLUICE_TRY(const std::uint64_t alignment, read_alignment());
  const std::uint64_t start = (cursor_.offset() + alignment - 1) / alignment * alignment;
  // A file of metadata only (a vocabulary) may end without the padding.
  data_start_ = std::min<std::uint64_t>(start, bytes_.size());
  const std::uint64_t available = bytes_.size() - data_start_;
  for (const TensorInfo& tensor : tensors_) {
    const std::string what = "tensor " + shown(tensor.name);
    if (tensor.offset % alignment != 0) {
      return broken(what, "expected an offset that is a multiple of {}, found {}", alignment, tensor.offset);
    }
    if (tensor.offset > available) {
      return broken(what, "expected {} bytes from offset {} of the tensor data, which has only {}",
                    tensor.size_bytes, tensor.offset, available);
    }
    if (tensor.size_bytes > available - tensor.offset) {
      return broken(what, "expected {} bytes, file ends after {}", tensor.size_bytes,
                    available - tensor.offset);
    }
  }
  return check_no_overlap();
}

Status GgufReader::check_no_overlap() const {
  std::vector<const TensorInfo*> by_offset;
  by_offset.reserve(tensors_.size());
  for (const TensorInfo& tensor : tensors_) by_offset.push_back(&tensor);
  std::ranges::sort(by_offset, {}, &TensorInfo::offset);
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const TensorInfo& before = *by_offset[i - 1];
    const TensorInfo& after = *by_offset[i];
    if (after.offset - before.offset < before.size_bytes) {
      return broken("tensor " + shown(after.name),
                    "expected an offset of at least {}, found {}: overlaps tensor {}",
                    before.offset + before.size_bytes, after.offset, shown(before.name));
    }
  }
  return {};
}

Result<std::vector<TensorFile::Tensor>> GgufReader::build_tensors() const {
  std::vector<TensorFile::Tensor> tensors;
  tensors.reserve(tensors_.size());
  for (const TensorInfo& tensor : tensors_) {
    const auto data = data_section().subspan(tensor.offset, tensor.size_bytes);
    auto view = tensor::View::make(data, tensor.type, tensor.shape);
    if (!view) return broken("tensor " + shown(tensor.name), "{}", view.error().message);
    tensors.push_back({tensor.name, *view});
  }
  return tensors;
}

std::string GgufReader::fingerprint() const {
  Fingerprint print;
  print.add_number(bytes_.size());
  print.add(bytes_.first(data_start_));
  for (const TensorInfo& tensor : tensors_) {
    print.add_ends(data_section().subspan(tensor.offset, tensor.size_bytes));
  }
  return print.hex();
}

}  // namespace

bool looks_like_gguf(std::span<const std::byte> start) {
  return Cursor(start).take(kMagic.size()) == kMagic;
}

Result<TensorFile> load_gguf(const std::filesystem::path& path, const Limits& limits) {
  SLUICE_TRY(auto mapping, Mapping::open(path));
  return read_gguf(path.filename().string(), std::move(mapping), limits);
}

Result<TensorFile> read_gguf(std::string name, Mapping mapping, const Limits& limits) {
  GgufReader reader(name, mapping.bytes(), limits);
  SLUICE_TRY_VOID(reader.read_preamble());
  SLUICE_TRY_VOID(reader.read_metadata());
  SLUICE_TRY_VOID(reader.read_tensor_infos());
  SLUICE_TRY_VOID(reader.place_tensors());
  mapping.read_ahead(reader.data_section());
  SLUICE_TRY(auto tensors, reader.build_tensors());
  auto fingerprint = reader.fingerprint();
  return TensorFile(std::move(mapping), Metadata(std::move(name), reader.take_entries()), std::move(tensors),
                    std::move(fingerprint));
}

}  // namespace sluice::vlm::formats
