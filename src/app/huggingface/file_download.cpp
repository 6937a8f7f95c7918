#include "app/huggingface/file_download.h"

#include <algorithm>

#include "app/huggingface/limits.h"
#include "app/huggingface/run_together.h"

namespace sluice::app::huggingface {

using base::ErrorCode;
using base::fail;
using base::Status;

namespace {

// What another try may mend.
bool is_passing(const base::Error& error) {
  return error.code == ErrorCode::upstream_failed || error.code == ErrorCode::timed_out ||
         error.code == ErrorCode::rate_limited;
}

// Counts tries that brought nothing.
class Patience {
 public:
  // Waits before the next try, or gives the last error back.
  net::Task<Status> after(base::Error error, bool brought_bytes, net::Cancel& cancel) {
    if (!is_passing(error)) co_return fail(std::move(error));
    barren_ = brought_bytes ? 1 : barren_ + 1;
    if (barren_ >= kBarrenTriesMax) {
      error.message +=
          fmt::format("; {} tries brought nothing more; the next call goes on from what is here", barren_);
      co_return fail(std::move(error));
    }
    const auto pause = std::min<net::Clock::duration>(kFirstPause * (1 << (barren_ - 1)), kPauseMax);
    co_return co_await net::sleep_for(pause, cancel);
  }

 private:
  int barren_ = 0;
};

}  // namespace

// Bytes of a part, of which those whose turn has come go to the disk.
Status FileDownload::take(Part& part, std::string_view bytes) {
  if (bytes.size() > part.end - part.next)
    return fail(ErrorCode::corrupt_data, "{}: more bytes came than were asked for", file_.path);
  part.waiting += bytes;
  part.next += bytes.size();
  return write_what_is_due();
}

Status FileDownload::write_what_is_due() {
  while (due_ < parts_.size()) {
    Part& part = parts_[due_];
    if (!part.waiting.empty()) {
      SLUICE_TRY_VOID(writer_.append(part.waiting));
      progress_(part.waiting.size());
      part.written += part.waiting.size();
      part.waiting.clear();
    }
    if (part.written < part.end) break;
    part.waiting.shrink_to_fit();
    ++due_;
    for (net::Event* event : std::exchange(waiting_, {})) event->set();
  }
  return {};
}

net::Task<Status> FileDownload::wait_for_turn(std::size_t index, net::Cancel& cancel) {
  net::Event changed(*net::Loop::current());
  while (index >= due_ + kPartsAhead) {
    waiting_.push_back(&changed);
    const Status woken = co_await changed.wait(cancel);
    if (!woken) {
      std::erase(waiting_, &changed);
      co_return woken;
    }
  }
  co_return Status();
}

net::Task<Status> FileDownload::fetch_once(Part& part, net::Cancel& cancel) {
  auto opened = co_await client_.open(target_, at_, part.next, part.end, cancel);
  if (!opened) {
    at_.reset();
    co_return fail(std::move(opened).error());
  }
  at_ = opened->at;
  if (opened->response.status() == 200) {
    has_ranges_ = false;
    co_return fail(ErrorCode::conflict, "{}: no ranges here", file_.path);
  }
  const std::string expected = fmt::format("bytes {}-{}/{}", part.next, part.end - 1, file_.bytes);
  const std::string got(opened->response.head().headers.find("content-range").value_or("no range"));
  if (got != expected)
    co_return fail(ErrorCode::corrupt_data, "{}: {}: expected \"{}\", got \"{}\"", opened->at.origin(),
                   file_.path, expected, got);
  while (part.next < part.end) {
    SLUICE_CO_TRY(const auto piece, co_await opened->response.read());
    if (!piece) co_return fail(ErrorCode::upstream_failed, "{}: broke off", opened->at.origin());
    SLUICE_CO_TRY_VOID(take(part, piece->text()));
  }
  // Reading the end puts the connection back into the pool; more than the end is a lie.
  SLUICE_CO_TRY(const auto more, co_await opened->response.read());
  if (more) co_return fail(ErrorCode::corrupt_data, "{}: more bytes came than were asked for", file_.path);
  co_return Status();
}

net::Task<Status> FileDownload::fetch_part(Part& part, net::Cancel& cancel) {
  Patience patience;
  while (true) {
    const std::uint64_t before = part.next;
    Status done = co_await fetch_once(part, cancel);
    // A break after the last byte has cost nothing.
    if (done || (part.next == part.end && is_passing(done.error()))) co_return Status();
    SLUICE_CO_TRY_VOID(co_await patience.after(std::move(done).error(), part.next > before, cancel));
  }
}

net::Task<Status> FileDownload::fetch_whole_once(std::uint64_t& at, net::Cancel& cancel) {
  SLUICE_CO_TRY(auto opened, co_await client_.open(target_, std::nullopt, 0, file_.bytes, cancel));
  std::uint64_t position = 0;
  while (true) {
    SLUICE_CO_TRY(const auto piece, co_await opened.response.read());
    if (!piece) break;
    const std::string_view bytes = piece->text();
    if (bytes.size() > file_.bytes - position)
      co_return fail(ErrorCode::corrupt_data, "{}: expected {} bytes, more came", file_.path, file_.bytes);
    const std::uint64_t known = std::min<std::uint64_t>(bytes.size(), at > position ? at - position : 0);
    SLUICE_CO_TRY_VOID(writer_.append(bytes.substr(known)));
    progress_(bytes.size() - known);
    position += bytes.size();
    at = std::max(at, position);
  }
  if (position < file_.bytes)
    co_return fail(ErrorCode::corrupt_data, "{}: expected {} bytes, {} came", file_.path, file_.bytes,
                   position);
  co_return Status();
}

// The server answers every request with the whole file.
net::Task<Status> FileDownload::fetch_whole(net::Cancel& cancel) {
  Patience patience;
  std::uint64_t at = writer_.written();
  while (true) {
    const std::uint64_t before = at;
    Status done = co_await fetch_whole_once(at, cancel);
    if (done || (at == file_.bytes && is_passing(done.error()))) co_return Status();
    SLUICE_CO_TRY_VOID(co_await patience.after(std::move(done).error(), at > before, cancel));
  }
}

net::Task<Status> FileDownload::run(net::Cancel& cancel) {
  for (std::uint64_t at = writer_.written(); at < file_.bytes; at += kPartBytes)
    parts_.push_back(
        {.next = at, .end = std::min(at + kPartBytes, file_.bytes), .written = at, .waiting = {}});
  // The first answer tells whether there are ranges and where the file lies.
  const std::size_t alone = std::min<std::size_t>(parts_.size(), 1);
  const Step step = [this](std::size_t index, net::Cancel& stop) -> net::Task<Status> {
    SLUICE_CO_TRY_VOID(co_await wait_for_turn(index, stop));
    co_return co_await fetch_part(parts_[index], stop);
  };
  Status done = co_await run_together(alone, 1, cancel, step);
  if (done) {
    const Step rest = [&](std::size_t index, net::Cancel& stop) { return step(alone + index, stop); };
    done = co_await run_together(parts_.size() - alone, kPartsAtOnce, cancel, rest);
  }
  if (!done && !has_ranges_) co_return co_await fetch_whole(cancel);
  co_return done;
}

}  // namespace sluice::app::huggingface
