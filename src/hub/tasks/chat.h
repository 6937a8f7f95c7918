// A conversation: the hub's own words for chat, which every dialect translates to and from and which the
// device speaks directly; event.h has what answers it. Plain data: no behaviour, no ownership beyond its
// members, and free to copy or move between threads.
//
// Texts are UTF-8. Fields named `..._json` hold one JSON value as it came, so that nothing in a schema or an
// argument list is reordered or rounded.
//
// `cache` marks the end of a prefix that the provider shall keep: "" no mark, else how long ("5m", "1h").
// `signature` is opaque proof that the provider itself wrote the part; it goes back unchanged on the next
// turn. `dialect` beside opaque things names who understands them: no other provider is sent them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hub/tasks/generation.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::tasks {

// --- what a message is made of

struct TextPart {
  std::string text;
  std::string cache = {};
  std::string signature = {};
};
struct ImagePart {
  std::string url;      // "https://...", or "data:image/png;base64,..."
  std::string detail;   // "low", "high", "auto" or empty
  std::string id = {};  // of an uploaded file, instead of a url
  std::string cache = {};
};
struct AudioPart {
  std::string data;    // base64
  std::string format;  // "wav", "mp3"
};
// A document. One of id, data, url and text holds it.
struct FilePart {
  std::string id;    // of an uploaded file
  std::string data;  // "data:application/pdf;base64,..."
  std::string name;
  std::string url = {};
  std::string text = {};  // plain text
  std::optional<bool> citations = {};
  std::string cache = {};
};
struct RefusalPart {
  std::string text;
};
// What a model thought. `signature` and `encrypted` are opaque and go back unchanged on the next turn, as do
// `id` and the order of the parts.
struct ReasoningPart {
  std::string text;
  std::string signature;
  std::string encrypted;
  std::string id = {};
  bool summary = false;      // a digest of the thinking, not the thinking itself
  std::string dialect = {};  // of signature and encrypted; empty when it is not known
};
// A part that only one dialect has a word for (the call and the result of a tool that its provider runs
// itself), kept whole and in its place. Encoders of other dialects leave it out as "messages.content.<type>".
struct NativePart {
  std::string type;  // "web_search_tool_result"
  std::string json;
  std::string dialect;
};
using Part = std::variant<TextPart, ImagePart, AudioPart, FilePart, RefusalPart, ReasoningPart, NativePart>;

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // what the model wrote: meant to be JSON, not checked
  std::string signature = {};
  std::string cache = {};
};

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

struct Message {
  Role role = Role::user;
  std::string name;  // of the participant, or empty
  std::vector<Part> parts;
  std::vector<ToolCall> tool_calls;  // assistant only, in order
  std::string tool_call_id;          // tool only: the call this answers
  bool tool_failed = false;          // tool only: the result is an error
  std::string cache = {};            // tool only: of the result as a whole
  std::vector<Extra> others;
};

// --- what may be asked for

struct Tool {
  // Set for a tool that the provider runs itself (web search, code execution): its definition as it came, in
  // the words of `dialect`. `name` is its type then; only a provider of that dialect can be asked for it.
  std::string native_json = {};
  std::string dialect = {};

  std::string name;
  std::string description;
  std::string parameters_json;  // a JSON Schema, or empty
  std::optional<bool> strict;
  std::string cache = {};
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
  // What the hub has no field for, here and in the messages, in the words of `dialect`: encoders of another
  // one leave it out by name.
  std::vector<Extra> others;
  std::string dialect = "openai";
};

}  // namespace sluice::hub::tasks
