#include "hub/dialects/splicer.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::hub::dialects {
namespace {

constexpr std::string_view kOptions = "stream_options";

// Where to ask for usage: beside the model when there are no stream_options, inside them when they do not
// say.
bool ask_usage(EditPlan& plan) {
  const ScannedRequest& request = plan.request();
  if (!request.stream || request.include_usage) return false;
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

}  // namespace

base::Result<Spliced> splice_request(const ScannedRequest& request, const catalog::Surface& surface,
                                     std::string_view model, bool knows_stream_options) {
  EditPlan plan(request);
  const std::size_t at = plan.top().find("model");
  CHECK(at != plan.top().size());
  if (model != request.model) plan.top().replace(at, quoted_json(model));
  if (!surface.quirks.empty()) SLUICE_TRY_VOID(apply_quirks(surface.quirks, plan));
  Spliced spliced;
  if (knows_stream_options && surface.stream_usage == catalog::StreamUsage::when_asked)
    spliced.asked_usage = ask_usage(plan);
  spliced.dropped = plan.dropped();
  spliced.body = plan.apply();
  return spliced;
}

}  // namespace sluice::hub::dialects
