// Answers as clients of the Responses API expect them: one response object, or the stream of its events.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::responses {

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context);
std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context);
// Behind relayed events, whose numbers nobody counted: its own is beyond all of them.
std::string encode_stream_error(const base::Error& error);

}  // namespace sluice::hub::dialects::responses
