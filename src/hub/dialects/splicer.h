// Edits a request body by cutting: the result is a list of slices of the client's own bytes with small pieces
// of ours between them. What no edit touches is the client's, byte for byte.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/slice.h"
#include "hub/catalog/provider.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects {

// Replaces bytes [at.begin, at.end) of a body; an empty span inserts.
struct Edit {
  Span at;
  http::Slice text;
};

// The body with `edits` applied; they are in order and do not overlap.
http::Body apply_edits(const http::Slice& body, std::span<const Edit> edits);

// What a quirk may look at and do.
class EditPlan {
 public:
  explicit EditPlan(const ScannedRequest& request);

  const ScannedRequest& request() const { return request_; }
  bool is_dropped(std::size_t member) const { return dropped_[member]; }
  void drop(std::size_t member) { dropped_[member] = true; }
  void rename(std::size_t member, std::string_view name);
  void replace(std::size_t member, std::string json);       // its value
  void insert_after(std::size_t member, std::string text);  // ",\"key\":value"
  void insert_at(std::size_t offset, std::string text);
  void replace_bytes(Span at, std::string text);
  http::Body apply() const;

 private:
  void plan_drop(std::size_t member, bool kept_before, std::vector<Edit>& edits) const;

  const ScannedRequest& request_;
  std::vector<bool> dropped_;
  std::vector<Edit> edits_;
};

// One row of the table of quirks. `apply` fails with invalid_argument when the request cannot be carried.
struct QuirkRow {
  std::string_view name;
  bool has_to;  // whether `to` must be given
  base::Status (*apply)(const catalog::Quirk& quirk, EditPlan& plan);
};
std::span<const QuirkRow> all_quirks();
// "" when `quirk` can be applied, else why not: provider files are checked with it.
std::string refuse_quirk(const catalog::Quirk& quirk);

struct Spliced {
  http::Body body;
  bool asked_usage = false;  // we asked for the usage event: it is ours to remove from the answer
  std::vector<std::string> dropped = {};  // parameters of the client's that a quirk left out
};

// The request as `surface` is to receive it: its own `model`, its quirks, and stream_options.include_usage
// where that is absent on a stream and the provider reports usage only when asked.
base::Result<Spliced> splice_request(const ScannedRequest& request, const catalog::Surface& surface,
                                     std::string_view model);

}  // namespace sluice::hub::dialects
