#include "vlm/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "vlm/formats/cursor.h"
#include "vlm/formats/fingerprint.h"
#include "vlm/formats/huggingface/json_file.h"

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using tensor::DType;
namespace dom = simdjson::dom;

struct NumberFormat {
  std::string_view name;
  std::size_t bytes;
  std::optional<DType> type;  // none: checked and left out
};

constexpr std::array kNumberFormats{
    NumberFormat{"F32", 4, DType::f32},    NumberFormat{"F16", 2, DType::f16},
    NumberFormat{"BF16", 2, DType::bf16},  NumberFormat{"I64", 8, std::nullopt},
    NumberFormat{"I32", 4, std::nullopt},  NumberFormat{"I16", 2, std::nullopt},
    NumberFormat{"I8", 1, std::nullopt},   NumberFormat{"U8", 1, std::nullopt},
    NumberFormat{"BOOL", 1, std::nullopt},
};

constexpr std::string_view kFormatsRead = "F32, F16 or BF16";

std::string shown(std::string_view name) {
  constexpr std::size_t kShownMax = 80;
  std::string text(name.substr(0, kShownMax));
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  if (name.size() > kShownMax) text += "...";
  return text;
}

struct Entry {
  std::string_view name;  // in the parser
  const NumberFormat* format = nullptr;
  tensor::Shape shape;
  std::uint64_t begin = 0;  // from the start of the buffer
  std::uint64_t end = 0;
};

class Reader {
 public:
  Reader(std::string name, std::span<const std::byte> bytes, const Limits& limits)
      : name_(std::move(name)), bytes_(bytes), limits_(limits) {}

  Status read_header();
  Status check_places();
  Result<std::vector<TensorFile::Tensor>> build_tensors(TensorFile::Texts& texts) const;
  std::string fingerprint() const;

 private:
  template <typename... Args>
  std::unexpected<base::Error> broken(std::string_view what, fmt::format_string<Args...> format,
                                      Args&&... args) const {
    return fail(ErrorCode::corrupt_data, "{}: {}: {}", name_, what,
                fmt::format(format, std::forward<Args>(args)...));
  }
  Result<Entry> read_entry(std::string_view name, dom::element value) const;
  Result<tensor::Shape> read_shape(const std::string& what, dom::object object) const;
  Status check_metadata(dom::element value) const;

  const std::string name_;
  const std::span<const std::byte> bytes_;
  const Limits limits_;
  std::optional<JsonFile> header_;
  std::uint64_t buffer_start_ = 0;
  std::vector<Entry> entries_;  // by place once check_places() has run
};

Status Reader::read_header() {
  Cursor cursor(bytes_);
  const auto size = cursor.scalar<std::uint64_t>();
  if (!size) return broken("header", "expected 8 bytes of length, file ends after {}", bytes_.size());
  if (*size > kSafetensorsHeaderBytesMax)
    return broken("header", "expected at most {} bytes, found {}", kSafetensorsHeaderBytesMax, *size);
  const auto text = cursor.take(*size);
  if (!text) return broken("header", "expected {} bytes, file ends after {}", *size, bytes_.size());
  if (!text->starts_with('{')) return broken("header", "expected to begin with '{{'");
  buffer_start_ = cursor.offset();
  SLUICE_TRY(header_, JsonFile::parse(name_ + ": header", *text));
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : *header_->root().raw()) {
    if (!seen.insert(key).second) return broken("tensor " + shown(key), "expected once, found twice");
    if (key == "__metadata__") {
      SLUICE_TRY_VOID(check_metadata(value));
      continue;
    }
    if (entries_.size() == limits_.tensors)
      return broken("header", "expected at most {} tensors, found more", limits_.tensors);
    SLUICE_TRY(Entry entry, read_entry(key, value));
    entries_.push_back(entry);
  }
  return {};
}

Status Reader::check_metadata(dom::element value) const {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return broken("__metadata__", "expected an object of texts");
  for (const auto& [key, text] : object)
    if (!text.is_string()) return broken("__metadata__", "expected texts only, {} is none", shown(key));
  return {};
}

