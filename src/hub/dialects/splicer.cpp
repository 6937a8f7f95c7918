#include "hub/dialects/splicer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace sluice::hub::dialects {
namespace {

constexpr std::string_view kOptions = "stream_options";

// Where to ask for usage: beside the model when there are no stream_options, inside them when they do not
// say.
bool ask_usage(EditPlan& plan) {
  const ScannedRequest& request = plan.request();
  if (!request.stream || request.include_usage || request.kind == tasks::Kind::embed) return false;
  ObjectEdit& top = plan.top();
  const std::size_t at = top.find(kOptions);
  if (at == top.size()) {
    if (request.find(kOptions) != nullptr) return false;  // a quirk took them out
    plan.add(kOptions, R"({"include_usage":true})");
    return true;
  }
  if (top.type(at) == JsonType::null) {
    top.replace(at, R"({"include_usage":true})");
    return true;
  }
  // {"include_usage":null} says nothing, yet a second key of that name would be a duplicate: make it say
  // true.
  const std::size_t begin = top.origin(at).value.begin;
  JsonScanner scanner(top.value(at));
  const auto options = take_members(scanner, top.value(at), begin);
  const auto own = std::ranges::find(options, "include_usage", &Member::name);
  if (own != options.end()) {
    plan.replace_bytes(own->value, "true");
  } else {
    plan.replace_bytes({begin + 1, begin + 1},
                       options.empty() ? R"("include_usage":true)" : R"("include_usage":true,)");
  }
  return true;
}

// The Hub's own client writes a schema as text-generation-inference takes it, {"type": "json_object" |
// "json", "value": S}, whoever serves: OpenAI's spelling is what every server of the dialect reads.
void spell_schema(EditPlan& plan) {
  if (!plan.request().wants_structure) return;
  const std::size_t at = plan.top().find("response_format");
  if (at == plan.top().size() || plan.top().type(at) != JsonType::object) return;
  const std::string_view format = plan.top().value(at);
  JsonScanner scanner(format);
  const auto members = take_members(scanner, format);
  const auto type = std::ranges::find(members, "type", &Member::name);
  const auto value = std::ranges::find(members, "value", &Member::name);
  if (type == members.end() || value == members.end() || value->type != JsonType::object) return;
  const std::string_view said = type->value.in(format);
  if (said != R"("json_object")" && said != R"("json")") return;
  plan.top().replace(
      at, fmt::format(R"({{"type":"json_schema","json_schema":{{"name":"response","schema":{}}}}})",
                      value->value.in(format)));
}

// OpenRouter's `usage: {include: true}` is answered by the hub; other servers refuse the word.
void drop_usage_wish(EditPlan& plan) {
  if (const std::size_t at = plan.top().find("usage"); plan.request().wants_usage && at != plan.top().size())
    plan.top().drop(at);
}

// What OpenRouter's `provider` object knows; the words of order name providers of its own.
constexpr std::array<std::string_view, 13> kRouterWords{"order",
                                                        "only",
                                                        "ignore",
                                                        "allow_fallbacks",
                                                        "require_parameters",
                                                        "data_collection",
                                                        "zdr",
                                                        "enforce_distillable_text",
                                                        "quantizations",
                                                        "sort",
                                                        "preferred_min_throughput",
                                                        "preferred_max_latency",
                                                        "max_price"};
constexpr std::size_t kNamingWords = 3;

// The client's object for a provider that routes by itself: its promises hold there as well. The names in
// it are that provider's own only where the client pinned it; else they were meant for this hub.
std::string object_for_router(std::string_view object, bool is_pinned) {
  JsonScanner scanner(object);
  std::string out;
  for (const Member& member : take_members(scanner, object)) {
    const auto word = std::ranges::find(kRouterWords, member.name);
    if (word == kRouterWords.end() || (!is_pinned && word < kRouterWords.begin() + kNamingWords)) continue;
    out += fmt::format("{}{}:{}", out.empty() ? "{" : ",", quoted_json(member.name), member.value.in(object));
  }
  if (!out.empty()) out += '}';
  return out;
}

// The wishes are the hub's to read, and not one of them may reach who would refuse an unknown word.
void take_out_wishes(EditPlan& plan, const catalog::Surface& surface) {
  const bool routes = std::ranges::find(surface.extensions, "provider_routing") != surface.extensions.end();
  ObjectEdit& top = plan.top();
  for (std::size_t i = 0; i < top.size(); ++i) {
    if (!top.has(i) || !is_hub_parameter(top.name(i))) continue;
    std::string kept;
    if (routes && top.name(i) == "provider" && top.type(i) == JsonType::object)
      kept = object_for_router(top.value(i), plan.request().is_pinned);
    if (kept.empty()) {
      top.drop(i);
    } else if (kept != top.value(i)) {
      top.replace(i, std::move(kept));
    }
  }
}

}  // namespace

base::Result<Spliced> splice_request(const ScannedRequest& request, const catalog::Surface& surface,
                                     std::string_view model, bool is_openai) {
  EditPlan plan(request);
  const std::size_t at = plan.top().find("model");
  CHECK(at != plan.top().size());
  if (model != request.model) plan.top().replace(at, quoted_json(model));
  take_out_wishes(plan, surface);
  if (is_openai) {
    spell_schema(plan);
    drop_usage_wish(plan);
  }
  if (!surface.quirks.empty()) SLUICE_TRY_VOID(apply_quirks(surface.quirks, plan));
  Spliced spliced;
  if (is_openai && surface.stream_usage == catalog::StreamUsage::when_asked)
    spliced.asked_usage = ask_usage(plan) && !request.wants_usage;
  spliced.dropped = plan.dropped();
  spliced.body = plan.apply();
  return spliced;
}

}  // namespace sluice::hub::dialects
