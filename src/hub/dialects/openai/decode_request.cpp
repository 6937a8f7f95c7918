#include "hub/dialects/openai/decode_request.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include "hub/dialects/json_view.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/cache_marks.h"
#include "hub/dialects/openai/decode_message.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::Status;

// SLUICE_READ(field, value.string()): sets the field or leaves with the error.
#define SLUICE_READ(field, expression)                          \
  do {                                                          \
    auto read = (expression);                                   \
    if (!read) return std::unexpected(std::move(read).error()); \
    field = *std::move(read);                                   \
  } while (false)

constexpr double kAnyNumber = std::numeric_limits<double>::max();

Status read_stop(const JsonView& value, std::vector<std::string>& stop) {
  if (value.type() == JsonType::string) {
    SLUICE_READ(stop.emplace_back(), value.string());
    return {};
  }
  if (value.type() != JsonType::array) return value.refuse("a string or an array of strings");
  return value.each_element([&](const JsonView& element) -> Status {
    if (stop.size() == kStopSequencesMax) {
      return refuse_parameter("stop", fmt::format("'stop' has more than {} sequences", kStopSequencesMax));
    }
    SLUICE_READ(stop.emplace_back(), element.string());
    return {};
  });
}

Status read_logit_bias(const JsonView& value, tasks::Sampling& sampling) {
  return value.each_member([&](const std::string& name, const JsonView& bias) -> Status {
    std::int64_t token = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), token);
    if (problem != std::errc() || end != name.data() + name.size() || token < 0) {
      return refuse_parameter(
          "logit_bias", fmt::format("keys of 'logit_bias' must be token ids, not '{}'", name.substr(0, 40)));
    }
    auto& entry = sampling.logit_bias.emplace_back(token, 0.0);
    SLUICE_READ(entry.second, bias.decimal(-100, 100));
    return {};
  });
}

Status read_output_max(const JsonView& value, std::optional<tasks::Tokens>& output_max) {
  std::int64_t count = 0;
  SLUICE_READ(count, value.integer(0));
  output_max = tasks::Tokens{static_cast<std::uint64_t>(count)};
  return {};
}

// What chat and completions share beyond sampling. `parameter` was scanned before, so routed values are
// known.
template <typename Request>
Status read_shared(const std::string& name, const JsonView& value, const ScannedRequest& scanned,
                   Request& request, bool& known) {
  known = true;
  if (name == "model") {
    request.model = scanned.model;
  } else if (name == "stream") {
    request.stream = scanned.stream;
  } else if (name == "stream_options") {
    request.include_usage = scanned.include_usage.value_or(false);
  } else if (name == "n") {
    request.choices = scanned.choices;
  } else if (name == "stop") {
    return read_stop(value, request.stop);
  } else if (name == "user") {
    SLUICE_READ(request.user, value.string());
  } else if (is_hub_parameter(name) || (name == "usage" && value.type() == JsonType::object)) {
    // The hub's own; the scan read them.
  } else {
    return decode_sampling(name, value, request.sampling, known);
  }
  return {};
}

Status read_function(const JsonView& value, tasks::Tool& tool) {
  return value.each_member([&](const std::string& key, const JsonView& field) -> Status {
    if (key == "name") SLUICE_READ(tool.name, field.string());
    if (key == "description") SLUICE_READ(tool.description, field.string());
    if (key == "strict") SLUICE_READ(tool.strict, field.boolean());
    if (key == "parameters") tool.parameters_json = std::string(field.text());
    if (key == kCacheControl) SLUICE_READ(tool.cache, read_cache_mark(field));
    return {};
  });
}

Status read_tool(const JsonView& value, tasks::ChatRequest& request) {
  tasks::Tool tool;
  std::string type = "function";
  if (value.type() != JsonType::object) return value.refuse("an object");
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "type") SLUICE_READ(type, member.string());
    if (name == kCacheControl) SLUICE_READ(tool.cache, read_cache_mark(member));
    if (name == "function") return read_function(member, tool);
    return {};
  }));
  if (type != "function") {  // one that the provider runs itself, or of a form of its own
    tool.name = std::move(type);
    tool.native_json = std::string(value.text());
    tool.dialect = "openai";
  }
  if (tool.name.empty()) {
    return refuse_parameter(value.path(), fmt::format("'{}' needs a function with a name", value.path()));
  }
  request.tools.push_back(std::move(tool));
  return {};
}

