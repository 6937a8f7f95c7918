// One turn of a conversation.
#pragma once

#include "base/result.h"
#include "hub/dialects/json_view.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::openai {

base::Result<tasks::Message> decode_message(const JsonView& value);

}  // namespace sluice::hub::dialects::openai
