// Answers as OpenAI's clients expect them: one body, or a stream of chunks.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::openai {

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context);
std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context);
std::string encode_stream_error(const base::Error& error);

}  // namespace sluice::hub::dialects::openai