// The older form of tools.
Status read_functions(const JsonView& value, tasks::ChatRequest& request) {
  return value.each_element([&](const JsonView& element) -> Status {
    tasks::Tool tool;
    if (element.type() != JsonType::object) return element.refuse("an object");
    SLUICE_TRY_VOID(read_function(element, tool));
    if (tool.name.empty())
      return refuse_parameter(element.path(), fmt::format("'{}' needs a name", element.path()));
    request.tools.push_back(std::move(tool));
    return {};
  });
}

Status read_tool_choice(const JsonView& value, tasks::ChatRequest& request) {
  using Mode = tasks::ToolChoice::Mode;
  tasks::ToolChoice choice;
  if (value.type() == JsonType::string) {
    SLUICE_TRY(const std::string mode, value.string());
    if (mode == "none") {
      choice.mode = Mode::none;
    } else if (mode == "required" || mode == "any") {
      choice.mode = Mode::required;
    } else if (mode != "auto") {
      return refuse_parameter("tool_choice",
                              "'tool_choice' must be \"auto\", \"none\", \"required\" or a function");
    }
    request.tool_choice = std::move(choice);
    return {};
  }
  if (value.type() != JsonType::object) return value.refuse("a string or an object");
  choice.mode = Mode::named;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "name" && value.path() == "function_call") SLUICE_READ(choice.name, member.string());
    if (name != "function") return {};
    return member.each_member([&](const std::string& key, const JsonView& field) -> Status {
      if (key == "name") SLUICE_READ(choice.name, field.string());
      return {};
    });
  }));
  if (choice.name.empty())
    return refuse_parameter("tool_choice", "'tool_choice' needs the name of a function");
  request.tool_choice = std::move(choice);
  return {};
}

Status read_response_format(const JsonView& value, tasks::ChatRequest& request) {
  using Kind = tasks::ResponseFormat::Kind;
  tasks::ResponseFormat format;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "type") {
      SLUICE_TRY(const std::string type, member.string());
      if (type == "json_object") {
        format.kind = Kind::json_object;
      } else if (type == "json_schema" || type == "json") {
        format.kind = Kind::json_schema;
      } else if (type != "text") {
        return refuse_parameter(
            member.path(), "'response_format.type' must be \"text\", \"json_object\" or \"json_schema\"");
      }
      return {};
    }
    // As text-generation-inference and the Hub's own client write a schema.
    if (name == "value") format.schema_json = std::string(member.text());
    if (name != "json_schema") return {};
    return member.each_member([&](const std::string& key, const JsonView& field) -> Status {
      if (key == "name") SLUICE_READ(format.name, field.string());
      if (key == "description") SLUICE_READ(format.description, field.string());
      if (key == "strict") SLUICE_READ(format.strict, field.boolean());
      if (key == "schema") format.schema_json = std::string(field.text());
      return {};
    });
  }));
  if (format.kind == Kind::json_object && !format.schema_json.empty()) format.kind = Kind::json_schema;
  if (format.kind == Kind::json_schema && format.name.empty()) format.name = "response";
  if (format.kind == Kind::json_schema && format.schema_json.empty()) {
    return refuse_parameter("response_format.json_schema", "'response_format.json_schema' needs a schema");
  }
  request.response_format = std::move(format);
  return {};
}

// OpenRouter's {effort, max_tokens, exclude, enabled}.
Status read_reasoning(const JsonView& value, tasks::ChatRequest& request) {
  if (!request.reasoning) request.reasoning.emplace();
  tasks::Reasoning& reasoning = *request.reasoning;
  return value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "effort") {
      SLUICE_READ(reasoning.effort, member.string());
    } else if (name == "max_tokens") {
      return read_output_max(member, reasoning.budget);
    } else if (name == "exclude") {
      SLUICE_TRY(const bool exclude, member.boolean());
      reasoning.show = !exclude;
    } else if (name == "enabled") {
      SLUICE_TRY(const bool enabled, member.boolean());
      if (reasoning.effort.empty()) reasoning.effort = enabled ? "medium" : "none";
    } else {
      request.others.push_back({.name = "reasoning." + name, .json = std::string(member.text())});
    }
    return {};
  });
}

