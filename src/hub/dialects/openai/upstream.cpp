#include "hub/dialects/openai/upstream.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/openai/cache_marks.h"
#include "hub/dialects/openai/decode_answer.h"
#include "hub/dialects/openai/embeddings.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/openai/reasoning_details.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/stream_tap.h"
#include "hub/dialects/provider_error.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects::openai {
namespace {

class OpenAiReader : public AnswerReader {
 public:
  // `asked_usage`: the hub asked for the usage event, which is its own to remove.
  OpenAiReader(std::string provider, bool relay, bool asked_usage)
      : provider_(std::move(provider)), relay_(relay), asked_usage_(asked_usage) {}

  Verdict read_event(std::string_view, std::string_view data, std::vector<tasks::Event>& events) override {
    const Verdict verdict = read_data(data, events);
    // With the bytes that say so: whoever passes them on may have something to add.
    if (relay_ && tap_.is_final_usage()) tell_usage(events);
    return verdict;
  }

  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override {
    const StreamTap::Verdict verdict = tap_.observe(body);
    if (verdict == StreamTap::Verdict::error)
      return fail_with(decode_error_in_answer(provider_, tap_.error_json()));
    if (verdict == StreamTap::Verdict::rubbish || verdict == StreamTap::Verdict::done) {
      return fail_with(fail_of(provider_, fmt::format("{} answered with something that is no JSON object: {}",
                                                      provider_, tap_.problem())));
    }
    return read_content(body, events);
  }

  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override {
    return decode_error(provider_, head, body);
  }
  bool is_whole() const override { return tap_.is_whole(); }
  std::string describe_missing() const override { return tap_.describe_missing(); }
  std::string broken_off() const override { return ended_in_error_ ? "finish_reason error" : ""; }
  void conclude(std::vector<tasks::Event>& events) override { tell_usage(events); }

 private:
  Verdict read_data(std::string_view data, std::vector<tasks::Event>& events) {
    switch (tap_.observe(data)) {
      case StreamTap::Verdict::content:
        return read_content(data, events);
      case StreamTap::Verdict::opening:
        return read_content(data, events) == Verdict::failed ? Verdict::failed : Verdict::quiet;
      case StreamTap::Verdict::usage_only:
        return asked_usage_ ? Verdict::hidden : Verdict::quiet;
      case StreamTap::Verdict::done:
        return Verdict::done;
      case StreamTap::Verdict::error:
        return fail_with(decode_error_in_answer(provider_, tap_.error_json()));
      case StreamTap::Verdict::rubbish:
        break;
    }
    return fail_with(fail_of(
        provider_, fmt::format("{} sent an event that is no JSON object: {}", provider_, tap_.problem())));
  }
  // Once, unless it has changed.
  void tell_usage(std::vector<tasks::Event>& events) {
    auto usage = tap_.usage();
    if (!usage || usage == told_usage_) return;
    events.emplace_back(tasks::UsageReport{*usage});
    told_usage_ = std::move(usage);
  }
  Verdict read_content(std::string_view json, std::vector<tasks::Event>& events) {
    if (tap_.started() && !std::exchange(told_start_, true)) events.emplace_back(*tap_.started());
    if (!relay_) {
      const std::size_t before = events.size();
      if (auto status = decode_deltas(json, told_sources_, events); !status)
        return fail_with(fail_of(provider_, fmt::format("{}: {}", provider_, status.error().message)));
      name_calls(std::span(events).subspan(before));
    }
    for (tasks::Finished& finished : tap_.take_finished()) {
      if (finished.reason == tasks::FinishReason::error) ended_in_error_ = true;
      events.emplace_back(std::move(finished));
    }
    return Verdict::content;
  }
  // Some servers give a call no id, or an empty one; whoever answers it needs one.
  void name_calls(std::span<tasks::Event> events) {
    for (tasks::Event& event : events) {
      auto* call = std::get_if<tasks::ToolCallDelta>(&event);
      if (call == nullptr || !calls_.emplace(call->choice, call->index).second || !call->id.empty()) continue;
      const std::string& answer = tap_.started() ? tap_.started()->id : "";
      call->id =
          fmt::format("call_{:016x}_{}_{}", std::hash<std::string>()(answer), call->choice, call->index);
    }
  }
  Verdict fail_with(Fail fail) {
    failure_ = std::move(fail);
    return Verdict::failed;
  }

  const std::string provider_;
  const bool relay_;
  const bool asked_usage_;
  StreamTap tap_;
  Fail failure_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> calls_;  // seen, by choice and index
  std::optional<tasks::Usage> told_usage_;                   // the last UsageReport emitted
  bool told_start_ = false;                                  // Started was emitted
  bool told_sources_ = false;                                // the citations that every chunk repeats were
  bool ended_in_error_ = false;                              // a choice finished with "error"
};

Extensions extensions_of(const catalog::Surface& surface) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(surface.extensions, name) != surface.extensions.end();
  };
  return {.cache_control = has(kCacheControl),
          .reasoning_details = has(kReasoningDetails),
          .extra_content = has(kExtraContent)};
}

// The hub's own structs as this dialect writes them; surface and quirks edit it like a client's body.
base::Result<ScannedRequest> encode_and_scan(const UpstreamCall& call, DropList& dropped) {
  std::string body;
  if (const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request)) {
    body = encode_chat_request(**chat, extensions_of(*call.surface), dropped);
  } else if (const auto* embed = std::get_if<const tasks::EmbedRequest*>(&call.request)) {
    body = encode_embed_request(**embed, dropped);
  } else {
    body = encode_completion_request(*std::get<const tasks::CompletionRequest*>(call.request), dropped);
  }
  return scan_request(call.kind, http::Slice::of(std::move(body)));
}

std::unique_ptr<AnswerReader> make_reader(const UpstreamCall& call, const HttpPlan& plan, bool asked_usage) {
  if (call.kind != tasks::Kind::embed)
    return std::make_unique<OpenAiReader>(plan.provider, plan.relay, asked_usage);
  const auto* embed = std::get_if<const tasks::EmbedRequest*>(&call.request);
  return make_embed_reader(plan.provider, plan.relay, embed != nullptr ? (*embed)->inputs.size() : 0);
}

}  // namespace

base::Result<Begun> begin_upstream(const UpstreamCall& call) {
  const auto* own = std::get_if<const ScannedRequest*>(&call.request);
  ScannedRequest encoded;
  DropList dropped;
  if (own == nullptr) {
    SLUICE_TRY(encoded, encode_and_scan(call, dropped));
  }
  const ScannedRequest& scanned = own != nullptr ? **own : encoded;
  const bool stream = scanned.stream && call.kind != tasks::Kind::embed;
  SLUICE_TRY(HttpPlan plan, plan_post(call, stream));
  SLUICE_TRY(Spliced spliced, splice_request(scanned, *call.surface, call.model, true));
  plan.request.body = std::move(spliced.body);
  for (const std::string& name : spliced.dropped) dropped.add(name);
  auto reader = make_reader(call, plan, spliced.asked_usage);
  return Begun{.machine = make_http_machine(std::move(plan), std::move(reader)), .dropped = dropped.take()};
}

}  // namespace sluice::hub::dialects::openai
