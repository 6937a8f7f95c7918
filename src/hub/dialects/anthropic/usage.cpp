#include "hub/dialects/anthropic/usage.h"

#include <algorithm>

#include "hub/dialects/sluice_usage.h"
#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::anthropic {
namespace {

void raise(std::uint64_t& count, JsonObject object, std::string_view key) {
  count = std::max(count, tokens_of(object, key).count);
}

}  // namespace

void UsageCount::read(JsonObject usage) {
  seen_ = true;
  raise(input_, usage, "input_tokens");
  raise(output_, usage, "output_tokens");
  raise(cache_read_, usage, "cache_read_input_tokens");
  raise(cache_write_, usage, "cache_creation_input_tokens");
  if (const auto creation = object_of(usage, "cache_creation"))
    raise(cache_write_long_, *creation, "ephemeral_1h_input_tokens");
  if (const auto details = object_of(usage, "output_tokens_details"))
    raise(thinking_, *details, "thinking_tokens");
}

std::optional<tasks::Usage> UsageCount::total() const {
  if (!seen_) return std::nullopt;
  tasks::Usage usage;
  usage.input = {input_ + cache_read_ + cache_write_};
  usage.cached = {cache_read_};
  usage.cache_write = {cache_write_};
  usage.cache_write_long = {std::min(cache_write_long_, cache_write_)};
  usage.output = {output_};
  usage.reasoning = {std::min(thinking_, output_)};
  return usage;
}

void write_usage_members(base::JsonWriter& out, const tasks::Usage& usage, std::string_view tier) {
  out.field("input_tokens", usage.uncached().count)
      .field("cache_creation_input_tokens", usage.cache_write.count)
      .field("cache_read_input_tokens", usage.cached.count)
      .field("output_tokens", usage.output.count);
  if (usage.reasoning.count != 0) {
    out.key("output_tokens_details").begin_object();
    out.field("thinking_tokens", usage.reasoning.count).end_object();
  }
  write_sluice_usage(out, usage);
  if (tier.empty()) return;
  out.key("cache_creation")
      .begin_object()
      .field("ephemeral_5m_input_tokens",
             saturating_difference(usage.cache_write, usage.cache_write_long).count)
      .field("ephemeral_1h_input_tokens", usage.cache_write_long.count)
      .end_object()
      .field("service_tier", tier);
}

std::string_view tier_of_wire(std::string_view wire) {
  return wire == "standard" ? "default" : wire;
}
std::string_view wire_of_tier(std::string_view tier) {
  return tier == "priority" || tier == "batch" ? tier : "standard";
}

}  // namespace sluice::hub::dialects::anthropic
