// Counting the tokens of a prompt for those who do not count themselves: an answer to count_tokens that says,
// by a header, that it is an estimate. The hub has no tokenizer: texts count by their UTF-8 bytes, at ratios
// that err on the high side for the tokenizers in use; pictures and documents by what providers charge.
#pragma once

#include <string_view>

#include "hub/gateway/upstream.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::gateway {

inline constexpr std::string_view kEstimatedHeader = "x-sluice-estimated";

// Pure. Everything that the model reads counts: texts, tools, schemas, pictures, documents.
tasks::Tokens estimate_input(const tasks::ChatRequest& request);

// Whether the candidate of `call` must be helped out: it is asked to count and has no address for that.
bool needs_estimate(const Call& call);

// Answers count_tokens with estimate_input(); never waits.
class EstimatingUpstream : public Upstream {
 public:
  net::Task<Outcome<Opened>> open(const Call& call, net::TimePoint deadline, net::Cancel& cancel) override;
};

}  // namespace sluice::hub::gateway
