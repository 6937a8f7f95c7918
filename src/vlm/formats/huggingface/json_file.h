// One JSON file from outside as a tree, with messages that say which file and which key. Private to formats:
// nobody else sees the parser's types.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::vlm::formats {

// The whole text of a file of at most `bytes_max`; not_found when there is none.
base::Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t bytes_max);

// An object inside a JSON file; its values are looked up by key. Copyable, lives as long as its JsonFile.
class JsonObject {
 public:
  JsonObject() = default;  // has no keys
  JsonObject(std::string where, simdjson::dom::object object) : where_(std::move(where)), object_(object) {}

  bool has(std::string_view key) const;  // present and not null
  // Null or absent is nullopt; a value of another kind is an error.
  base::Result<std::optional<std::uint64_t>> count(std::string_view key) const;
  base::Result<std::optional<double>> real(std::string_view key) const;
  base::Result<std::optional<bool>> boolean(std::string_view key) const;
  base::Result<std::optional<std::string_view>> text(std::string_view key) const;
  base::Result<std::optional<std::vector<double>>> reals(std::string_view key) const;
  base::Result<JsonObject> object(std::string_view key) const;  // without keys when absent

  // "config.json: text_config.hidden_size: expected ..."
  std::unexpected<base::Error> broken(std::string_view key, std::string_view expected) const;
  const std::optional<simdjson::dom::object>& raw() const { return object_; }
  const std::string& where() const { return where_; }

 private:
  std::optional<simdjson::dom::element> find(std::string_view key) const;

  std::string where_;  // "config.json: text_config."
  std::optional<simdjson::dom::object> object_;
};

class JsonFile {
 public:
  static base::Result<JsonFile> parse(std::string name, std::string_view text);
  static base::Result<JsonFile> load(const std::filesystem::path& path, std::uint64_t bytes_max);
  const JsonObject& root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  JsonObject root_;
};

}  // namespace sluice::vlm::formats
