// Any bytes as a form: refused, or parts that lie inside the body, and a chat request that is JSON or
// refused.
#include "http/multipart.h"

#include <simdjson.h>

#include <cstdint>
#include <cstdlib>

#include "http/limits.h"
#include "hub/api/form_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first line is the header.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view type = text.substr(0, line);
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  const auto parts = sluice::http::parse_multipart(body, type);
  if (parts && parts->size() > sluice::http::kMaxFormParts) std::abort();
  if (parts)
    for (const auto& part : *parts)
      if (!part.content.empty() && (part.content.data() < body.data() ||
                                    part.content.data() + part.content.size() > body.data() + body.size()))
        std::abort();
  const auto chat = sluice::hub::api::chat_body_of_form(body, type);
  simdjson::dom::parser parser;
  if (chat && parser.parse(*chat).error() != simdjson::SUCCESS) std::abort();
  return 0;
}
