// Answers as Ollama's clients expect them: one object, or a stream of them, a line each; the last one tells
// why it ended, what it took and how long.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::ollama {

// Chats and embeddings.
base::Result<std::string> encode_chat_reply(std::span<const tasks::Event> events,
                                            const ReplyContext& context);
std::unique_ptr<StreamEncoder> encode_chat_stream(const ReplyContext& context);

base::Result<std::string> encode_generate_reply(std::span<const tasks::Event> events,
                                                const ReplyContext& context);
std::unique_ptr<StreamEncoder> encode_generate_stream(const ReplyContext& context);

std::string encode_error(const base::Error& error);         // {"error":"text"}
std::string encode_stream_error(const base::Error& error);  // likewise, as a line

}  // namespace sluice::hub::dialects::ollama
