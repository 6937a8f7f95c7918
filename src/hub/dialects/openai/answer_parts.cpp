#include "hub/dialects/openai/answer_parts.h"

#include <algorithm>

#include "hub/dialects/logprobs.h"

namespace sluice::hub::dialects::openai {
namespace {

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

bool wants_older_calls(const ScannedRequest* request) {
  return request != nullptr && request->find("functions") != nullptr && request->find("tools") == nullptr;
}

std::string_view finish_name(tasks::FinishReason reason, bool older_calls) {
  if (older_calls && reason == tasks::FinishReason::tool_calls) return "function_call";
  return tasks::name_of(reason);
}

void write_chat_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs) {
  out.begin_object().key("content");
  write_logprobs(out, logprobs);
  out.key("refusal").null().end_object();
}

void write_completion_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs,
                               std::size_t& offset) {
  out.begin_object().key("tokens").begin_array();
  for (const auto& token : logprobs) out.string(token.token);
  out.end_array().key("token_logprobs").begin_array();
  for (const auto& token : logprobs) out.number(token.logprob);
  out.end_array().key("top_logprobs").begin_array();
  for (const auto& token : logprobs) {
    out.begin_object();
    for (const auto& other : token.top) out.field(other.token, other.logprob);
    out.end_object();
  }
  out.end_array().key("text_offset").begin_array();
  for (const auto& token : logprobs) {
    out.number(offset);
    offset += code_points(token.token);
  }
  out.end_array().end_object();
}

}  // namespace sluice::hub::dialects::openai
