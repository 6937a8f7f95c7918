#include "hub/dialects/anthropic/decode_request.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "hub/dialects/anthropic/block_fields.h"
#include "hub/dialects/anthropic/decode_message.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::Status;
using tasks::ChatRequest;

Status read_system(const JsonView& value, ChatRequest& request) {
  tasks::Message message;
  message.role = tasks::Role::system;
  SLUICE_TRY_VOID(decode_content(value, message.parts));
  if (!message.parts.empty()) request.messages.insert(request.messages.begin(), std::move(message));
  return {};
}

Status read_messages(const JsonView& value, ChatRequest& request) {
  return value.each_element([&](const JsonView& turn) { return decode_turn(turn, request.messages); });
}

Status read_tool(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  tasks::Tool tool;
  SLUICE_TRY(const std::string type, fields.text("type"));
  SLUICE_TRY(tool.cache, fields.cache());
  if (!type.empty() && type != "custom") {
    tool.name = type;
    tool.native_json = std::string(value.text());
    tool.dialect = "anthropic";
    request.tools.push_back(std::move(tool));
    return {};
  }
  SLUICE_TRY(tool.name, fields.need_text("name"));
  SLUICE_TRY(tool.description, fields.text("description"));
  SLUICE_TRY(tool.strict, fields.flag("strict"));
  SLUICE_TRY(const JsonView* schema, fields.need("input_schema"));
  if (schema->type() != JsonType::object) return schema->refuse("an object");
  tool.parameters_json = std::string(schema->text());
  request.tools.push_back(std::move(tool));
  return {};
}

Status read_tools(const JsonView& value, ChatRequest& request) {
  return value.each_element([&](const JsonView& tool) { return read_tool(tool, request); });
}

Status read_tool_choice(const JsonView& value, ChatRequest& request) {
  using Mode = tasks::ToolChoice::Mode;
  constexpr std::array kModes{std::pair{"auto", Mode::automatic}, std::pair{"any", Mode::required},
                              std::pair{"tool", Mode::named}, std::pair{"none", Mode::none}};
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  SLUICE_TRY(const std::string type, fields.need_text("type"));
  tasks::ToolChoice choice;
  bool known = false;
  for (const auto& [name, mode] : kModes) {
    if (type != name) continue;
    choice.mode = mode;
    known = true;
  }
  if (!known)
    return refuse_parameter("tool_choice.type", "'tool_choice.type' must be auto, any, tool or none");
  if (choice.mode == Mode::named) {
    SLUICE_TRY(choice.name, fields.need_text("name"));
  }
  SLUICE_TRY(const auto disabled, fields.flag("disable_parallel_tool_use"));
  if (disabled) request.parallel_tool_calls = !*disabled;
  request.tool_choice = std::move(choice);
  return {};
}

Status read_stop(const JsonView& value, ChatRequest& request) {
  return value.each_element([&](const JsonView& element) -> Status {
    if (request.stop.size() == kStopSequencesMax) {
      return refuse_parameter("stop_sequences",
                              fmt::format("'stop_sequences' has more than {} sequences", kStopSequencesMax));
    }
    SLUICE_TRY(request.stop.emplace_back(), element.string());
    return {};
  });
}

Status read_thinking(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  SLUICE_TRY(const std::string type, fields.need_text("type"));
  if (type != "enabled" && type != "disabled" && type != "adaptive") {
    request.others.push_back({.name = "thinking", .json = std::string(value.text())});
    return {};
  }
  if (!request.reasoning) request.reasoning.emplace();
  tasks::Reasoning& reasoning = *request.reasoning;
  if (type == "enabled") {
    SLUICE_TRY(const JsonView* budget, fields.need("budget_tokens"));
    SLUICE_TRY(const std::int64_t tokens, budget->integer(1));
    reasoning.budget = tasks::Tokens{static_cast<std::uint64_t>(tokens)};
  } else if (type == "disabled") {
    reasoning.effort = "none";
  }
  SLUICE_TRY(const std::string display, fields.text("display"));
  if (!display.empty()) reasoning.show = display != "omitted";
  return {};
}

