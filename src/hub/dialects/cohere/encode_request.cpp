#include "hub/dialects/cohere/encode_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/json_writer.h"
#include "hub/dialects/cohere/messages.h"
#include "hub/dialects/json_view.h"
#include "hub/dialects/thinking_budget.h"

namespace sluice::hub::dialects::cohere {
namespace {

using base::JsonWriter;
using Mode = tasks::ToolChoice::Mode;

// Parameters of Cohere's own that clients of the OpenAI dialect send beside the usual ones.
constexpr std::array<std::string_view, 4> kOwnWords{"documents", "citation_options", "safety_mode",
                                                    "priority"};

// What vectors are for must be said; of what is not known, that it will be searched.
using Word = std::pair<std::string_view, std::string_view>;
constexpr std::array kPurposes{Word{"", "search_document"}, Word{"query", "search_query"},
                               Word{"document", "search_document"}, Word{"classification", "classification"},
                               Word{"clustering", "clustering"}};

template <typename T>
void write_optional(JsonWriter& out, std::string_view name, const std::optional<T>& value) {
  if (value) out.field(name, *value);
}

class RequestWriter {
 public:
  RequestWriter(JsonWriter& out, const tasks::ChatRequest& request, DropList& dropped)
      : out_(out), request_(request), dropped_(dropped) {}

  void write() {
    has_documents_ = write_messages(out_, request_, dropped_);
    write_tools();
    write_sampling();
    write_response_format();
    write_thinking();
    write_others();
  }

 private:
  bool is_offered(const tasks::Tool& tool) const {
    if (!tool.native_json.empty()) return false;
    return !only_tool_ || tool.name == *only_tool_;
  }

  void write_tools() {
    if (request_.parallel_tool_calls == false && !request_.tools.empty()) dropped_.add("parallel_tool_calls");
    for (const tasks::Tool& tool : request_.tools) {
      if (!tool.native_json.empty()) dropped_.add("tools." + tool.name);
      if (!tool.cache.empty()) dropped_.add("cache_control");
    }
    const std::string_view mode = choose_tools();
    const auto offered = [&](const tasks::Tool& tool) { return is_offered(tool); };
    if (std::ranges::none_of(request_.tools, offered)) return;
    std::size_t tools = 0;
    std::size_t strict = 0;
    out_.key("tools").begin_array();
    for (const tasks::Tool& tool : request_.tools) {
      if (!offered(tool)) continue;
      ++tools;
      strict += tool.strict.value_or(false) ? 1 : 0;
      write_tool(tool);
    }
    out_.end_array();
    if (!mode.empty()) out_.field("tool_choice", mode);
    // All of them or none can be strict.
    if (strict == tools) {
      out_.field("strict_tools", true);
    } else if (strict > 0) {
      dropped_.add("tools.strict");
    }
  }

  // The word for the choice. One tool by name is forced by offering no other.
  std::string_view choose_tools() {
    if (!request_.tool_choice || request_.tool_choice->mode == Mode::automatic) return "";
    const tasks::ToolChoice& choice = *request_.tool_choice;
    if (choice.mode == Mode::none) return "NONE";
    if (choice.mode == Mode::required) return "REQUIRED";
    const auto is_chosen = [&](const tasks::Tool& tool) {
      return tool.native_json.empty() && tool.name == choice.name;
    };
    if (std::ranges::none_of(request_.tools, is_chosen)) {
      dropped_.add("tool_choice");
      return "";
    }
    only_tool_ = choice.name;
    return "REQUIRED";
  }

  void write_tool(const tasks::Tool& tool) {
    out_.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
    if (!tool.description.empty()) out_.field("description", tool.description);
    // A tool without parameters says so here.
    out_.key("parameters")
        .raw(tool.parameters_json.empty() ? R"({"type":"object","properties":{}})"
                                          : std::string_view(tool.parameters_json));
    out_.end_object().end_object();
  }

