// The hub's own requests as Responses bodies. Only what was asked for is written, besides `store: false`:
// what passes through the hub is not to be kept by whoever answers.
#pragma once

#include <string>

#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::responses {

std::string encode_request(const tasks::ChatRequest& request, DropList& dropped);

}  // namespace sluice::hub::dialects::responses
