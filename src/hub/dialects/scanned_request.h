// What routing needs to know of a request, found in one forward pass, together with the bytes as they came.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/slice.h"
#include "hub/dialects/json_scanner.h"
#include "hub/tasks/kind.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects {

// One top-level parameter. Spans are offsets in the body.
struct Member {
  std::string name;  // escapes undone
  Span key;          // with its quotes
  Span value;
  JsonType type = JsonType::null;
};

// Top-level parameters that speak to the hub, whatever the dialect: who shall answer, for what price, by
// when. They are read by routing and sent to nobody, except `provider` to a provider that routes by itself.
inline constexpr std::array<std::string_view, 7> kHubParameters{
    "provider", "models", "deadline_ms", "max_cost_usd", "weights", "hedge", "explain"};
bool is_hub_parameter(std::string_view name);

struct ScannedRequest {
  tasks::Kind kind = tasks::Kind::chat;
  http::Slice body;             // the client's bytes, in one piece
  std::vector<Member> members;  // every top-level parameter in order; only unknown names may repeat
  Span object;                  // the outermost braces

  std::string model;  // as asked for, route and all
  bool stream = false;
  std::optional<bool> include_usage;  // stream_options.include_usage, where given
  bool wants_usage = false;           // in its stream, said in another way: usage.include, or an address
  std::optional<tasks::Tokens> output_max;
  std::uint32_t choices = 1;
  std::size_t messages = 0;

  // What the one who serves it must be able to do.
  bool has_tools = false;
  bool has_images = false;
  bool has_audio = false;
  bool has_files = false;
  bool wants_structure = false;  // response_format other than text
  bool wants_logprobs = false;

  // The routing wishes of this request: the `provider` object (the others of kHubParameters are members).
  // Empty where absent.
  Span provider_object;
  bool is_pinned = false;   // set by whoever resolved the model: the object is the pinned provider's to read
  bool local_only = false;  // provider.local_only
  bool require_parameters = false;  // provider.require_parameters: refuse rather than leave something out

  const Member* find(std::string_view name) const;  // the first of that name, or nullptr
  std::string_view text_of(const Member& member) const { return member.value.in(body.text()); }
};

}  // namespace sluice::hub::dialects
