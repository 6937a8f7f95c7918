#include "hub/dialects/provider_error.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/strings.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {
namespace {

using base::ErrorCode;

// What a provider said, where it said anything.
struct Words {
  std::string message;
  std::string parameter;
  std::string code;
  int status = 0;  // a number in HTTP's range given as code or status, else the one that `type` stands for
  bool refuses_credential = false;  // whatever the status
  bool finds_too_long = false;      // that there are more tokens than the model's context
  std::optional<std::chrono::milliseconds> retry_after = {};
};

// What Anthropic and OpenAI call their errors by: all that says, in the midst of a stream, what went wrong.
constexpr std::array kStatusByType{std::pair{"invalid_request_error", 400},
                                   std::pair{"authentication_error", 401},
                                   std::pair{"billing_error", 402},
                                   std::pair{"permission_error", 403},
                                   std::pair{"not_found_error", 404},
                                   std::pair{"request_too_large", 413},
                                   std::pair{"rate_limit_error", 429},
                                   std::pair{"insufficient_quota", 429},
                                   std::pair{"api_error", 500},
                                   std::pair{"server_error", 500},
                                   std::pair{"timeout_error", 504},
                                   std::pair{"overloaded_error", 529}};

std::string shortened(std::string_view text) {
  text = base::trim(text);
  if (text.size() <= kErrorTextBytesMax) return std::string(text);
  std::size_t end = kErrorTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;  // not inside a character
  return std::string(text.substr(0, end)) + "...";
}

// "34.07s", as Google writes durations.
std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
  constexpr double kLongestS = 24 * 3600.0;
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  double seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds <= kLongestS)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// Google's error details: ErrorInfo{reason} and RetryInfo{retryDelay} among them.
void read_details(JsonObject object, Words& words) {
  for (const JsonElement element : elements_of(object, "details")) {
    JsonObject detail;
    if (element.get(detail) != simdjson::SUCCESS) continue;
    if (text_of(detail, "reason") == "API_KEY_INVALID") words.refuses_credential = true;
    if (const auto delay = read_duration(text_of(detail, "retryDelay"))) words.retry_after = delay;
  }
}

void read_object(JsonObject object, Words& words, int depth);

void read_text_or_object(JsonElement element, Words& words, int depth) {
  if (std::string_view text; element.get(text) == simdjson::SUCCESS) {
    if (words.message.empty()) words.message = shortened(text);
  } else if (JsonObject object; element.get(object) == simdjson::SUCCESS) {
    read_object(object, words, depth + 1);
  } else if (JsonArray list; element.get(list) == simdjson::SUCCESS && list.size() > 0 && depth < 4) {
    read_text_or_object(list.at(0).value(), words, depth + 1);
  }
}

void read_object(JsonObject object, Words& words, int depth) {
  if (depth > 4) return;
  for (const std::string_view key : {"error", "detail"}) {
    if (const auto inner = value_of(object, key)) read_text_or_object(*inner, words, depth);
  }
  for (const std::string_view key : {"message", "msg"}) {
    if (words.message.empty()) words.message = shortened(text_of(object, key));
  }
  if (words.parameter.empty()) words.parameter = text_of(object, "param").substr(0, 200);
  for (const std::string_view key : {"code", "status_code", "status"}) {
    std::int64_t number = integer_of(object, key).value_or(0);
    const std::string text = text_of(object, key);
    if (words.code.empty()) words.code = text.substr(0, 200);
    if (const auto parsed = base::parse_unsigned(text)) number = static_cast<std::int64_t>(*parsed);
    if (words.status == 0 && number >= 400 && number < 600) words.status = static_cast<int>(number);
  }
  const std::string type = text_of(object, "type");
  for (const auto& [name, status] : kStatusByType) {
    if (words.status == 0 && type == name) words.status = status;
  }
  words.finds_too_long |= text_of(object, "error_type") == "TOO_MANY_TOKENS";
  read_details(object, words);
}