Result<tensor::Shape> Reader::read_shape(const std::string& what, dom::object object) const {
  dom::array extents;
  if (object["shape"].get(extents) != simdjson::SUCCESS) return broken(what, "expected an array shape");
  std::vector<std::uint64_t> numbers;
  for (const dom::element extent : extents) {
    std::uint64_t number = 0;
    if (numbers.size() == kTensorDimensionsMax || extent.get(number) != simdjson::SUCCESS)
      return broken(what, "shape: expected up to {} whole numbers", kTensorDimensionsMax);
    numbers.push_back(number);
  }
  auto shape = tensor::Shape::make(numbers);
  if (!shape) return broken(what, "{}", shape.error().message);
  return shape;
}

Result<Entry> Reader::read_entry(std::string_view name, dom::element value) const {
  const std::string what = "tensor " + shown(name);
  if (name.empty() || name.size() > kNameBytesMax)
    return broken(what, "expected a name of 1 to {} bytes, found {}", kNameBytesMax, name.size());
  dom::object object;
  std::string_view format;
  if (value.get(object) != simdjson::SUCCESS || object["dtype"].get(format) != simdjson::SUCCESS)
    return broken(what, "expected an object with a dtype");
  Entry entry;
  entry.name = name;
  const auto known = std::ranges::find(kNumberFormats, format, &NumberFormat::name);
  if (known == kNumberFormats.end())
    return broken(what, "expected {}, found number format {}", kFormatsRead, shown(format));
  entry.format = &*known;
  SLUICE_TRY(entry.shape, read_shape(what, object));
  dom::array offsets;
  if (object["data_offsets"].get(offsets) != simdjson::SUCCESS || offsets.size() != 2 ||
      offsets.at(0).get(entry.begin) != simdjson::SUCCESS ||
      offsets.at(1).get(entry.end) != simdjson::SUCCESS)
    return broken(what, "expected data_offsets of two whole numbers");
  const std::uint64_t available = bytes_.size() - buffer_start_;
  if (entry.begin > entry.end || entry.end > available)
    return broken(what, "expected bytes inside the buffer of {}, found {} to {}", available, entry.begin,
                  entry.end);
  // At most 2^48 elements of 8 bytes: no overflow.
  const std::uint64_t wanted = std::uint64_t{entry.shape.elements()} * entry.format->bytes;
  if (entry.end - entry.begin != wanted)
    return broken(what, "expected {} bytes for {} {}, found {}", wanted, format, entry.shape.to_string(),
                  entry.end - entry.begin);
  return entry;
}

Status Reader::check_places() {
  std::ranges::sort(entries_, {}, &Entry::begin);
  std::uint64_t next = 0;
  for (const Entry& entry : entries_) {
    if (entry.begin != next)
      return broken("tensor " + shown(entry.name),
                    "expected to begin at {} where the one before ends, found {}", next, entry.begin);
    next = entry.end;
  }
  if (next != bytes_.size() - buffer_start_)
    return broken("buffer", "expected {} bytes as the tensors take, found {}", next,
                  bytes_.size() - buffer_start_);
  return {};
}

Result<std::vector<TensorFile::Tensor>> Reader::build_tensors(TensorFile::Texts& texts) const {
  std::vector<TensorFile::Tensor> tensors;
  tensors.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    if (!entry.format->type) continue;
    const auto data = bytes_.subspan(buffer_start_ + entry.begin, entry.end - entry.begin);
    auto view = tensor::View::make(data, *entry.format->type, entry.shape);
    if (!view) return broken("tensor " + shown(entry.name), "{}", view.error().message);
    tensors.push_back({texts.emplace_back(entry.name), *view});
  }
  return tensors;
}

std::string Reader::fingerprint() const {
  Fingerprint print;
  print.add_number(bytes_.size());
  print.add(bytes_.first(buffer_start_));
  for (const Entry& entry : entries_)
    print.add_ends(bytes_.subspan(buffer_start_ + entry.begin, entry.end - entry.begin));
  return print.hex();
}

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";