  void write_sampling() {
    const tasks::Sampling& sampling = request_.sampling;
    write_optional(out_, "temperature", sampling.temperature);
    write_optional(out_, "p", sampling.top_p);
    write_optional(out_, "k", sampling.top_k);
    write_optional(out_, "frequency_penalty", sampling.frequency_penalty);
    write_optional(out_, "presence_penalty", sampling.presence_penalty);
    if (sampling.seed && *sampling.seed >= 0) {
      out_.field("seed", *sampling.seed);
    } else if (sampling.seed) {
      dropped_.add("seed");
    }
    if (sampling.min_p) dropped_.add("min_p");
    if (sampling.repetition_penalty) dropped_.add("repetition_penalty");
    if (!sampling.logit_bias.empty()) dropped_.add("logit_bias");
    if (request_.output_max) out_.field("max_tokens", request_.output_max->count);
    if (!request_.stop.empty()) {
      out_.key("stop_sequences").begin_array();
      for (const std::string& text : request_.stop) out_.string(text);
      out_.end_array();
    }
    if (request_.choices > 1) dropped_.add("n");
    if (request_.logprobs) out_.field("logprobs", true);
    if (request_.top_logprobs > 0) dropped_.add("top_logprobs");
  }

  void write_response_format() {
    using Kind = tasks::ResponseFormat::Kind;
    if (!request_.response_format || request_.response_format->kind == Kind::text) return;
    out_.key("response_format").begin_object().field("type", "json_object");
    if (request_.response_format->kind == Kind::json_schema)
      out_.key("json_schema").raw(request_.response_format->schema_json);
    out_.end_object();
  }

  void write_thinking() {
    if (!request_.reasoning) return;
    const tasks::Reasoning& wish = *request_.reasoning;
    const auto budget = wish.budget ? wish.budget : budget_of_effort(wish.effort);
    if (!budget) {
      if (!wish.effort.empty()) dropped_.add("reasoning_effort");
      return;
    }
    out_.key("thinking").begin_object();
    if (budget->count == 0) {
      out_.field("type", "disabled");
    } else {
      out_.field("type", "enabled").field("token_budget", budget->count);
    }
    out_.end_object();
  }

  void write_others() {
    const auto is_text = [](const std::string& modality) { return modality == "text"; };
    if (!std::ranges::all_of(request_.modalities, is_text)) dropped_.add("modalities");
    if (!request_.user.empty()) dropped_.add("user");
    const std::string& tier = request_.service_tier;
    if (!tier.empty() && tier != "auto" && tier != "default") dropped_.add("service_tier");
    for (const tasks::Extra& extra : request_.others) {
      const bool is_own =
          request_.dialect == "openai" && std::ranges::find(kOwnWords, extra.name) != kOwnWords.end();
      if (is_own && !(has_documents_ && extra.name == "documents")) {
        out_.key(extra.name).raw(extra.json);
      } else {
        dropped_.add(extra.name);
      }
    }
  }

  JsonWriter& out_;
  const tasks::ChatRequest& request_;
  DropList& dropped_;
  std::optional<std::string_view> only_tool_;
  bool has_documents_ = false;
};

}  // namespace

std::string encode_chat(const tasks::ChatRequest& request, std::string_view model, DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", model).field("stream", request.stream);
  RequestWriter(out, request, dropped).write();
  out.end_object();
  return body;
}

base::Result<std::string> encode_embed(const tasks::EmbedRequest& request, std::string_view model,
                                       DropList& dropped) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("model", model).key("texts").begin_array();
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const auto* text = std::get_if<std::string>(&request.inputs[i]);
    if (text == nullptr) {
      return refuse_parameter("input",
                              fmt::format("'input.{}' must be text for this provider, not token ids", i));
    }
    out.string(*text);
  }
  const auto purpose = std::ranges::find(kPurposes, request.purpose, &Word::first);
  if (purpose == kPurposes.end()) dropped.add("input_type");
  out.end_array().field("input_type", (purpose == kPurposes.end() ? kPurposes.begin() : purpose)->second);
  out.key("embedding_types").begin_array().string("float").end_array();
  write_optional(out, "output_dimension", request.dimensions);
  if (request.truncate) out.field("truncate", *request.truncate ? "END" : "NONE");
  if (!request.user.empty()) dropped.add("user");
  dropped.add_others(request.others);
  out.end_object();
  return body;
}

}  // namespace sluice::hub::dialects::cohere