Words read_words(std::string_view body) {
  Words words;
  if (const auto element = parse_json(body)) read_text_or_object(*element, words, 0);
  // xAI answers a wrong key with 400, as Google does, and has only words for it.
  words.refuses_credential |= words.message.starts_with("Incorrect API key provided");
  for (const std::string_view phrase : {"exceeds the maximum number of tokens allowed", "too many tokens:"})
    words.finds_too_long |= words.message.contains(phrase);  // Google, Cohere
  return words;
}

ErrorCode code_for(int status, const Words& words) {
  if (words.code == "context_length_exceeded") return ErrorCode::context_overflow;
  if (words.finds_too_long && status == 400) return ErrorCode::context_overflow;
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::invalid_argument;
    case 404:
      return ErrorCode::not_found;
    case 408:
    case 504:
      return ErrorCode::timed_out;
    case 413:
      return ErrorCode::too_large;
    case 415:
      return ErrorCode::unsupported_media;
    case 429:
      return ErrorCode::rate_limited;
    case 503:
    case 529:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::upstream_failed;
  }
}

bool blames_request(ErrorCode code) {
  return code == ErrorCode::invalid_argument || code == ErrorCode::context_overflow ||
         code == ErrorCode::too_large || code == ErrorCode::unsupported_media;
}

// Seconds, whole or not, or milliseconds in OpenAI's own header. Dates need a clock and are not used.
std::optional<std::chrono::milliseconds> read_retry_after(const http::Headers& headers) {
  constexpr double kLongestMs = 24 * 3600 * 1000.0;
  for (const auto& [name, unit_ms] : {std::pair{"retry-after-ms", 1.0}, std::pair{"retry-after", 1000.0}}) {
    const auto value = headers.find(name);
    if (!value) continue;
    const std::string_view text = base::trim(*value);
    double number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size()) continue;
    if (number >= 0 && number * unit_ms <= kLongestMs) {
      return std::chrono::milliseconds(static_cast<std::int64_t>(number * unit_ms));
    }
  }
  return std::nullopt;
}

}  // namespace

Fail decode_error(std::string_view provider, const http::ResponseHead& head, std::string_view body) {
  const Words words = read_words(body);
  Fail fail;
  fail.status = head.status;
  fail.retry_after = read_retry_after(head.headers);
  if (!fail.retry_after) fail.retry_after = words.retry_after;
  fail.error.provider = std::string(provider);
  fail.error.code = code_for(head.status, words);
  if (head.status == 401 || head.status == 403 || words.refuses_credential) {
    fail.error.code = ErrorCode::upstream_failed;
    fail.error.message = fmt::format("{} refused our credential for it (status {})", provider, head.status);
    return fail;
  }
  fail.blames_request = blames_request(fail.error.code);
  if (fail.blames_request) fail.error.parameter = words.parameter;
  if (head.status >= 300 && head.status < 400) {
    fail.error.message =
        fmt::format("{} answered with a redirect (status {}), which is not followed", provider, head.status);
  } else if (!words.message.empty()) {
    fail.error.message = fmt::format("{} answered {}: {}", provider, head.status, words.message);
  } else {
    const auto type = head.headers.find("content-type");
    fail.error.message = fmt::format("{} answered {} with {} and no error message", provider, head.status,
                                     body.empty() ? "an empty body"
                                     : type       ? shortened(*type)
                                                  : "no content type");
  }
  return fail;
}

Fail decode_error_in_answer(std::string_view provider, std::string_view json) {
  const Words words = read_words(json);
  Fail fail;
  fail.status = words.status != 0 ? words.status : 200;
  fail.retry_after = words.retry_after;
  fail.error.provider = std::string(provider);
  fail.error.code = code_for(words.status, words);
  if (words.status == 401 || words.status == 403 || words.refuses_credential) {
    fail.error.code = ErrorCode::upstream_failed;
    fail.error.message = fmt::format("{} refused our credential for it (status {})", provider, words.status);
    return fail;
  }
  fail.blames_request = blames_request(fail.error.code);
  if (fail.blames_request) fail.error.parameter = words.parameter;
  fail.error.message = fmt::format("{} reported an error in its answer: {}", provider,
                                   words.message.empty() ? "(no message)" : words.message);
  return fail;
}

}  // namespace sluice::hub::dialects
