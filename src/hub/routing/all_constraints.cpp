// The table of constraints: a new one is a function in constraints/ and a row here. The first that objects is
// the one that is named, so what protects the caller stands first.
#include <algorithm>

#include "hub/routing/constraints/constraints.h"

namespace sluice::hub::routing {

using base::ErrorCode;

std::span<const Constraint> all_constraints() {
  using namespace constraints;
  static constexpr Constraint kConstraints[] = {
      {"local_only", ErrorCode::forbidden, refuse_local_only, "nothing but this machine may answer",
       "provider.local_only"},
      {"data_collection", ErrorCode::forbidden, refuse_data_collection, "only who does not train on content",
       "provider.data_collection"},
      {"zdr", ErrorCode::forbidden, refuse_retention, "only who keeps nothing", "provider.zdr"},
      {"region", ErrorCode::forbidden, refuse_region, "only within these regions", "provider.regions"},
      {"only", ErrorCode::unavailable, refuse_only, "only these providers", "provider.only"},
      {"ignore", ErrorCode::unavailable, refuse_ignored, "not these providers", "provider.ignore"},
      {"order", ErrorCode::unavailable, refuse_outside_order,
       "with allow_fallbacks false: only providers of the order", "provider.allow_fallbacks"},
      {"quantization", ErrorCode::invalid_argument, refuse_quantization, "only these quantizations",
       "provider.quantizations"},
      {"task", ErrorCode::invalid_argument, refuse_task, "the provider offers this kind of request", "model"},
      {"images", ErrorCode::invalid_argument, refuse_images, "it takes images", "model"},
      {"audio", ErrorCode::invalid_argument, refuse_audio, "it takes audio", "model"},
      {"documents", ErrorCode::invalid_argument, refuse_documents, "it takes documents", "model"},
      {"tools", ErrorCode::invalid_argument, refuse_tools, "it takes tools", "tools"},
      {"structured_output", ErrorCode::invalid_argument, refuse_structure, "it takes a response format",
       "response_format"},
      {"context_length", ErrorCode::context_overflow, refuse_context, "prompt and answer fit its context",
       "messages"},
      {"output_length", ErrorCode::invalid_argument, refuse_output, "its answers can be as long as asked for",
       "max_tokens"},
      {"max_price", ErrorCode::payment_required, refuse_max_price, "its list price is within the cap",
       "provider.max_price"},
      {"max_cost", ErrorCode::payment_required, refuse_max_cost,
       "the most this request can cost is within the cap", "max_cost_usd"},
      {"credential", ErrorCode::unavailable, refuse_without_credential, "there is a key for it", "model"},
  };
  return kConstraints;
}

const Constraint* find_constraint(std::string_view name) {
  const auto found = std::ranges::find(all_constraints(), name, &Constraint::name);
  return found == all_constraints().end() ? nullptr : &*found;
}

}  // namespace sluice::hub::routing
