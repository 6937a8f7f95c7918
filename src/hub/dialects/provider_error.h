// What a provider means by an error, whatever its dialect: their shapes differ less by dialect than by
// server, and gateways in front of them answer in shapes of their own.
#pragma once

#include <string_view>

#include "http/message.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects {

// What an answer with an error status means. Understands {error:{message,...}}, {error:"text"},
// {message}, {detail:...}, {object:"error"} and lists of these; anything else is named by its content type.
// Words of a provider that refuses our credential are not passed on: they may repeat it.
Fail decode_error(std::string_view provider, const http::ResponseHead& head, std::string_view body);

// An error object inside an answer that began with 200: `json` holds the object, or the whole event.
Fail decode_error_in_answer(std::string_view provider, std::string_view json);

}  // namespace sluice::hub::dialects
