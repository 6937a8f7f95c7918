#include "hub/dialects/responses/decode_request.h"

#include <algorithm>
#include <array>

#include "hub/dialects/openai/decode_request.h"
#include "hub/dialects/responses/decode_items.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::Status;
using tasks::ChatRequest;

constexpr std::string_view kFunction = "function";

Status read_function(const JsonView& value, tasks::Tool& tool) {
  return value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "name") {
      SLUICE_TRY(tool.name, member.string());
    } else if (name == "description") {
      SLUICE_TRY(tool.description, member.string());
    } else if (name == "strict") {
      SLUICE_TRY(tool.strict, member.boolean());
    } else if (name == "parameters") {
      if (member.type() != JsonType::object) return member.refuse("an object");
      tool.parameters_json = std::string(member.text());
    } else if (name == kFunction && member.type() == JsonType::object) {
      return read_function(member, tool);  // chat's form
    }
    return {};
  });
}

Status read_tool(const JsonView& value, ChatRequest& request) {
  tasks::Tool tool;
  std::string type;
  SLUICE_TRY_VOID(value.read_texts({{"type", &type}}));
  if (type == kFunction) {
    SLUICE_TRY_VOID(read_function(value, tool));
    if (tool.name.empty())
      return refuse_parameter(value.path() + ".name", fmt::format("'{}.name' is missing", value.path()));
  } else if (type.empty()) {
    return refuse_parameter(value.path() + ".type", fmt::format("'{}.type' is missing", value.path()));
  } else {
    tool.name = std::move(type);
    tool.native_json = std::string(value.text());
    tool.dialect = kName;
  }
  request.tools.push_back(std::move(tool));
  return {};
}

Status read_tool_mode(const JsonView& value, tasks::ToolChoice& choice) {
  using Mode = tasks::ToolChoice::Mode;
  SLUICE_TRY(const std::string mode, value.string());
  if (mode == "none") {
    choice.mode = Mode::none;
  } else if (mode == "required") {
    choice.mode = Mode::required;
  } else if (mode != "auto") {
    return refuse_parameter(
        value.path(), fmt::format("'{}' must be \"auto\", \"none\", \"required\" or an object, not \"{}\"",
                                  value.path(), mode.substr(0, 40)));
  }
  return {};
}

// What the request's tool_choice says beyond the hub's own word for it.
struct AllowedTools {
  bool given = false;
  std::vector<std::string> names;  // of functions, and types of the others
};

Status read_allowed_tools(const JsonView& value, tasks::ToolChoice& choice, AllowedTools& allowed) {
  allowed.given = true;
  return value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "mode") return read_tool_mode(member, choice);
    if (name != "tools") return {};
    return member.each_element([&](const JsonView& tool) -> Status {
      std::string type, function;
      SLUICE_TRY_VOID(tool.read_texts({{"type", &type}, {"name", &function}}));
      allowed.names.push_back(function.empty() ? std::move(type) : std::move(function));
      return {};
    });
  });
}

Status read_tool_choice(const JsonView& value, ChatRequest& request, AllowedTools& allowed) {
  tasks::ToolChoice choice;
  if (value.type() == JsonType::string) {
    SLUICE_TRY_VOID(read_tool_mode(value, choice));
    request.tool_choice = std::move(choice);
    return {};
  }
  if (value.type() != JsonType::object) return value.refuse("a string or an object");
  std::string type;
  SLUICE_TRY_VOID(value.read_texts({{"type", &type}, {"name", &choice.name}}));
  if (type == "allowed_tools") {
    SLUICE_TRY_VOID(read_allowed_tools(value, choice, allowed));
  } else if (type == kFunction) {
    if (choice.name.empty())
      return refuse_parameter("tool_choice.name", "'tool_choice' needs the name of a function");
    choice.mode = tasks::ToolChoice::Mode::named;
  } else {  // a tool that the provider runs
    request.others.push_back({.name = "tool_choice", .json = std::string(value.text())});
    return {};
  }
  request.tool_choice = std::move(choice);
  return {};
}

Status read_format(const JsonView& value, ChatRequest& request) {
  using Kind = tasks::ResponseFormat::Kind;
  tasks::ResponseFormat format;
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "type") {
      SLUICE_TRY(const std::string type, member.string());
      if (type == "json_object") {
        format.kind = Kind::json_object;
      } else if (type == "json_schema") {
        format.kind = Kind::json_schema;
      } else if (type != "text") {
        return refuse_parameter(member.path(),
                                "'text.format.type' must be \"text\", \"json_object\" or \"json_schema\"");
      }
    } else if (name == "name") {
      SLUICE_TRY(format.name, member.string());
    } else if (name == "description") {
      SLUICE_TRY(format.description, member.string());
    } else if (name == "strict") {
      SLUICE_TRY(format.strict, member.boolean());
    } else if (name == "schema") {
      if (member.type() != JsonType::object) return member.refuse("an object");
      format.schema_json = std::string(member.text());
    }
    return {};
  }));
  if (format.kind == Kind::json_schema && format.schema_json.empty())
    return refuse_parameter("text.format.schema", "'text.format' needs a schema");
  request.response_format = std::move(format);
  return {};
}

