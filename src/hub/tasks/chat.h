// A conversation and what answers it: the hub's own words for chat, which every dialect translates to and
// from and which the device speaks directly. Plain data: no behaviour, no ownership beyond its members, and
// free to copy or move between threads.
//
// Texts are UTF-8. Fields named `..._json` hold one JSON value as it came, so that nothing in a schema or an
// argument list is reordered or rounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "hub/tasks/generation.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::tasks {

// --- what a message is made of

struct TextPart {
  std::string text;
};
struct ImagePart {
  std::string url;     // "https://...", or "data:image/png;base64,..."
  std::string detail;  // "low", "high", "auto" or empty
};
struct AudioPart {
  std::string data;    // base64
  std::string format;  // "wav", "mp3"
};
struct FilePart {
  std::string id;    // of an uploaded file, or
  std::string data;  // "data:application/pdf;base64,..."
  std::string name;
};
struct RefusalPart {
  std::string text;
};
// What a model thought. `signature` and `encrypted` are opaque and go back unchanged on the next turn.
struct ReasoningPart {
  std::string text;
  std::string signature;
  std::string encrypted;
};
using Part = std::variant<TextPart, ImagePart, AudioPart, FilePart, RefusalPart, ReasoningPart>;

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // what the model wrote: meant to be JSON, not checked
};

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

struct Message {
  Role role = Role::user;
  std::string name;  // of the participant, or empty
  std::vector<Part> parts;
  std::vector<ToolCall> tool_calls;  // assistant only, in order
  std::string tool_call_id;          // tool only: the call this answers
  std::vector<Extra> others;
};

// --- what may be asked for

struct Tool {
  std::string name;
  std::string description;
  std::string parameters_json;  // a JSON Schema, or empty
  std::optional<bool> strict;
};

struct ToolChoice {
  enum class Mode : std::uint8_t { automatic, none, required, named };
  Mode mode = Mode::automatic;
  std::string name;  // with Mode::named
};

struct ResponseFormat {
  enum class Kind : std::uint8_t { text, json_object, json_schema };
  Kind kind = Kind::text;
  std::string name;
  std::string description;
  std::string schema_json;
  std::optional<bool> strict;
};

struct Reasoning {
  std::string effort;            // "none", "minimal", "low", "medium", "high", "xhigh" or empty
  std::optional<Tokens> budget;  // most tokens to think with
  std::optional<bool> show;      // whether the thinking is wanted in the answer
};

struct ChatRequest {
  std::string model;  // as the one who serves it knows it
  std::vector<Message> messages;

  Sampling sampling;
  std::optional<Tokens> output_max;  // max_completion_tokens, else max_tokens
  std::vector<std::string> stop;
  std::uint32_t choices = 1;  // n
  bool logprobs = false;
  std::uint32_t top_logprobs = 0;

  std::vector<Tool> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<bool> parallel_tool_calls;
  std::optional<ResponseFormat> response_format;
  std::optional<Reasoning> reasoning;
  std::vector<std::string> modalities;  // of the answer; empty means text

  bool stream = false;
  bool include_usage = false;  // the client wants the usage event in its stream
  std::string user;
  std::string service_tier;
  std::vector<Extra> others;
};

// --- what comes back, in order

// Exactly one, first.
struct Started {
  std::string id;  // of the server, or empty
  std::string model;
  std::int64_t created_unix_s = 0;
  std::string system_fingerprint;
  std::string service_tier;
};
struct TextDelta {
  std::uint32_t choice = 0;
  std::string text;
  std::vector<TokenLogprob> logprobs;
};
struct ReasoningDelta {
  std::uint32_t choice = 0;
  std::string text;
  std::string signature;
  std::string encrypted;
};
struct RefusalDelta {
  std::uint32_t choice = 0;
  std::string text;
};
// A piece of the call number `index` of its choice: id and name come once, with its first piece.
struct ToolCallDelta {
  std::uint32_t choice = 0;
  std::uint32_t index = 0;
  std::string id;
  std::string name;
  std::string arguments;
};
enum class FinishReason : std::uint8_t { stop, length, tool_calls, content_filter, error };
// Exactly one for each choice of a whole answer.
struct Finished {
  std::uint32_t choice = 0;
  FinishReason reason = FinishReason::stop;
  std::string native_reason;  // the provider's own word
  std::string stop_sequence;  // which one ended it, where known
};
// At most one, after every Finished.
struct UsageReport {
  Usage usage;
};
// Ends the answer; what came before it is not whole.
struct Failed {
  base::Error error;
};
using ChatEvent = std::variant<Started, TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, Finished,
                               UsageReport, Failed>;

}  // namespace sluice::hub::tasks
