#include "app/huggingface/listing.h"

#include <simdjson.h>

#include <algorithm>
#include <set>

#include "app/huggingface/limits.h"
#include "app/huggingface/model_name.h"

namespace sluice::app::huggingface {

using base::ErrorCode;
using base::fail;
using base::Result;
using simdjson::dom::element;
using simdjson::dom::object;

namespace {

constexpr std::size_t kSha1Digits = 40, kSha256Digits = 64;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string text_of(const element& at, std::string_view key) {
  std::string_view text;
  return at[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// cardData.license, else the tag "license:...".
std::string licence_of(const element& root) {
  constexpr std::string_view kTag = "license:";
  element card;
  if (root["cardData"].get(card) == simdjson::SUCCESS)
    if (std::string named = text_of(card, "license"); !named.empty()) return named;
  simdjson::dom::array tags;
  if (root["tags"].get(tags) != simdjson::SUCCESS) return {};
  for (const element tag : tags) {
    std::string_view text;
    if (tag.get(text) == simdjson::SUCCESS && text.starts_with(kTag))
      return std::string(text.substr(kTag.size()));
  }
  return {};
}

// false, "auto" or "manual".
bool is_gated(const element& root) {
  std::string_view how;
  bool flag = false;
  return root["gated"].get(how) == simdjson::SUCCESS ||
         (root["gated"].get(flag) == simdjson::SUCCESS && flag);
}

Result<RemoteFile> read_file(const element& entry, std::string_view origin) {
  RemoteFile file{.path = text_of(entry, "rfilename")};
  if (!is_safe_path(file.path))
    return fail(ErrorCode::corrupt_data, "{}: lists a file whose name would leave its folder", origin);
  element large;
  const bool is_large = entry["lfs"].get(large) == simdjson::SUCCESS && large.is_object();
  if (entry["size"].get(file.bytes) != simdjson::SUCCESS &&
      (!is_large || large["size"].get(file.bytes) != simdjson::SUCCESS))
    return fail(ErrorCode::corrupt_data, "{}: {}: expected its size", origin, file.path);
  if (file.bytes > kFileBytesMax)
    return fail(ErrorCode::too_large, "{}: {}: {} bytes, at most {} are taken", origin, file.path, file.bytes,
                kFileBytesMax);
  file.hash = is_large ? text_of(large, "sha256") : text_of(entry, "blobId");
  if (is_large && file.hash.empty()) file.hash = text_of(large, "oid");
  if (!is_hex(file.hash, is_large ? kSha256Digits : kSha1Digits))
    return fail(ErrorCode::corrupt_data, "{}: {}: expected a hash of {} hex digits", origin, file.path,
                is_large ? kSha256Digits : kSha1Digits);
  return file;
}

}  // namespace

bool is_commit(std::string_view text) {
  return is_hex(text, kSha1Digits);
}

Result<Listing> parse_listing(std::string_view json, std::string_view origin) {
  simdjson::dom::parser parser;
  element root;
  simdjson::dom::array siblings;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS || !root.is_object() ||
      root["siblings"].get(siblings) != simdjson::SUCCESS)
    return fail(ErrorCode::corrupt_data, "{}: expected a JSON object with \"siblings\": no Hub answers here",
                origin);
  Listing listing{.commit = text_of(root, "sha"), .licence = licence_of(root), .gated = is_gated(root)};
  if (!is_commit(listing.commit))
    return fail(ErrorCode::corrupt_data, "{}: expected the commit in \"sha\", 40 hex digits", origin);
  if (siblings.size() > kFilesMax)
    return fail(ErrorCode::too_large, "{}: more than {} files", origin, kFilesMax);
  std::set<std::string> seen;
  for (const element entry : siblings) {
    SLUICE_TRY(RemoteFile file, read_file(entry, origin));
    if (!seen.insert(file.path).second)
      return fail(ErrorCode::corrupt_data, "{}: lists {} twice", origin, file.path);
    listing.files.push_back(std::move(file));
  }
  return listing;
}

}  // namespace sluice::app::huggingface
