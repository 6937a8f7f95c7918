#include "hub/dialects/responses/responses.h"

#include "hub/dialects/openai/errors.h"
#include "hub/dialects/responses/decode_request.h"
#include "hub/dialects/responses/encode_answer.h"
#include "hub/dialects/responses/scan.h"
#include "hub/dialects/responses/upstream.h"

namespace sluice::hub::dialects::responses {

constinit const Dialect kDialect{
    .name = "responses",
    .upstream = UpstreamHalf{.begin = begin_upstream},
    .downstream = DownstreamHalf{.scan = scan_request,
                                 .decode_chat = decode_chat,
                                 .encode_reply = encode_reply,
                                 .encode_stream = encode_stream,
                                 .encode_error = openai::encode_error,
                                 .encode_stream_error = encode_stream_error,
                                 .reply_type = "application/json",
                                 .stream_type = "text/event-stream; charset=utf-8",
                                 .id_prefix = "resp_",
                                 .heartbeat = ": keep-alive\n\n"},
};

}  // namespace sluice::hub::dialects::responses
