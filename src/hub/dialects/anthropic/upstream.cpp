#include "hub/dialects/anthropic/upstream.h"

#include <algorithm>
#include <utility>

#include "hub/dialects/anthropic/carried_state.h"
#include "hub/dialects/anthropic/decode_answer.h"
#include "hub/dialects/anthropic/encode_request.h"
#include "hub/dialects/anthropic/scan.h"
#include "hub/dialects/anthropic/usage.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/provider_error.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects::anthropic {
namespace {

constexpr std::string_view kVersionHeader = "anthropic-version";
constexpr std::string_view kBetaHeader = "anthropic-beta";
constexpr std::string_view kVersion = "2023-06-01";

// Anthropic has no code for prompts that are too long, only words.
void name_overflow(Fail& fail) {
  const std::string& message = fail.error.message;
  const bool is_overflow = message.contains("prompt is too long") || message.contains("exceed context limit");
  if (fail.error.code == base::ErrorCode::invalid_argument && is_overflow)
    fail.error.code = base::ErrorCode::context_overflow;
}

class MessageReader : public AnswerReader {
 public:
  MessageReader(std::string provider, tasks::Kind kind, bool relay)
      : provider_(std::move(provider)), kind_(kind), relay_(relay) {}

  Verdict read_event(std::string_view name, std::string_view data,
                     std::vector<tasks::Event>& events) override {
    // Most of a stream; whoever relays it has no use for what it holds.
    if (relay_ && name == "content_block_delta") return Verdict::content;
    std::string problem;
    const auto element = parse_json(data, &problem);
    JsonObject object;
    if (!element || element->get(object) != simdjson::SUCCESS) {
      // Gateways in front of compatible servers add OpenAI's end mark.
      if (data == "[DONE]") return Verdict::done;
      return fail_with(fmt::format("{} sent an event that is no JSON object: {}", provider_, problem));
    }
    const std::string_view type = string_of(object, "type").value_or(name);
    if (type == "error" || value_of(object, "error")) {
      failure_ = decode_error_in_answer(provider_, data);
      name_overflow(failure_);
      return Verdict::failed;
    }
    return read_typed(type, object, events);
  }

  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override {
    std::string problem;
    const auto element = parse_json(body, &problem);
    JsonObject object;
    if (!element || element->get(object) != simdjson::SUCCESS)
      return fail_with(
          fmt::format("{} answered with something that is no JSON object: {}", provider_, problem));
    if (value_of(object, "error")) {
      failure_ = decode_error_in_answer(provider_, body);
      return Verdict::failed;
    }
    if (kind_ == tasks::Kind::count_tokens) {
      has_count_ = count_of(object, "input_tokens").has_value();
      usage_.read(object);
      return Verdict::content;
    }
    read_message(object, events);
    std::uint64_t index = 0;
    for (const JsonElement entry : elements_of(object, "content")) {
      JsonObject block;
      if (relay_ || entry.get(block) != simdjson::SUCCESS) continue;
      if (const auto started = blocks_.start(index, block, events); !started)
        return fail_with(fmt::format("{}: {}", provider_, started.error().message));
      blocks_.stop(index++, events);
    }
    read_stop(object, events);
    return Verdict::content;
  }

  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override {
    Fail fail = decode_error(provider_, head, body);
    name_overflow(fail);
    return fail;
  }
  bool is_whole() const override { return kind_ == tasks::Kind::count_tokens ? has_count_ : finished_; }
  std::string describe_missing() const override {
    return kind_ == tasks::Kind::count_tokens ? "no input_tokens" : "no stop_reason";
  }
  void conclude(std::vector<tasks::Event>& events) override {
    if (const auto usage = usage_.total()) events.emplace_back(tasks::UsageReport{*usage});
  }

 private:
  Verdict read_typed(std::string_view type, JsonObject object, std::vector<tasks::Event>& events) {
    const bool is_content = type == "message_delta" || type.starts_with("content_block_");
    if (is_content && !std::exchange(started_, true)) events.emplace_back(tasks::Started{});
    const std::uint64_t index = count_of(object, "index").value_or(0);
    if (type == "message_start") {
      // Shows nothing yet: an overloaded server says so right behind it.
      if (const auto message = object_of(object, "message")) read_message(*message, events);
      return Verdict::quiet;
    }
    if (type == "message_delta") {
      if (const auto usage = object_of(object, "usage")) usage_.read(*usage);
      if (const auto delta = object_of(object, "delta")) read_stop(*delta, events);
      return Verdict::content;
    }
    if (type == "message_stop") return Verdict::done;
    if (!type.starts_with("content_block_")) return Verdict::quiet;  // ping, and what may yet be invented
    if (relay_) return Verdict::content;
    base::Status status;
    if (type == "content_block_start") {
      if (const auto block = object_of(object, "content_block"))
        status = blocks_.start(index, *block, events);
    } else if (type == "content_block_delta") {
      if (const auto delta = object_of(object, "delta")) status = blocks_.add(index, *delta, events);
    } else if (type == "content_block_stop") {
      blocks_.stop(index, events);
    }
    if (!status) return fail_with(fmt::format("{}: {}", provider_, status.error().message));
    return Verdict::content;
  }

