// What a response says besides its items: the parameters of its request again, and errors.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/json_writer.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects::responses {

// The members of the response that repeat the request, defaults where it was silent. `served_tier` wins over
// the tier asked for.
void write_echo(base::JsonWriter& out, const ScannedRequest& request, std::string_view served_tier);

// The members of an `error` event after type and sequence_number: flat as OpenAI's reference has it, and as
// an object, by which clients tell an error from an event.
void write_error_event(base::JsonWriter& out, const base::Error& error);
// The `error` of a failed response.
void write_response_error(base::JsonWriter& out, const base::Error& error);

}  // namespace sluice::hub::dialects::responses
