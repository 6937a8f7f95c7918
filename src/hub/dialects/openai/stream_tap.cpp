#include "hub/dialects/openai/stream_tap.h"

#include <fmt/format.h>

#include <charconv>

#include "base/strings.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/usage.h"

namespace sluice::hub::dialects::openai {
namespace {

std::string_view between_quotes(std::string_view quoted) {
  return quoted.size() >= 2 && quoted.front() == '"' ? quoted.substr(1, quoted.size() - 2)
                                                     : std::string_view();
}

template <typename Number>
Number number_in(std::string_view text, Number otherwise) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

bool is_nothing(std::string_view value) {
  return value.empty() || value == "null" || value == "\"\"" || value == "[]" || value == "{}";
}

// Whether a member of a choice is part of its answer, or a delta that says more than whose turn it is. What
// is not known counts as part of it.
bool begins_answer(std::string_view name, std::string_view value) {
  if (is_nothing(value) || name == "index" || name == "logprobs") return false;
  if (name != "delta" || value.front() != '{') return true;
  JsonScanner scanner(value);
  scanner.enter_object();
  while (const auto key = scanner.next_key()) {
    const bool is_role = key->in(value) == "role";
    if (!is_nothing(scanner.take_value().in(value)) && !is_role) return true;
  }
  return false;
}

}  // namespace

tasks::FinishReason finish_reason_of(std::string_view native) {
  using enum tasks::FinishReason;
  if (native == "length" || native == "max_tokens" || native == "model_length") return length;
  if (native == "tool_calls" || native == "function_call") return tool_calls;
  if (native == "content_filter" || native == "sensitive" || native == "refusal") return content_filter;
  if (native == "error" || native == "network_error" || native == "abort") return error;
  return stop;  // "stop", and the words of older servers: "eos", "eos_token", "stop_sequence"
}

// What one event held at its top level.
struct StreamTap::Chunk {
  bool has_choices = false;
  bool has_usage = false;
  std::string_view error;
  std::string_view id, model, created, fingerprint, tier;
};

StreamTap::Verdict StreamTap::observe(std::string_view data) {
  data = base::trim(data);
  if (data == "[DONE]") {
    done_ = true;
    return Verdict::done;
  }
  JsonScanner scanner(data);
  Chunk chunk;
  bool is_error_object = false;
  usage_just_now_ = false;
  if (scanner.peek() != JsonType::object || !scanner.enter_object()) {
    scanner.take_value();
    problem_ = scanner.failed() ? scanner.error().message : "expected a JSON object";
    return Verdict::rubbish;
  }
  while (const auto key = scanner.next_key()) {
    const std::string_view name = key->in(data);
    const JsonType type = scanner.peek();
    if (name == "choices" && type == JsonType::array) {
      scan_choices(scanner, data, chunk);
      continue;
    }
    if (name == "x_groq" && type == JsonType::object) {
      scan_vendor_usage(scanner, data);
      continue;
    }
    const std::string_view value = scanner.take_value().in(data);
    if (name == "usage" && type == JsonType::object) {
      chunk.has_usage = true;
      usage_json_ = value;
    } else if (name == "error" && type != JsonType::null && type != JsonType::boolean && value != "\"\"") {
      chunk.error = value;
    } else if (name == "object") {
      is_error_object = value == "\"error\"";
    } else if (!started_) {
      if (name == "id") chunk.id = value;
      if (name == "model") chunk.model = value;
      if (name == "created") chunk.created = value;
      if (name == "system_fingerprint") chunk.fingerprint = value;
      if (name == "service_tier") chunk.tier = value;
    }
  }
  if (!scanner.finish()) problem_ = scanner.error().message;
  if (!problem_.empty()) return Verdict::rubbish;
  if (!chunk.error.empty() || is_error_object) {
    error_json_ = data;
    return Verdict::error;
  }
  note_start(chunk);
  usage_just_now_ = chunk.has_usage;
  if (!chunk.has_choices && chunk.has_usage) return Verdict::usage_only;
  return chunk.has_choices && !begun_ ? Verdict::opening : Verdict::content;
}

void StreamTap::scan_choices(JsonScanner& scanner, std::string_view data, Chunk& chunk) {
  scanner.enter_array();
  while (scanner.next_element()) {
    chunk.has_choices = true;
    std::uint32_t index = 0;
    std::string_view finish;
    if (scanner.peek() != JsonType::object) {
      scanner.take_value();
      continue;
    }
    scanner.enter_object();
    while (const auto key = scanner.next_key()) {
      const std::string_view name = key->in(data);
      const std::string_view value = scanner.take_value().in(data);
      if (name == "index" && value != "null") index = number_in<std::uint32_t>(value, kChoicesMax);
      if (name == "finish_reason") finish = between_quotes(value);
      if (!begun_) begun_ = begins_answer(name, value);
    }
    if (!scanner.failed()) note_choice(index, finish);
  }
}

// Groq reports usage in its own object, asked or not.
void StreamTap::scan_vendor_usage(JsonScanner& scanner, std::string_view data) {
  scanner.enter_object();
  while (const auto key = scanner.next_key()) {
    const bool is_usage = key->in(data) == "usage" && scanner.peek() == JsonType::object;
    const Span value = scanner.take_value();
    if (is_usage && !scanner.failed()) usage_json_ = value.in(data);
  }
}

void StreamTap::note_start(const Chunk& chunk) {
  if (started_ || !chunk.has_choices) return;
  const auto text = [](std::string_view value) {
    return value.size() >= 2 && value.front() == '"' ? unescape_json(value) : std::string();
  };
  started_ = tasks::Started{.id = text(chunk.id),
                            .model = text(chunk.model),
                            .created_unix_s = number_in<std::int64_t>(chunk.created, 0),
                            .system_fingerprint = text(chunk.fingerprint),
                            .service_tier = text(chunk.tier)};
}

void StreamTap::note_choice(std::uint32_t index, std::string_view finish) {
  if (index >= kChoicesMax) {
    problem_ = fmt::format("choice {} is beyond the limit of {}", index, kChoicesMax);
    return;
  }
  if (index >= choices_.size()) choices_.resize(index + 1, Choice::unseen);
  Choice& choice = choices_[index];
  if (choice == Choice::finished) return;
  if (choice == Choice::unseen) ++unfinished_;
  choice = Choice::open;
  if (finish.empty()) return;
  choice = Choice::finished;
  --unfinished_;
  fresh_.push_back({.choice = index,
                    .reason = finish_reason_of(finish),
                    .native_reason = std::string(finish),
                    .stop_sequence = ""});
}

std::string StreamTap::describe_missing() const {
  if (choices_.empty()) return "it held no choices";
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (choices_[i] == Choice::open) return fmt::format("choice {} has no finish_reason", i);
  }
  return "nothing";
}

std::vector<tasks::Finished> StreamTap::take_finished() {
  return std::exchange(fresh_, {});
}

std::optional<tasks::Usage> StreamTap::usage() const {
  if (usage_json_.empty()) return std::nullopt;
  return parse_usage(usage_json_);
}

}  // namespace sluice::hub::dialects::openai
