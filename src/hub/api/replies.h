// The handlers that answer from memory: health, models, metrics, documents. Any loop; none blocks.
#pragma once

#include <string>
#include <string_view>

#include "hub/api/routes.h"

namespace sluice::hub::api {

Reply reply_models(const Question& question);
Reply reply_model(const Question& question);
Reply reply_generation(const Question& question);  // ?id=
Reply reply_live(const Question& question);
Reply reply_ready(const Question& question);
Reply reply_metrics(const Question& question);
Reply reply_openapi(const Question& question);
Reply reply_page(const Question& question);

std::string iso_time(std::int64_t unix_ms);  // "2026-01-31T12:00:00.250Z"; whole seconds without a fraction

// Any failure, in OpenAI's shape.
Reply reply_error(const base::Error& error, std::string_view front = "openai");

}  // namespace sluice::hub::api
