// OpenAI's Responses API: an answer is a list of items (messages, thinking, calls of functions), and its
// stream tells every step of each of them. Both halves. Stateless: nothing is kept between requests, so what
// refers to kept state (previous_response_id, conversation, background) is refused by name.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::responses {

extern const Dialect kDialect;

}  // namespace sluice::hub::dialects::responses