// Calls of the older form, and of servers that give none, have no id: each gets one, and the results that
// name none take them in order.
void number_nameless_calls(std::vector<tasks::Message>& messages) {
  std::deque<std::string> open;
  std::size_t count = 0;
  for (tasks::Message& message : messages) {
    for (tasks::ToolCall& call : message.tool_calls) {
      if (!call.id.empty()) continue;
      call.id = fmt::format("call_{}", ++count);
      open.push_back(call.id);
    }
    if (message.role != tasks::Role::tool || !message.tool_call_id.empty() || open.empty()) continue;
    message.tool_call_id = std::move(open.front());
    open.pop_front();
  }
}

Status read_chat_parameter(const std::string& name, const JsonView& value, tasks::ChatRequest& request,
                           bool& known) {
  known = true;
  if (name == "messages") {
    return value.each_element([&](const JsonView& element) -> Status {
      SLUICE_READ(request.messages.emplace_back(), decode_message(element));
      return {};
    });
  }
  if (name == "tools") {
    return value.each_element([&](const JsonView& element) { return read_tool(element, request); });
  }
  if (name == "functions") return read_functions(value, request);
  if (name == "tool_choice" || name == "function_call") return read_tool_choice(value, request);
  if (name == "response_format") return read_response_format(value, request);
  if (name == "modalities") {
    return value.each_element([&](const JsonView& element) -> Status {
      SLUICE_READ(request.modalities.emplace_back(), element.string());
      return {};
    });
  }
  if (name == "reasoning" && value.type() == JsonType::object) return read_reasoning(value, request);
  if (name == "parallel_tool_calls") {
    SLUICE_READ(request.parallel_tool_calls, value.boolean());
  } else if (name == "logprobs") {
    SLUICE_READ(request.logprobs, value.boolean());
  } else if (name == "top_logprobs") {
    SLUICE_READ(request.top_logprobs, value.count(0, 20));
  } else if (name == "reasoning_effort") {
    if (!request.reasoning) request.reasoning.emplace();
    SLUICE_READ(request.reasoning->effort, value.string());
  } else if (name == "service_tier") {
    SLUICE_READ(request.service_tier, value.string());
  } else {
    known = false;
  }
  return {};
}

// `prompt` or `input`, of at most `most` texts.
Status read_prompts(const JsonView& value, std::size_t most, std::vector<tasks::Prompt>& prompts) {
  const auto read_text = [&](const JsonView& view) -> Status {
    SLUICE_TRY(std::string text, view.string());
    prompts.emplace_back(std::move(text));
    return {};
  };
  const auto read_ids = [&](const JsonView& view) -> Status {
    tasks::TokenIds ids;
    SLUICE_TRY_VOID(view.each_element([&](const JsonView& id) -> Status {
      SLUICE_READ(ids.emplace_back(), id.integer(0));
      return {};
    }));
    prompts.emplace_back(std::move(ids));
    return {};
  };
  if (value.type() == JsonType::string) return read_text(value);
  if (value.type() != JsonType::array) return value.refuse("a string or an array");
  // [1, 2, 3] is one prompt of token ids; ["a", "b"] and [[1], [2]] are several.
  JsonScanner scanner(value.text());
  scanner.enter_array();
  if (!scanner.next_element()) return value.refuse("an array that is not empty");
  if (scanner.peek() == JsonType::number) return read_ids(value);
  return value.each_element([&](const JsonView& element) -> Status {
    if (prompts.size() == most)
      return refuse_parameter(value.path(), fmt::format("'{}' has more than {} texts", value.path(), most));
    if (element.type() == JsonType::string) return read_text(element);
    if (element.type() == JsonType::array) return read_ids(element);
    return element.refuse("a string or an array of token ids");
  });
}

Status read_completion_parameter(const std::string& name, const JsonView& value,
                                 tasks::CompletionRequest& request, bool& known) {
  known = true;
  if (name == "prompt") return read_prompts(value, kPromptsMax, request.prompts);
  if (name == "max_tokens") return read_output_max(value, request.output_max);
  if (name == "suffix") {
    SLUICE_READ(request.suffix, value.string());
  } else if (name == "best_of") {
    SLUICE_READ(request.best_of, value.count(1, kChoicesMax));
  } else if (name == "logprobs") {
    SLUICE_READ(request.logprobs, value.count(0, 20));
  } else if (name == "echo") {
    SLUICE_READ(request.echo, value.boolean());
  } else {
    known = false;
  }
  return {};
}

