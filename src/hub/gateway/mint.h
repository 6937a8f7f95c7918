// Gets a bearer token for a service account: net carries what hub/credentials says to send.
#pragma once

#include <string>

#include "hub/credentials/memory.h"
#include "net/client.h"

namespace sluice::hub::gateway {

// The token to send with `credential`: from memory, else minted and kept; empty when it needs none.
// `credential` and `memory` outlive the task.
net::Task<base::Result<std::string>> token_for(net::Client& client, const credentials::Credential& credential,
                                               credentials::Memory& memory, net::Deadlines deadlines,
                                               bool local_only, net::Cancel& cancel);

}  // namespace sluice::hub::gateway
