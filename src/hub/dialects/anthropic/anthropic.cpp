#include "hub/dialects/anthropic/anthropic.h"

#include "hub/dialects/anthropic/decode_request.h"
#include "hub/dialects/anthropic/encode_answer.h"
#include "hub/dialects/anthropic/errors.h"
#include "hub/dialects/anthropic/scan.h"
#include "hub/dialects/anthropic/upstream.h"

namespace sluice::hub::dialects::anthropic {

constinit const Dialect kDialect{
    .name = "anthropic",
    .upstream = UpstreamHalf{.begin = begin_upstream},
    .downstream = DownstreamHalf{.scan = scan_request,
                                 .decode_chat = decode_chat,
                                 .encode_reply = encode_reply,
                                 .encode_stream = encode_stream,
                                 .encode_error = encode_error,
                                 .encode_stream_error = encode_stream_error,
                                 .reply_type = "application/json",
                                 .stream_type = "text/event-stream; charset=utf-8",
                                 .id_prefix = "msg_",
                                 .request_id_header = "request-id",
                                 .heartbeat = "event: ping\ndata: {\"type\":\"ping\"}\n\n"},
};

}  // namespace sluice::hub::dialects::anthropic
