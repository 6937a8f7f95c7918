// Errors on OpenAI's wire, both ways.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::openai {

// What an answer with an error status means. Understands {error:{message,...}}, {error:"text"},
// {message}, {detail:...}, {object:"error"} and lists of these; anything else is named by its content type.
// Words of a provider that refuses our credential are not passed on: they may repeat it.
Fail decode_error(std::string_view provider, const http::ResponseHead& head, std::string_view body);

// An error object inside an answer that began with 200: `json` holds the object, or the whole event.
Fail decode_error_in_answer(std::string_view provider, std::string_view json);

// {"error":{"message","type","param","code"}}, with "provider" beside them when one failed.
std::string encode_error(const base::Error& error);

}  // namespace sluice::hub::dialects::openai
