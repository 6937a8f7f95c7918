#include "hub/dialects/ollama/decode_request.h"

#include "hub/dialects/limits.h"
#include "hub/dialects/ollama/decode_messages.h"
#include "hub/dialects/openai/decode_request.h"

namespace sluice::hub::dialects::ollama {
namespace {

using base::Status;

constexpr std::string_view kName = "ollama";  // of whose words `others` are
// A text of the hub's own for what Ollama leaves unnamed.
constexpr std::string_view kSchemaName = "answer";

// One of `options`; what it is not goes to `others`.
template <typename Request>
Status read_option(const std::string& name, const JsonView& value, Request& request) {
  if (name == "num_predict") {
    SLUICE_TRY(const std::int64_t count, value.integer());
    if (count >= 0) request.output_max = tasks::Tokens{static_cast<std::uint64_t>(count)};
    return {};
  }
  if (name == "stop") return openai::decode_stop(value, request.stop);
  bool known = false;
  SLUICE_TRY_VOID(openai::decode_sampling(name, value, request.sampling, known));
  if (!known) request.others.push_back({.name = name, .json = std::string(value.text())});
  return {};
}

// What every generating request has; sets `known`.
template <typename Request>
Status read_shared(const std::string& name, const JsonView& value, Request& request, bool& known) {
  known = true;
  if (name == "options") {
    return value.each_member(
        [&](const std::string& key, const JsonView& option) { return read_option(key, option, request); });
  }
  // How long a local engine keeps the model is the device's own affair.
  known = name == "model" || name == "stream" || name == "keep_alive" || is_hub_parameter(name);
  return {};
}

Status read_format(const JsonView& value, tasks::ChatRequest& request) {
  using Kind = tasks::ResponseFormat::Kind;
  tasks::ResponseFormat format;
  if (value.type() == JsonType::object) {
    format.kind = Kind::json_schema;
    format.name = kSchemaName;
    format.schema_json = std::string(value.text());
  } else {
    SLUICE_TRY(const std::string word, value.string());
    if (word.empty()) return {};
    if (word != "json")
      return refuse_parameter(
          "format", fmt::format("'format' must be \"json\" or a schema, not \"{}\"", word.substr(0, 40)));
    format.kind = Kind::json_object;
  }
  request.response_format = std::move(format);
  return {};
}

// true, false, or how much.
Status read_think(const JsonView& value, tasks::ChatRequest& request) {
  tasks::Reasoning reasoning;
  if (value.type() == JsonType::string) {
    SLUICE_TRY(reasoning.effort, value.string());
    reasoning.show = true;
  } else {
    SLUICE_TRY(const bool think, value.boolean());
    reasoning.effort = think ? "medium" : "none";
    reasoning.show = think;
  }
  request.reasoning = std::move(reasoning);
  return {};
}

// What /api/chat and /api/generate share.
Status read_chat_parameter(const std::string& name, const JsonView& value, tasks::ChatRequest& request) {
  bool known = false;
  if (name == "format") return read_format(value, request);
  if (name == "think") return read_think(value, request);
  if (name == "logprobs") {
    SLUICE_TRY(request.logprobs, value.boolean());
    return {};
  }
  if (name == "top_logprobs") {
    SLUICE_TRY(request.top_logprobs, value.count(0, 20));
    return {};
  }
  SLUICE_TRY_VOID(read_shared(name, value, request, known));
  if (!known) request.others.push_back({.name = name, .json = std::string(value.text())});
  return {};
}

tasks::ChatRequest begin_chat(const ScannedRequest& scanned) {
  tasks::ChatRequest request;
  request.dialect = kName;
  request.model = scanned.model;
  request.stream = scanned.stream;
  request.include_usage = scanned.stream;
  return request;
}

// Shows every parameter that is not null to `read`.
template <typename Read>
Status each_parameter(const ScannedRequest& scanned, Read read) {
  for (const Member& member : scanned.members) {
    if (member.type == JsonType::null) continue;
    SLUICE_TRY_VOID(read(member.name, JsonView(scanned.text_of(member), member.name)));
  }
  return {};
}

Status read_inputs(const JsonView& value, std::vector<tasks::Prompt>& inputs) {
  if (value.type() == JsonType::string) {
    SLUICE_TRY(std::string text, value.string());
    inputs.emplace_back(std::move(text));
    return {};
  }
  if (value.type() != JsonType::array) return value.refuse("a string or an array of strings");
  return value.each_element([&](const JsonView& element) -> Status {
    if (inputs.size() == kEmbedInputsMax)
      return refuse_parameter("input", fmt::format("'input' has more than {} texts", kEmbedInputsMax));
    SLUICE_TRY(std::string text, element.string());
    inputs.emplace_back(std::move(text));
    return {};
  });
}

}  // namespace

base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned) {
  tasks::ChatRequest request = begin_chat(scanned);
  SLUICE_TRY_VOID(each_parameter(scanned, [&](const std::string& name, const JsonView& value) -> Status {
    if (name == "messages") return decode_messages(value, request.messages);
    if (name == "tools")
      return value.each_element([&](const JsonView& tool) { return openai::decode_tool(tool, request); });
    return read_chat_parameter(name, value, request);
  }));
  return request;
}