Status read_format(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  SLUICE_TRY(const std::string type, fields.need_text("type"));
  if (type != "json_schema")
    return refuse_parameter(value.path() + ".type",
                            fmt::format("'{}.type' must be json_schema", value.path()));
  SLUICE_TRY(const JsonView* schema, fields.need("schema"));
  if (schema->type() != JsonType::object) return schema->refuse("an object");
  // The dialect gives a schema no name; others demand one.
  request.response_format = tasks::ResponseFormat{.kind = tasks::ResponseFormat::Kind::json_schema,
                                                  .name = "answer",
                                                  .description = "",
                                                  .schema_json = std::string(schema->text()),
                                                  .strict = true};
  return {};
}

Status read_output_config(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  for (const auto& [name, member] : fields.members()) {
    if (name == "format") {
      SLUICE_TRY_VOID(read_format(member, request));
    } else if (name == "effort") {
      SLUICE_TRY(std::string effort, member.string());
      if (!request.reasoning) request.reasoning.emplace();
      // Thinking that was switched off stays off, whatever effort the answer itself is worth.
      if (request.reasoning->effort.empty())
        request.reasoning->effort = effort == "max" ? "xhigh" : std::move(effort);
    } else {
      request.others.push_back({.name = "output_config." + name, .json = std::string(member.text())});
    }
  }
  return {};
}

Status read_metadata(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(const BlockFields fields, BlockFields::of(value));
  for (const auto& [name, member] : fields.members()) {
    if (name == "user_id") {
      SLUICE_TRY(request.user, member.string());
    } else {
      request.others.push_back({.name = "metadata." + name, .json = std::string(member.text())});
    }
  }
  return {};
}

Status read_service_tier(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(std::string tier, value.string());
  request.service_tier = tier == "standard_only" ? "default" : std::move(tier);
  return {};
}

Status read_temperature(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(request.sampling.temperature, value.decimal(0, 1));
  return {};
}
Status read_top_p(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(request.sampling.top_p, value.decimal(0, 1));
  return {};
}
Status read_top_k(const JsonView& value, ChatRequest& request) {
  SLUICE_TRY(request.sampling.top_k, value.count(0, std::numeric_limits<std::int32_t>::max()));
  return {};
}

// The scan has taken it, or it speaks to the hub alone.
Status pass(const JsonView&, ChatRequest&) {
  return {};
}

struct Parameter {
  std::string_view name;
  Status (*read)(const JsonView& value, ChatRequest& request);
};
constexpr std::array kParameters{
    Parameter{"model", pass},
    Parameter{"stream", pass},
    Parameter{"max_tokens", pass},
    Parameter{"messages", read_messages},
    Parameter{"system", read_system},
    Parameter{"tools", read_tools},
    Parameter{"tool_choice", read_tool_choice},
    Parameter{"stop_sequences", read_stop},
    Parameter{"thinking", read_thinking},
    Parameter{"output_config", read_output_config},
    Parameter{"output_format", read_format},
    Parameter{"metadata", read_metadata},
    Parameter{"service_tier", read_service_tier},
    Parameter{"temperature", read_temperature},
    Parameter{"top_p", read_top_p},
    Parameter{"top_k", read_top_k},
};

}  // namespace

base::Result<ChatRequest> decode_chat(const ScannedRequest& scanned) {
  ChatRequest request;
  request.dialect = "anthropic";
  request.model = scanned.model;
  request.stream = scanned.stream;
  request.include_usage = scanned.stream;  // streams of this dialect always tell it
  request.output_max = scanned.output_max;
  for (const Member& member : scanned.members) {
    if (member.type == JsonType::null || is_hub_parameter(member.name)) continue;
    const JsonView value(scanned.text_of(member), member.name);
    const auto* known = std::ranges::find(kParameters, member.name, &Parameter::name);
    if (known != kParameters.end()) {
      SLUICE_TRY_VOID(known->read(value, request));
    } else {
      request.others.push_back({.name = member.name, .json = std::string(value.text())});
    }
  }
  return request;
}

}  // namespace sluice::hub::dialects::anthropic
