// What a failed attempt means: for the next candidate, for the metrics, and for the client. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "hub/gateway/attempts.h"
#include "hub/gateway/upstream.h"

namespace sluice::hub::gateway {

// Who else may be asked. Nobody where the caller left or the request goes in circles; no other route of the
// model where the caller's request is at fault: it would refuse it as well.
Others others_of(const Failure& failure);

// What it says of the route. `answered`: the head of an answer had come.
health::Verdict verdict_of(const Failure& failure, bool answered);

// "connection", "timeout", "rubbish", "status_4xx", ...: a label of sluice_upstream_errors_total.
std::string_view kind_of(const Failure& failure);

struct FailedAttempt {
  std::string provider;
  Failure failure;
};

// What the client is told when no candidate answered; `attempts` in order, at least one. One failure keeps
// its own code, and so do several of the same (429, 504); otherwise nobody can serve it now. A provider that
// refuses *our* credentials (401, 402, 403) is no business of the client's own key: that is upstream_failed.
base::Error error_for_client(std::span<const FailedAttempt> attempts);

}  // namespace sluice::hub::gateway