base::Result<tasks::ChatRequest> decode_generate(const ScannedRequest& scanned) {
  tasks::ChatRequest request = begin_chat(scanned);
  tasks::Message turn;
  std::string system, prompt;
  SLUICE_TRY_VOID(each_parameter(scanned, [&](const std::string& name, const JsonView& value) -> Status {
    if (name == "images") return decode_images(value, turn.parts);
    if (name == "prompt") {
      SLUICE_TRY(prompt, value.string());
    } else if (name == "system") {
      SLUICE_TRY(system, value.string());
    } else if (name != "raw" && name != "suffix") {  // both say here: nothing of the kind
      return read_chat_parameter(name, value, request);
    }
    return {};
  }));
  if (!system.empty()) {
    tasks::Message& message = request.messages.emplace_back();
    message.role = tasks::Role::system;
    message.parts.emplace_back(tasks::TextPart{std::move(system)});
  }
  turn.parts.emplace_back(tasks::TextPart{std::move(prompt)});
  request.messages.push_back(std::move(turn));
  return request;
}

base::Result<tasks::CompletionRequest> decode_raw_generate(const ScannedRequest& scanned) {
  tasks::CompletionRequest request;
  request.dialect = kName;
  request.model = scanned.model;
  request.stream = scanned.stream;
  request.include_usage = scanned.stream;
  bool logprobs = false;
  std::uint32_t top = 0;
  SLUICE_TRY_VOID(each_parameter(scanned, [&](const std::string& name, const JsonView& value) -> Status {
    bool known = true;
    if (name == "prompt") {
      SLUICE_TRY(std::string text, value.string());
      request.prompts.emplace_back(std::move(text));
    } else if (name == "suffix") {
      SLUICE_TRY(request.suffix, value.string());
    } else if (name == "logprobs") {
      SLUICE_TRY(logprobs, value.boolean());
    } else if (name == "top_logprobs") {
      SLUICE_TRY(top, value.count(0, 20));
    } else if (name != "raw") {
      SLUICE_TRY_VOID(read_shared(name, value, request, known));
    }
    if (known) return {};
    return refuse_parameter(name, fmt::format("'{}' cannot be combined with 'raw' or 'suffix'", name));
  }));
  if (logprobs) request.logprobs = top;
  return request;
}

base::Result<tasks::EmbedRequest> decode_embed(const ScannedRequest& scanned) {
  tasks::EmbedRequest request;
  request.dialect = kName;
  request.model = scanned.model;
  SLUICE_TRY_VOID(each_parameter(scanned, [&](const std::string& name, const JsonView& value) -> Status {
    if (name == "input" || name == "prompt") return read_inputs(value, request.inputs);
    if (name == "truncate") {
      SLUICE_TRY(request.truncate, value.boolean());
    } else if (name == "dimensions") {
      SLUICE_TRY(request.dimensions, value.count(1, kEmbedValuesMax));
    } else if (name != "model" && name != "stream" && name != "keep_alive" && !is_hub_parameter(name)) {
      request.others.push_back({.name = name, .json = std::string(value.text())});
    }
    return {};
  }));
  if (request.inputs.empty()) return refuse_parameter("input", "'input' must not be empty");
  return request;
}

}  // namespace sluice::hub::dialects::ollama
