// What a repository of the Hub holds, read from the answer of its API. The bytes come from outside: a path
// that would leave the cache, a size or hash that cannot be, make the whole listing corrupt. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::app::huggingface {

struct RemoteFile {
  std::string path = {};  // "model.safetensors", "onnx/model.onnx"
  std::uint64_t bytes = 0;
  // What the content hashes to, lower-case hex, and the name of its blob in the cache: SHA-256 of a large
  // file (64 digits), git's SHA-1 of "blob <size>\0" and the bytes of a small one (40 digits).
  std::string hash = {};
};

struct Listing {
  std::string commit;   // 40 hex digits
  std::string licence;  // "apache-2.0"; empty when the repository names none
  bool gated = false;   // terms have to be accepted first
  std::vector<RemoteFile> files = {};
};

// `origin` begins every message.
base::Result<Listing> parse_listing(std::string_view json, std::string_view origin);

bool is_commit(std::string_view text);  // 40 lower-case hex digits

}  // namespace sluice::app::huggingface
