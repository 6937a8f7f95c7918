// Fetches one file in parts, several at a time, and writes them in order, so that what lies on the disk is a
// prefix at every moment and any later run, of this or another tool, goes on from it. Memory is bounded by
// kPartsAhead parts. A part that breaks off is asked for again from where it broke; after kBarrenTriesMax
// tries without a byte the download gives up. A server without ranges is read in one go.
//
// Lengths are never taken from the server: what is longer than the listing said is cut off with an error.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "app/huggingface/cache.h"
#include "app/huggingface/hub_client.h"

namespace sluice::app::huggingface {

using Progress = std::function<void(std::uint64_t bytes)>;  // written since the last call; on the loop

class FileDownload {
 public:
  // All must outlive run(). The target is HubClient::target_of.
  FileDownload(HubClient& client, BlobWriter& writer, const RemoteFile& file, std::string target,
               Progress progress)
      : client_(client),
        writer_(writer),
        file_(file),
        target_(std::move(target)),
        progress_(std::move(progress)) {}

  // To the last byte; BlobWriter::finish is the caller's.
  net::Task<base::Status> run(net::Cancel& cancel);

 private:
  struct Part {
    std::uint64_t next = 0;  // byte of the file that comes next
    std::uint64_t end = 0;
    std::uint64_t written = 0;  // byte up to which it lies on the disk
    std::string waiting;        // [written, next)
  };

  net::Task<base::Status> fetch_part(Part& part, net::Cancel& cancel);
  net::Task<base::Status> fetch_once(Part& part, net::Cancel& cancel);
  net::Task<base::Status> wait_for_turn(std::size_t index, net::Cancel& cancel);
  net::Task<base::Status> fetch_whole(net::Cancel& cancel);
  net::Task<base::Status> fetch_whole_once(std::uint64_t& at, net::Cancel& cancel);
  base::Status write_what_is_due();
  base::Status take(Part& part, std::string_view bytes);

  HubClient& client_;
  BlobWriter& writer_;
  const RemoteFile& file_;
  const std::string target_;
  const Progress progress_;

  std::vector<Part> parts_;
  std::size_t due_ = 0;               // the part whose bytes are written next
  std::vector<net::Event*> waiting_;  // for due_ to go on
  std::optional<http::Url> at_;       // where the last answer came from
  bool has_ranges_ = true;
};

}  // namespace sluice::app::huggingface