  // What a message tells of itself, at its start or whole.
  void read_message(JsonObject message, std::vector<tasks::Event>& events) {
    if (std::exchange(started_, true)) return;
    tasks::Started started;
    started.id = text_of(message, "id");
    started.model = text_of(message, "model");
    if (const auto usage = object_of(message, "usage")) {
      usage_.read(*usage);
      started.service_tier = tier_of_wire(string_of(*usage, "service_tier").value_or(""));
    }
    events.emplace_back(std::move(started));
  }

  void read_stop(JsonObject object, std::vector<tasks::Event>& events) {
    const auto reason = string_of(object, "stop_reason");
    if (!reason || std::exchange(finished_, true)) return;
    if (!relay_) blocks_.stop_all(events);
    events.emplace_back(read_finish(*reason, string_of(object, "stop_sequence").value_or("")));
  }

  Verdict fail_with(std::string message) {
    failure_ = fail_of(provider_, std::move(message));
    return Verdict::failed;
  }

  const std::string provider_;
  const tasks::Kind kind_;
  const bool relay_;
  BlockReader blocks_;
  UsageCount usage_;
  Fail failure_;
  bool started_ = false;    // Started was emitted
  bool finished_ = false;   // Finished was
  bool has_count_ = false;  // of count_tokens
};

// The client's own version and betas go along; the surface's betas stay beside them.
void add_versions(const http::Headers* client, http::Headers& headers) {
  if (client != nullptr) {
    if (const auto version = client->find(kVersionHeader)) headers.set(kVersionHeader, *version);
    if (const auto beta = client->find(kBetaHeader)) {
      const auto own = headers.find(kBetaHeader);
      headers.set(kBetaHeader, own ? fmt::format("{},{}", *own, *beta) : std::string(*beta));
    }
  }
  if (!headers.contains(kVersionHeader)) headers.add(kVersionHeader, kVersion);
}

// This dialect's streams tell their usage unasked: a surface that says otherwise must not have OpenAI's
// parameter put into its requests.
base::Result<Spliced> splice(const ScannedRequest& request, const UpstreamCall& call) {
  if (call.surface->stream_usage == catalog::StreamUsage::always)
    return splice_request(request, *call.surface, call.model);
  catalog::Surface surface = *call.surface;
  surface.stream_usage = catalog::StreamUsage::always;
  return splice_request(request, surface, call.model);
}

base::Result<Spliced> encode(const tasks::ChatRequest& chat, const UpstreamCall& call) {
  SLUICE_TRY(EncodedRequest encoded, encode_chat_request(chat, call.model, call.kind));
  http::Slice body = http::Slice::of(std::move(encoded.body));
  // What the hub writes names no provider: most files have no other edit for it.
  const bool is_final = std::ranges::all_of(call.surface->quirks, [](const catalog::Quirk& quirk) {
    return quirk.name == "drop" && quirk.parameter == "provider";
  });
  if (is_final) return Spliced{.body = {std::move(body)}, .dropped = std::move(encoded.dropped)};
  SLUICE_TRY(const ScannedRequest scanned, scan_request(call.kind, std::move(body)));
  SLUICE_TRY(Spliced spliced, splice(scanned, call));
  spliced.dropped.insert(spliced.dropped.end(), encoded.dropped.begin(), encoded.dropped.end());
  return spliced;
}

base::Result<Spliced> pass_on(const ScannedRequest& request, const UpstreamCall& call) {
  auto cut = cut_marked_blocks(request);
  if (!cut) return splice(request, call);
  SLUICE_TRY(const ScannedRequest scanned, scan_request(call.kind, *std::move(cut)));
  return splice(scanned, call);
}

}  // namespace

base::Result<Begun> begin_upstream(const UpstreamCall& call) {
  const auto* own = std::get_if<const ScannedRequest*>(&call.request);
  const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request);
  if (own == nullptr && chat == nullptr) {
    return base::fail(base::ErrorCode::not_found, "{} does not offer {}", call.provider->id,
                      tasks::name_of(call.kind));
  }
  const bool wants_stream = own != nullptr ? (*own)->stream : (*chat)->stream;
  SLUICE_TRY(HttpPlan plan, plan_post(call, wants_stream && call.kind == tasks::Kind::chat));
  add_versions(call.client_headers, plan.request.headers);
  SLUICE_TRY(Spliced spliced, own != nullptr ? pass_on(**own, call) : encode(**chat, call));
  plan.request.body = std::move(spliced.body);
  auto reader = std::make_unique<MessageReader>(plan.provider, call.kind, plan.relay);
  return Begun{.machine = make_http_machine(std::move(plan), std::move(reader)),
               .dropped = std::move(spliced.dropped)};
}

}  // namespace sluice::hub::dialects::anthropic
