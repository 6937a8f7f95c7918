#include "hub/dialects/openai/errors.h"

#include <array>

#include "base/json_writer.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;

struct WireError {
  ErrorCode code;
  std::string_view type;
  std::string_view name;  // of `code`; empty is null
};
constexpr std::array kWireErrors{
    WireError{ErrorCode::context_overflow, "invalid_request_error", "context_length_exceeded"},
    WireError{ErrorCode::unauthenticated, "invalid_request_error", "invalid_api_key"},
    WireError{ErrorCode::payment_required, "insufficient_quota", "insufficient_quota"},
    WireError{ErrorCode::forbidden, "permission_error", "forbidden"},
    WireError{ErrorCode::not_found, "invalid_request_error", "not_found"},
    WireError{ErrorCode::rate_limited, "rate_limit_error", "rate_limit_exceeded"},
    WireError{ErrorCode::too_large, "invalid_request_error", "too_large"},
    WireError{ErrorCode::unsupported_media, "invalid_request_error", "unsupported_media"},
    WireError{ErrorCode::invalid_argument, "invalid_request_error", ""},
    WireError{ErrorCode::conflict, "invalid_request_error", "conflict"},
};

}  // namespace

std::string encode_error(const base::Error& error) {
  WireError wire{error.code, "api_error", base::name_of(error.code)};
  for (const WireError& row : kWireErrors) {
    if (row.code == error.code) wire = row;
  }
  if (error.code == ErrorCode::not_found && error.parameter == "model") wire.name = "model_not_found";
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("error").begin_object().field("message", error.message).field("type", wire.type);
  json.key("param");
  error.parameter.empty() ? json.null() : json.string(error.parameter);
  json.key("code");
  wire.name.empty() ? json.null() : json.string(wire.name);
  if (!error.provider.empty()) json.field("provider", error.provider);
  json.end_object().end_object();
  return out;
}

}  // namespace sluice::hub::dialects::openai
