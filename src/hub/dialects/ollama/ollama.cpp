#include "hub/dialects/ollama/ollama.h"

#include "hub/dialects/ollama/decode_request.h"
#include "hub/dialects/ollama/encode_answer.h"
#include "hub/dialects/ollama/scan.h"

namespace sluice::hub::dialects::ollama {
namespace {

constexpr std::string_view kReplyType = "application/json";
constexpr std::string_view kStreamType = "application/x-ndjson";

}  // namespace

// Its clients parse every line: there is no sign of life that is no answer.
constinit const Dialect kDialect{
    .name = "ollama",
    .upstream = {},
    .downstream = DownstreamHalf{.scan = scan_chat,
                                 .decode_chat = decode_chat,
                                 .decode_embed = decode_embed,
                                 .encode_reply = encode_chat_reply,
                                 .encode_stream = encode_chat_stream,
                                 .encode_error = encode_error,
                                 .encode_stream_error = encode_stream_error,
                                 .reply_type = kReplyType,
                                 .stream_type = kStreamType,
                                 .heartbeat = ""},
};

constinit const Dialect kGenerateDialect{
    .name = "ollama-generate",
    .upstream = {},
    .downstream = DownstreamHalf{.scan = scan_generate,
                                 .decode_chat = decode_generate,
                                 .decode_completion = decode_raw_generate,
                                 .encode_reply = encode_generate_reply,
                                 .encode_stream = encode_generate_stream,
                                 .encode_error = encode_error,
                                 .encode_stream_error = encode_stream_error,
                                 .reply_type = kReplyType,
                                 .stream_type = kStreamType,
                                 .heartbeat = ""},
};

}  // namespace sluice::hub::dialects::ollama
