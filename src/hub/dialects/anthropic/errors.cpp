#include "hub/dialects/anthropic/errors.h"

#include "base/json_writer.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::ErrorCode;

std::string_view type_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::context_overflow:
    case ErrorCode::conflict:
    case ErrorCode::unsupported_media:
      return "invalid_request_error";
    case ErrorCode::unauthenticated:
      return "authentication_error";
    case ErrorCode::payment_required:
      return "billing_error";
    case ErrorCode::forbidden:
      return "permission_error";
    case ErrorCode::not_found:
      return "not_found_error";
    case ErrorCode::too_large:
      return "request_too_large";
    case ErrorCode::rate_limited:
      return "rate_limit_error";
    case ErrorCode::timed_out:
      return "timeout_error";
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
      return "overloaded_error";
    default:
      return "api_error";
  }
}

}  // namespace

std::string encode_error(const base::Error& error) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("type", "error").key("error").begin_object();
  json.field("type", type_of(error.code)).field("message", error.message);
  if (!error.provider.empty()) json.field("provider", error.provider);
  json.end_object().end_object();
  return out;
}

std::string encode_stream_error(const base::Error& error) {
  return "event: error\ndata: " + encode_error(error) + "\n\n";
}

}  // namespace sluice::hub::dialects::anthropic
