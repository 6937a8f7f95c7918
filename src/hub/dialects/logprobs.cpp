#include "hub/dialects/logprobs.h"

namespace sluice::hub::dialects {
namespace {

void write_token(base::JsonWriter& out, const tasks::TokenLogprob& token) {
  out.field("token", token.token).field("logprob", token.logprob).key("bytes");
  if (token.bytes.empty()) {
    out.null();
    return;
  }
  out.begin_array();
  for (const std::uint8_t byte : token.bytes) out.number(byte);
  out.end_array();
}

tasks::TokenLogprob read_token(JsonObject object) {
  tasks::TokenLogprob logprob;
  logprob.token = text_of(object, "token");
  logprob.logprob = decimal_of(object, "logprob").value_or(0);
  for (const JsonElement byte : elements_of(object, "bytes")) {
    std::uint64_t value = 0;
    if (byte.get(value) == simdjson::SUCCESS && value < 256)
      logprob.bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return logprob;
}

}  // namespace

void write_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs) {
  out.begin_array();
  for (const tasks::TokenLogprob& token : logprobs) {
    out.begin_object();
    write_token(out, token);
    out.key("top_logprobs").begin_array();
    for (const tasks::TokenLogprob& other : token.top) {
      out.begin_object();
      write_token(out, other);
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array();
}

std::vector<tasks::TokenLogprob> read_logprobs(JsonObject object, std::string_view key) {
  std::vector<tasks::TokenLogprob> logprobs;
  for (const JsonElement element : elements_of(object, key)) {
    JsonObject token;
    if (element.get(token) != simdjson::SUCCESS) continue;
    tasks::TokenLogprob logprob = read_token(token);
    for (const JsonElement other : elements_of(token, "top_logprobs"))
      if (JsonObject entry; other.get(entry) == simdjson::SUCCESS) logprob.top.push_back(read_token(entry));
    logprobs.push_back(std::move(logprob));
  }
  return logprobs;
}

}  // namespace sluice::hub::dialects
