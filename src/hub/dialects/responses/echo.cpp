#include "hub/dialects/responses/echo.h"

#include <array>

#include "hub/dialects/json_scanner.h"
#include "hub/dialects/openai/errors.h"

namespace sluice::hub::dialects::responses {
namespace {

struct Echoed {
  std::string_view name;
  std::string_view silent;  // what stands there when the request does not say; JSON
};
constexpr std::array kEchoed{
    Echoed{"instructions", "null"},
    Echoed{"max_output_tokens", "null"},
    Echoed{"max_tool_calls", "null"},
    Echoed{"metadata", "{}"},
    Echoed{"parallel_tool_calls", "true"},
    Echoed{"prompt_cache_key", "null"},
    Echoed{"reasoning", R"({"effort":null,"summary":null})"},
    Echoed{"safety_identifier", "null"},
    Echoed{"temperature", "1.0"},
    Echoed{"text", R"({"format":{"type":"text"}})"},
    Echoed{"tool_choice", R"("auto")"},
    Echoed{"tools", "[]"},
    Echoed{"top_logprobs", "0"},
    Echoed{"top_p", "1.0"},
    Echoed{"truncation", R"("disabled")"},
    Echoed{"user", "null"},
};

const Member* find_said(const ScannedRequest& request, std::string_view name) {
  const Member* member = request.find(name);
  return member != nullptr && member->type != JsonType::null ? member : nullptr;
}

// The object inside {"error":{...}}.
std::string error_object(const base::Error& error) {
  const std::string body = openai::encode_error(error);
  constexpr std::string_view kHead = R"({"error":)";
  return body.substr(kHead.size(), body.size() - kHead.size() - 1);
}

}  // namespace

void write_echo(base::JsonWriter& out, const ScannedRequest& request, std::string_view served_tier) {
  for (const Echoed& echoed : kEchoed) {
    const Member* member = find_said(request, echoed.name);
    out.key(echoed.name).raw(member != nullptr ? compact_json(request.text_of(*member)) : echoed.silent);
  }
  out.key("service_tier");
  if (!served_tier.empty()) {
    out.string(served_tier);
  } else if (const Member* member = find_said(request, "service_tier")) {
    out.raw(compact_json(request.text_of(*member)));
  } else {
    out.string("default");
  }
  out.key("previous_response_id").null().field("background", false).field("store", false);
}

void write_error_event(base::JsonWriter& out, const base::Error& error) {
  out.field("code", base::name_of(error.code)).field("message", error.message).key("param");
  error.parameter.empty() ? out.null() : out.string(error.parameter);
  out.key("error").raw(error_object(error));
}

void write_response_error(base::JsonWriter& out, const base::Error& error) {
  const bool is_limit = error.code == base::ErrorCode::rate_limited;
  out.begin_object().field("code", is_limit ? "rate_limit_exceeded" : "server_error");
  out.field("message", error.message).end_object();
}

}  // namespace sluice::hub::dialects::responses
