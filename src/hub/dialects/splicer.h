// A client's request as a provider of its own dialect is to receive it: the client's own bytes, with the
// model replaced, the provider's quirks applied and, on an OpenAI stream, the usage asked for. Nothing else
// changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/slice.h"
#include "hub/catalog/provider.h"
#include "hub/dialects/quirks.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects {

struct Spliced {
  http::Body body;
  bool asked_usage = false;  // we asked for the usage event: it is ours to remove from the answer
  std::vector<std::string> dropped = {};  // what of the client's a quirk left out, by name
};

// `is_openai`: of the dialect. Such a stream is asked for stream_options.include_usage where the client does
// not say and the surface reports usage only when asked; spellings that only some servers of the dialect read
// become OpenAI's own.
base::Result<Spliced> splice_request(const ScannedRequest& request, const catalog::Surface& surface,
                                     std::string_view model, bool is_openai = false);

}  // namespace sluice::hub::dialects
