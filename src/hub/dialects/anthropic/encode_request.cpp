#include "hub/dialects/anthropic/encode_request.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/dialects/anthropic/encode_turns.h"
#include "hub/dialects/anthropic/thinking.h"
#include "hub/dialects/drop_list.h"
#include "hub/dialects/json_scanner.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::JsonWriter;
using tasks::ChatRequest;

// Anthropic's own parameters that the hub has no field for: clients of other dialects may send them too.
constexpr std::array<std::string_view, 5> kOwnParameters{"cache_control", "container", "context_management",
                                                         "inference_geo", "mcp_servers"};

// Anthropic wants the schema of an input to say that it is an object, which others take as understood.
std::string schema_of(const tasks::Tool& tool) {
  constexpr std::string_view kType = R"("type":"object")";
  JsonScanner scanner(tool.parameters_json);
  if (scanner.peek() != JsonType::object || !scanner.enter_object()) return "{" + std::string(kType) + "}";
  bool is_empty = true;
  while (const auto key = scanner.next_key()) {
    is_empty = false;
    if (json_text_equals(key->in(tool.parameters_json), "type")) return tool.parameters_json;
    scanner.take_value();
  }
  std::string schema = tool.parameters_json;
  schema.insert(schema.find('{') + 1, std::string(kType) + (is_empty ? "" : ","));
  return schema;
}

class RequestWriter {
 public:
  RequestWriter(const ChatRequest& request, std::string_view model, tasks::Kind kind)
      : request_(request), model_(model), is_chat_(kind == tasks::Kind::chat), out_(body_) {}

  base::Result<EncodedRequest> write() {
    std::string system = encode_system(request_, dropped_);
    SLUICE_TRY(std::string turns, encode_turns(request_, dropped_));
    // A conversation of system texts alone: somebody has to speak first.
    if (turns.empty() && !system.empty())
      turns = R"({"role":"user","content":[)" + std::exchange(system, {}) + "]}";
    thinking_ = plan_thinking(request_);
    if (!thinking_.dropped.empty()) dropped_.add(thinking_.dropped);
    out_.begin_object().field("model", model_);
    if (is_chat_) write_chat_parameters();
    if (!system.empty()) out_.key("system").raw("[" + system + "]");
    out_.key("messages").raw("[" + turns + "]");
    write_tools();
    write_thinking();
    write_output_config();
    write_others();
    out_.end_object();
    return EncodedRequest{.body = std::move(body_), .dropped = dropped_.take()};
  }

 private:
  void write_chat_parameters();
  void write_sampling();
  void drop_sampling();
  void write_stop();
  void write_tools();
  void write_tool(const tasks::Tool& tool);
  void write_tool_choice();
  void write_thinking();
  void write_output_config();
  void write_others();
  // The rest of an object whose members the hub knows in part: "metadata.x" of the others.
  void write_others_of(std::string_view prefix);

  void drop_if(bool given, std::string_view name) {
    if (given) dropped_.add(name);
  }
  bool is_own() const { return request_.dialect == "anthropic"; }
  bool has_others_of(std::string_view prefix) const {
    return is_own() && std::ranges::any_of(request_.others, [&](const tasks::Extra& extra) {
             return extra.name.starts_with(prefix);
           });
  }

  const ChatRequest& request_;
  const std::string_view model_;
  const bool is_chat_;
  DropList dropped_;
  ThinkingPlan thinking_;
  std::string body_;
  JsonWriter out_;
};

void RequestWriter::write_chat_parameters() {
  out_.field("max_tokens", thinking_.output_max.count);
  if (request_.stream) out_.field("stream", true);
  write_sampling();
  drop_sampling();
  write_stop();
  if (!request_.user.empty() || has_others_of("metadata.")) {
    out_.key("metadata").begin_object();
    if (!request_.user.empty()) out_.field("user_id", request_.user);
    write_others_of("metadata.");
    out_.end_object();
  }
  const std::string& tier = request_.service_tier;
  if (tier == "auto") out_.field("service_tier", "auto");
  if (tier == "default" || tier == "standard_only") out_.field("service_tier", "standard_only");
  drop_if(!tier.empty() && tier != "auto" && tier != "default" && tier != "standard_only", "service_tier");
}

// Thinking allows no say in how tokens are drawn.
void RequestWriter::write_sampling() {
  const tasks::Sampling& sampling = request_.sampling;
  if (sampling.temperature) {
    const bool fits = *sampling.temperature <= 1 && (!thinking_.is_on() || *sampling.temperature == 1);
    if (fits) out_.field("temperature", *sampling.temperature);
    drop_if(!fits, "temperature");
  }
  if (sampling.top_p) {
    const bool fits = !thinking_.is_on() || *sampling.top_p >= 0.95;
    if (fits) out_.field("top_p", *sampling.top_p);
    drop_if(!fits, "top_p");
  }
  if (sampling.top_k) {
    if (!thinking_.is_on()) out_.field("top_k", *sampling.top_k);
    drop_if(thinking_.is_on(), "top_k");
  }
}