// Tensor name to shard name.
using WeightMap = std::map<std::string, std::string, std::less<>>;

Result<WeightMap> read_index(const std::filesystem::path& path, const Limits& limits) {
  SLUICE_TRY(const JsonFile file, JsonFile::load(path, kSafetensorsHeaderBytesMax));
  SLUICE_TRY(const JsonObject map, file.root().object("weight_map"));
  if (!map.raw()) return file.root().broken("weight_map", "an object");
  WeightMap shard_of;
  for (const auto& [name, value] : *map.raw()) {
    std::string_view shard;
    // A path out of the folder must not be followed.
    if (value.get(shard) != simdjson::SUCCESS || !shard.ends_with(".safetensors") || shard.contains('/') ||
        shard.starts_with('.'))
      return map.broken(shown(name), "the plain name of a .safetensors file");
    if (shard_of.size() == limits.tensors)
      return map.broken(shown(name), fmt::format("at most {} tensors", limits.tensors));
    if (!shard_of.emplace(name, shard).second) return map.broken(shown(name), "once, found twice");
  }
  return shard_of;
}

}  // namespace

Result<TensorFile> load_safetensors(const std::filesystem::path& path, const Limits& limits) {
  SLUICE_TRY(auto mapping, Mapping::open(path));
  return read_safetensors(path.filename().string(), std::move(mapping), limits);
}

Result<TensorFile> read_safetensors(std::string name, Mapping mapping, const Limits& limits) {
  Reader reader(name, mapping.bytes(), limits);
  SLUICE_TRY_VOID(reader.read_header());
  SLUICE_TRY_VOID(reader.check_places());
  const auto texts = std::make_shared<TensorFile::Texts>();
  SLUICE_TRY(auto tensors, reader.build_tensors(*texts));
  mapping.read_ahead(mapping.bytes());
  auto fingerprint = reader.fingerprint();
  return TensorFile({std::make_shared<const Mapping>(std::move(mapping))}, texts,
                    Metadata(std::move(name), {}), std::move(tensors), std::move(fingerprint));
}

Result<TensorFile> load_safetensors_folder(const std::filesystem::path& folder, const Limits& limits) {
  std::error_code error;
  if (!std::filesystem::exists(folder / kIndexFile, error))
    return load_safetensors(folder / kSingleFile, limits);
  SLUICE_TRY(const WeightMap shard_of, read_index(folder / kIndexFile, limits));
  std::set<std::string_view> shards;
  for (const auto& [name, shard] : shard_of) shards.insert(shard);
  if (shards.empty() || shards.size() > kShardsMax)
    return fail(ErrorCode::corrupt_data, "{}: weight_map: expected 1 to {} files, found {}", kIndexFile,
                kShardsMax, shards.size());
  std::vector<std::shared_ptr<const Mapping>> mappings;
  const auto texts = std::make_shared<TensorFile::Texts>();
  std::vector<TensorFile::Tensor> tensors;
  Fingerprint print;
  for (const std::string_view shard : shards) {
    SLUICE_TRY(const TensorFile part, load_safetensors(folder / shard, limits));
    mappings.insert(mappings.end(), part.mappings().begin(), part.mappings().end());
    print.add(std::as_bytes(std::span(part.fingerprint())));
    for (const TensorFile::Tensor& tensor : part.tensors()) {
      const auto place = shard_of.find(tensor.name);
      if (place == shard_of.end() || place->second != shard)
        return fail(ErrorCode::corrupt_data, "{}: tensor {}: the index places it in {}", shard,
                    shown(tensor.name), place == shard_of.end() ? "no file" : place->second);
      tensors.push_back({texts->emplace_back(tensor.name), tensor.view});
    }
  }
  return TensorFile(std::move(mappings), texts, Metadata(std::string(kIndexFile), {}), std::move(tensors),
                    print.hex());
}

}  // namespace sluice::vlm::formats