Status read_text(const JsonView& value, ChatRequest& request) {
  return value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "format") return read_format(member, request);
    request.others.push_back({.name = name, .json = std::string(member.text())});  // chat calls it alike
    return {};
  });
}

Status read_reasoning(const JsonView& value, ChatRequest& request) {
  tasks::Reasoning& reasoning = request.reasoning.emplace();
  return value.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "effort") {
      SLUICE_TRY(reasoning.effort, member.string());
    } else if (name == "max_tokens") {  // OpenRouter's
      SLUICE_TRY(const std::int64_t count, member.integer(0));
      reasoning.budget = tasks::Tokens{static_cast<std::uint64_t>(count)};
    } else if (name == "summary" || name == "generate_summary") {
      reasoning.show = true;
    } else {
      request.others.push_back({.name = "reasoning." + name, .json = std::string(member.text())});
    }
    return {};
  });
}

// Two of its values are met here: logprobs are asked for, and what seals the thinking is always given.
Status read_include(const JsonView& value, ChatRequest& request) {
  bool has_others = false;
  SLUICE_TRY_VOID(value.each_element([&](const JsonView& element) -> Status {
    SLUICE_TRY(const std::string what, element.string());
    if (what == kIncludeLogprobs) {
      request.logprobs = true;
    } else if (what != kIncludeEncrypted) {
      has_others = true;
    }
    return {};
  }));
  if (has_others) request.others.push_back({.name = "include", .json = std::string(value.text())});
  return {};
}

// Parameters that ask for nothing that would not happen anyway.
bool asks_nothing(std::string_view name, const JsonView& value) {
  constexpr std::array<std::string_view, 4> kNames{"store", "background", "stream_options",
                                                   "max_output_tokens"};
  return is_hub_parameter(name) || std::ranges::find(kNames, name) != kNames.end() ||
         (name == "truncation" && value.text() == "\"disabled\"");
}

Status read_parameter(const std::string& name, const JsonView& value, ChatRequest& request,
                      AllowedTools& allowed, bool& known) {
  known = true;
  if (name == "input") return decode_input(value, request.messages);
  if (name == "tools")
    return value.each_element([&](const JsonView& tool) { return read_tool(tool, request); });
  if (name == "tool_choice") return read_tool_choice(value, request, allowed);
  if (name == "text") return read_text(value, request);
  if (name == "reasoning") return read_reasoning(value, request);
  if (name == "include") return read_include(value, request);
  if (name == "parallel_tool_calls") {
    SLUICE_TRY(request.parallel_tool_calls, value.boolean());
  } else if (name == "top_logprobs") {
    SLUICE_TRY(request.top_logprobs, value.count(0, 20));
    request.logprobs |= request.top_logprobs > 0;
  } else if (name == "user") {
    SLUICE_TRY(request.user, value.string());
  } else if (name == "service_tier") {
    SLUICE_TRY(request.service_tier, value.string());
  } else if (name != "model" && name != "stream" && name != "instructions" && !asks_nothing(name, value)) {
    return openai::decode_sampling(name, value, request.sampling, known);
  }
  return {};
}

// The instructions stand before everything else, wherever the parameter stands in the body.
Status read_instructions(const ScannedRequest& scanned, ChatRequest& request) {
  const Member* member = scanned.find("instructions");
  if (member == nullptr || member->type == JsonType::null) return {};
  SLUICE_TRY(std::string text, JsonView(scanned.text_of(*member), member->name).string());
  tasks::Message& message = request.messages.emplace_back();
  message.role = tasks::Role::system;
  message.parts.emplace_back(tasks::TextPart{std::move(text)});
  return {};
}

}  // namespace

base::Result<ChatRequest> decode_chat(const ScannedRequest& scanned) {
  ChatRequest request;
  request.dialect = kName;
  request.model = scanned.model;
  request.stream = scanned.stream;
  request.include_usage = scanned.stream;
  request.output_max = scanned.output_max;
  SLUICE_TRY_VOID(read_instructions(scanned, request));
  AllowedTools allowed;
  for (const Member& member : scanned.members) {
    if (member.type == JsonType::null) continue;
    const JsonView value(scanned.text_of(member), member.name);
    bool known = false;
    SLUICE_TRY_VOID(read_parameter(member.name, value, request, allowed, known));
    if (!known) request.others.push_back({.name = member.name, .json = std::string(value.text())});
  }
  if (allowed.given)
    std::erase_if(request.tools, [&](const tasks::Tool& tool) {
      return std::ranges::find(allowed.names, tool.name) == allowed.names.end();
    });
  return request;
}

}  // namespace sluice::hub::dialects::responses