// A penalty of nothing is carried by saying nothing.
void RequestWriter::drop_sampling() {
  const tasks::Sampling& sampling = request_.sampling;
  drop_if(sampling.min_p.value_or(0) != 0, "min_p");
  drop_if(sampling.frequency_penalty.value_or(0) != 0, "frequency_penalty");
  drop_if(sampling.presence_penalty.value_or(0) != 0, "presence_penalty");
  drop_if(sampling.repetition_penalty.value_or(1) != 1, "repetition_penalty");
  drop_if(sampling.seed.has_value(), "seed");
  drop_if(!sampling.logit_bias.empty(), "logit_bias");
  drop_if(request_.choices != 1, "n");
  drop_if(request_.logprobs, "logprobs");
  drop_if(request_.top_logprobs != 0, "top_logprobs");
  drop_if(std::ranges::any_of(request_.modalities, [](const auto& modality) { return modality != "text"; }),
          "modalities");
}

void RequestWriter::write_stop() {
  const auto is_blank = [](const std::string& text) { return base::trim(text).empty(); };
  if (std::ranges::any_of(request_.stop, is_blank)) dropped_.add("stop");
  if (std::ranges::all_of(request_.stop, is_blank)) return;
  out_.key("stop_sequences").begin_array();
  for (const std::string& text : request_.stop)
    if (!is_blank(text)) out_.string(text);
  out_.end_array();
}

void RequestWriter::write_tool(const tasks::Tool& tool) {
  if (!tool.native_json.empty()) {
    out_.raw(tool.native_json);
    return;
  }
  out_.begin_object().field("name", tool.name);
  if (!tool.description.empty()) out_.field("description", tool.description);
  out_.key("input_schema").raw(schema_of(tool));
  if (tool.strict) out_.field("strict", *tool.strict);
  write_cache_control(out_, tool.cache);
  out_.end_object();
}

void RequestWriter::write_tools() {
  const auto is_foreign = [](const tasks::Tool& tool) {
    return !tool.native_json.empty() && tool.dialect != "anthropic";
  };
  for (const tasks::Tool& tool : request_.tools)
    if (is_foreign(tool)) dropped_.add("tools." + tool.name);
  if (std::ranges::all_of(request_.tools, is_foreign)) return;
  out_.key("tools").begin_array();
  for (const tasks::Tool& tool : request_.tools)
    if (!is_foreign(tool)) write_tool(tool);
  out_.end_array();
  write_tool_choice();
}

void RequestWriter::write_tool_choice() {
  using Mode = tasks::ToolChoice::Mode;
  if (!request_.tool_choice && !request_.parallel_tool_calls) return;
  const Mode mode = request_.tool_choice ? request_.tool_choice->mode : Mode::automatic;
  out_.key("tool_choice").begin_object();
  switch (mode) {
    case Mode::automatic:
      out_.field("type", "auto");
      break;
    case Mode::none:
      out_.field("type", "none");
      break;
    case Mode::required:
      out_.field("type", "any");
      break;
    case Mode::named:
      out_.field("type", "tool").field("name", request_.tool_choice->name);
      break;
  }
  if (request_.parallel_tool_calls && mode != Mode::none)
    out_.field("disable_parallel_tool_use", !*request_.parallel_tool_calls);
  out_.end_object();
}

void RequestWriter::write_thinking() {
  if (thinking_.kind == ThinkingPlan::Kind::absent) return;
  out_.key("thinking").begin_object();
  switch (thinking_.kind) {
    case ThinkingPlan::Kind::absent:
      break;
    case ThinkingPlan::Kind::disabled:
      out_.field("type", "disabled");
      break;
    case ThinkingPlan::Kind::adaptive:
      out_.field("type", "adaptive");
      break;
    case ThinkingPlan::Kind::enabled:
      out_.field("type", "enabled").field("budget_tokens", thinking_.budget.count);
      break;
  }
  if (thinking_.is_on() && request_.reasoning->show)
    out_.field("display", *request_.reasoning->show ? "summarized" : "omitted");
  out_.end_object();
}

void RequestWriter::write_output_config() {
  using Kind = tasks::ResponseFormat::Kind;
  const auto& format = request_.response_format;
  const bool has_schema = format && format->kind == Kind::json_schema && !format->schema_json.empty();
  drop_if(format && format->kind != Kind::text && !has_schema, "response_format");
  if (!has_schema && !has_others_of("output_config.")) return;
  out_.key("output_config").begin_object();
  if (has_schema) {
    out_.key("format").begin_object().field("type", "json_schema");
    out_.key("schema").raw(format->schema_json).end_object();
  }
  write_others_of("output_config.");
  out_.end_object();
}

void RequestWriter::write_others_of(std::string_view prefix) {
  if (!is_own()) return;
  for (const tasks::Extra& extra : request_.others)
    if (extra.name.starts_with(prefix)) out_.key(extra.name.substr(prefix.size())).raw(extra.json);
}

void RequestWriter::write_others() {
  for (const tasks::Extra& extra : request_.others) {
    const bool is_nested =
        is_own() && (extra.name.starts_with("metadata.") || extra.name.starts_with("output_config."));
    if (is_nested) continue;
    if (is_own() || std::ranges::find(kOwnParameters, extra.name) != kOwnParameters.end()) {
      out_.key(extra.name).raw(extra.json);
    } else {
      dropped_.add(extra.name);
    }
  }
}

}  // namespace

base::Result<EncodedRequest> encode_chat_request(const ChatRequest& request, std::string_view model,
                                                 tasks::Kind kind) {
  return RequestWriter(request, model, kind).write();
}

}  // namespace sluice::hub::dialects::anthropic
