// The Hub's cache folder as its other tools lay it out, so that what one has fetched none fetches again:
//   models--<org>--<name>/blobs/<hash>                 content, named by its hash
//   models--<org>--<name>/blobs/<hash>.incomplete      a prefix of it: whoever comes next goes on from there
//   models--<org>--<name>/snapshots/<commit>/<path>    a link to the blob
//   models--<org>--<name>/refs/<revision>              the commit a branch or tag stood at
//   .locks/models--<org>--<name>/<hash>.lock           held (flock) by the process that writes a blob
// A blob gets its name only when its bytes hash to it. Blocking calls; one thread an object.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/huggingface/listing.h"
#include "base/result.h"

namespace sluice::app::huggingface {

class CachedRepository {
 public:
  CachedRepository(const std::filesystem::path& cache, std::string_view repository);

  std::filesystem::path blob(const RemoteFile& file) const { return folder_ / "blobs" / file.hash; }
  std::filesystem::path incomplete(const RemoteFile& file) const;
  std::filesystem::path lock(const RemoteFile& file) const { return locks_ / (file.hash + ".lock"); }
  std::filesystem::path snapshot(std::string_view commit) const { return folder_ / "snapshots" / commit; }

  bool holds(const RemoteFile& file) const;                // whole
  std::uint64_t bytes_held(const RemoteFile& file) const;  // of a whole blob or of its prefix

  // Makes the folders; then free space is checked against `bytes` still to come.
  base::Status prepare(std::uint64_t bytes) const;
  // Shows the blobs, which must be there, under the commit and lets the revision point to it.
  base::Status publish(std::string_view commit, std::string_view revision,
                       std::span<const RemoteFile> files) const;

 private:
  std::filesystem::path cache_;
  std::filesystem::path folder_;
  std::filesystem::path locks_;
};

// One blob being written. Destroying it keeps the prefix.
class BlobWriter {
 public:
  // nullopt: another process writes this blob now. The prefix that is there is read once, for its hash.
  static base::Result<std::optional<BlobWriter>> open(const CachedRepository& repository,
                                                      const RemoteFile& file);
  ~BlobWriter();
  BlobWriter(BlobWriter&& other) noexcept;
  BlobWriter& operator=(BlobWriter&&) = delete;

  std::uint64_t written() const { return written_; }
  base::Status append(std::string_view bytes);
  // Gives the blob its name; corrupt_data, and the bytes are thrown away, when they hash to something else.
  base::Status finish();
  base::Status begin_anew();  // throws the prefix away

 private:
  struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  BlobWriter(const CachedRepository& repository, const RemoteFile& file);
  void begin_digest();
  base::Status read_prefix();

  std::filesystem::path incomplete_;
  std::filesystem::path blob_;
  RemoteFile file_;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
  std::uint64_t written_ = 0;
  int file_descriptor_ = -1;
  int lock_descriptor_ = -1;
};

}  // namespace sluice::app::huggingface
