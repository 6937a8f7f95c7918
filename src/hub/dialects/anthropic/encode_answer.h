// Answers as Anthropic's clients expect them, whole and streamed. A message has one choice: others are left
// out (no request of this dialect can ask for them).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::anthropic {

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context);
std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context);

}  // namespace sluice::hub::dialects::anthropic
