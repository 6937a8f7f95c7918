#include "vlm/formats/huggingface/json_file.h"

#include <fstream>
#include <iterator>
#include <system_error>

namespace sluice::vlm::formats {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace dom = simdjson::dom;

Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  const std::string name = path.filename().string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return fail(ErrorCode::not_found, "{}: no such file in {}", name, path.parent_path().string());
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error || size > bytes_max)
    return fail(ErrorCode::too_large, "{}: expected at most {} bytes, found {}", name, bytes_max, size);
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && !in.eof()) return fail(ErrorCode::io_failed, "{}: cannot be read", name);
  return text;
}

Result<JsonFile> JsonFile::parse(std::string name, std::string_view text) {
  JsonFile file;
  file.parser_ = std::make_unique<dom::parser>();
  dom::element root;
  if (const auto error = file.parser_->parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS)
    return fail(ErrorCode::corrupt_data, "{}: expected JSON: {}", name, simdjson::error_message(error));
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return fail(ErrorCode::corrupt_data, "{}: expected a JSON object", name);
  file.root_ = JsonObject(std::move(name) + ": ", object);
  return file;
}

Result<JsonFile> JsonFile::load(const std::filesystem::path& path, std::uint64_t bytes_max) {
  SLUICE_TRY(const std::string text, read_text_file(path, bytes_max));
  return parse(path.filename().string(), text);
}

std::optional<dom::element> JsonObject::find(std::string_view key) const {
  dom::element value;
  if (!object_ || object_->at_key(key).get(value) != simdjson::SUCCESS || value.is_null())
    return std::nullopt;
  return value;
}

bool JsonObject::has(std::string_view key) const {
  return find(key).has_value();
}

std::unexpected<base::Error> JsonObject::broken(std::string_view key, std::string_view expected) const {
  return fail(ErrorCode::corrupt_data, "{}{}: expected {}", where_, key, expected);
}

Result<std::optional<std::uint64_t>> JsonObject::count(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  std::uint64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS) return broken(key, "a whole number, not negative");
  return number;
}

Result<std::optional<double>> JsonObject::real(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  double number = 0;
  if (value->get(number) != simdjson::SUCCESS) return broken(key, "a number");
  return number;
}

Result<std::optional<bool>> JsonObject::boolean(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  bool flag = false;
  if (value->get(flag) != simdjson::SUCCESS) return broken(key, "true or false");
  return flag;
}

Result<std::optional<std::string_view>> JsonObject::text(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  std::string_view text;
  if (value->get(text) != simdjson::SUCCESS) return broken(key, "a text");
  return text;
}

Result<std::optional<std::vector<double>>> JsonObject::reals(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  dom::array array;
  if (value->get(array) != simdjson::SUCCESS) return broken(key, "an array of numbers");
  std::vector<double> numbers;
  for (const dom::element element : array) {
    double number = 0;
    if (element.get(number) != simdjson::SUCCESS) return broken(key, "an array of numbers");
    numbers.push_back(number);
  }
  return numbers;
}

Result<JsonObject> JsonObject::object(std::string_view key) const {
  const auto value = find(key);
  const std::string where = where_ + std::string(key) + ".";
  if (!value) {
    JsonObject none;
    none.where_ = where;
    return none;
  }
  dom::object object;
  if (value->get(object) != simdjson::SUCCESS) return broken(key, "an object");
  return JsonObject(where, object);
}

}  // namespace sluice::vlm::formats
