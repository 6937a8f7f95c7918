#include "hub/dialects/openai/openai.h"

#include "hub/dialects/openai/decode_request.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/errors.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/upstream.h"

namespace sluice::hub::dialects::openai {

constinit const Dialect kDialect{
    .name = "openai",
    .upstream = UpstreamHalf{.begin = begin_upstream},
    .downstream = DownstreamHalf{.scan = scan_request,
                                 .decode_chat = decode_chat,
                                 .decode_completion = decode_completion,
                                 .decode_embed = decode_embed,
                                 .encode_reply = encode_reply,
                                 .encode_stream = encode_stream,
                                 .encode_error = encode_error,
                                 .encode_stream_error = encode_stream_error,
                                 .reply_type = "application/json",
                                 .stream_type = "text/event-stream; charset=utf-8",
                                 .heartbeat = ": keep-alive\n\n"},
};

}  // namespace sluice::hub::dialects::openai