// Shows every parameter that is not null to `read`; what neither it nor the shared part knows is kept aside.
template <typename Request, typename Read>
Status read_parameters(const ScannedRequest& scanned, Request& request, Read read) {
  for (const Member& member : scanned.members) {
    if (member.type == JsonType::null) continue;
    const JsonView value(scanned.text_of(member), member.name);
    bool known = false;
    SLUICE_TRY_VOID(read(member.name, value, request, known));
    if (!known) SLUICE_TRY_VOID(read_shared(member.name, value, scanned, request, known));
    if (!known) request.others.push_back({.name = member.name, .json = std::string(value.text())});
  }
  return {};
}

}  // namespace

Status decode_stop(const JsonView& value, std::vector<std::string>& stop) {
  return read_stop(value, stop);
}

Status decode_tool(const JsonView& value, tasks::ChatRequest& request) {
  return read_tool(value, request);
}

Status decode_sampling(const std::string& name, const JsonView& value, tasks::Sampling& sampling,
                       bool& known) {
  known = true;
  if (name == "temperature") {
    SLUICE_READ(sampling.temperature, value.decimal(0, 2));
  } else if (name == "top_p") {
    SLUICE_READ(sampling.top_p, value.decimal(0, 1));
  } else if (name == "top_k") {
    SLUICE_READ(sampling.top_k, value.count(0, std::numeric_limits<std::int32_t>::max()));
  } else if (name == "min_p") {
    SLUICE_READ(sampling.min_p, value.decimal(0, 1));
  } else if (name == "frequency_penalty") {
    SLUICE_READ(sampling.frequency_penalty, value.decimal(-2, 2));
  } else if (name == "presence_penalty") {
    SLUICE_READ(sampling.presence_penalty, value.decimal(-2, 2));
  } else if (name == "repetition_penalty" || name == "repeat_penalty") {
    SLUICE_READ(sampling.repetition_penalty, value.decimal(0, kAnyNumber));
  } else if (name == "seed") {
    SLUICE_READ(sampling.seed, value.integer());
  } else if (name == "logit_bias") {
    return read_logit_bias(value, sampling);
  } else {
    known = false;
  }
  return {};
}

base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned) {
  tasks::ChatRequest request;
  request.output_max = scanned.output_max;
  const auto read = [](const std::string& name, const JsonView& value, tasks::ChatRequest& into,
                       bool& known) {
    if (name == "max_tokens" ||
        name == "max_completion_tokens") {  // the scan weighed them against each other
      known = true;
      return Status();
    }
    return read_chat_parameter(name, value, into, known);
  };
  SLUICE_TRY_VOID(read_parameters(scanned, request, read));
  number_nameless_calls(request.messages);
  return request;
}

base::Result<tasks::CompletionRequest> decode_completion(const ScannedRequest& scanned) {
  tasks::CompletionRequest request;
  SLUICE_TRY_VOID(read_parameters(scanned, request, read_completion_parameter));
  if (request.prompts.empty()) return refuse_parameter("prompt", "'prompt' must not be empty");
  return request;
}

base::Result<tasks::EmbedRequest> decode_embed(const ScannedRequest& scanned) {
  tasks::EmbedRequest request;
  for (const Member& member : scanned.members) {
    if (member.type == JsonType::null) continue;
    const JsonView value(scanned.text_of(member), member.name);
    if (member.name == "model") {
      request.model = scanned.model;
    } else if (member.name == "input") {
      SLUICE_TRY_VOID(read_prompts(value, kEmbedInputsMax, request.inputs));
    } else if (member.name == "dimensions") {
      SLUICE_READ(request.dimensions, value.count(1, kEmbedValuesMax));
    } else if (member.name == "user") {
      SLUICE_READ(request.user, value.string());
    } else if (member.name == "encoding_format") {
      SLUICE_TRY(const std::string format, value.string());
      if (format != "float" && format != "base64") return value.refuse("\"float\" or \"base64\"");
    } else if (!is_hub_parameter(member.name)) {
      request.others.push_back({.name = member.name, .json = std::string(value.text())});
    }
  }
  if (request.inputs.empty()) return refuse_parameter("input", "'input' must not be empty");
  return request;
}

}  // namespace sluice::hub::dialects::openai
