#include "hub/simulator/upstreams.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "hub/simulator/limits.h"

namespace sluice::hub::simulator {
namespace {

using base::NanoUsd;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::chrono::minutes kPatience{10};  // of a silent upstream with its peer
constexpr std::string_view kChatPath = "/v1/chat/completions";

NanoUsd times(NanoUsd price, std::uint32_t tokens) {
  return {price.nanos * static_cast<std::int64_t>(tokens)};
}

// The text of the last message, or of its first part.
std::string mark_of(element body) {
  array messages, parts;
  std::string_view text;
  if (body["messages"].get(messages) != SUCCESS || messages.size() == 0) return {};
  const auto content = messages.at(messages.size() - 1)["content"];
  if (content.get(text) != SUCCESS && content.get(parts) == SUCCESS) (void)parts.at(0)["text"].get(text);
  return std::string(text.substr(0, kMarkBytesMax));
}

bool flag_of(simdjson::simdjson_result<element> value) {
  bool flag = false;
  return value.get(flag) == SUCCESS && flag;
}

}  // namespace

Upstreams::Upstreams(std::vector<UpstreamSettings> settings, std::uint64_t seed) : dice_(seed) {
  for (UpstreamSettings& one : settings) {
    const std::string name = one.name;
    served_[name].settings = std::move(one);
  }
}

net::Handler Upstreams::handler() {
  return [this](net::Exchange& exchange) -> net::Task<void> {
    auto played = begin(exchange.request());
    if (!played) {
      (void)co_await exchange.respond(404, {{"content-type", "text/plain"}},
                                      http::body_of("no simulated upstream has this path\n"));
      co_return;
    }
    co_await play(exchange, std::move(*played));
  };
}

std::optional<Upstreams::Played> Upstreams::begin(const http::Request& request) {
  const std::string_view path = request.path();
  if (request.method != "POST" || !path.starts_with('/') || !path.ends_with(kChatPath)) return std::nullopt;
  const std::string_view name = path.substr(1, path.size() - kChatPath.size() - 1);
  simdjson::dom::parser parser;
  element body;
  if (parser.parse(http::to_string(request.body)).get(body) != SUCCESS) return std::nullopt;
  Asked asked{.stream = flag_of(body["stream"]),
              .wants_usage = flag_of(body["stream_options"]["include_usage"]),
              .unix_s = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())};
  std::string_view model;
  if (body["model"].get(model) == SUCCESS) asked.model = model;

  const std::lock_guard lock(mutex_);
  const auto found = served_.find(name);
  if (found == served_.end()) return std::nullopt;
  Served& served = found->second;
  const Fault& fault = fault_at(served.settings.schedule, served.count++);
  if (dice_.uniform() < served.settings.slow_share) asked.slowness = served.settings.slow_factor;
  asked.slowness *= 1 + served.settings.spread * (2 * dice_.uniform() - 1);
  asked.number = ++count_;
  Played played{.number = asked.number,
                .script = write_script(served.settings, fault, asked),
                .price_output = served.settings.price_output};
  // Who takes a request and answers it, or will, bills its prompt; who refuses it does not.
  const bool billed = fault.act != Act::status && fault.act != Act::error_in_200 && fault.act != Act::html;
  seen_.push_back({.number = asked.number,
                   .upstream = served.settings.name,
                   .mark = mark_of(body),
                   .fault = fault.name,
                   .stream = asked.stream,
                   .began = net::Clock::now(),
                   .cost = billed ? times(served.settings.price_input, kTokensIn) : NanoUsd{}});
  if (seen_.size() > kSeenMax) seen_.pop_front();
  return played;
}

net::Task<void> Upstreams::play(net::Exchange& exchange, Played played) {
  const std::uint64_t number = played.number;
  const auto end = played.script.end;
  // The hook sees the peer close at once, also while nothing is being written.
  net::Cancel::Hook hook(exchange.cancel(), [this, number] { note_end(number, false, true); });
  base::Status said = co_await speak(exchange, played);
  if (said && end == Script::End::silent) said = co_await net::sleep_for(kPatience, exchange.cancel());
  if (said && end == Script::End::cut) exchange.abort();
  note_end(number, said && end != Script::End::silent, !said);
}

net::Task<base::Status> Upstreams::speak(net::Exchange& exchange, Played& played) {
  Script& script = played.script;
  if (script.head_after.count() > 0)
    SLUICE_CO_TRY_VOID(co_await net::sleep_for(script.head_after, exchange.cancel()));
  if (!script.says_head) co_return base::Status{};
  if (!script.in_pieces) {
    http::Body body;
    std::uint32_t tokens = 0;
    for (Beat& beat : script.beats) {
      tokens += beat.tokens;
      body.push_back(std::move(beat.bytes));
    }
    note(played.number, http::byte_count(body), times(played.price_output, tokens));
    co_return co_await exchange.respond(script.status, std::move(script.headers), std::move(body));
  }
  SLUICE_CO_TRY_VOID(
      co_await exchange.begin_stream({.status = script.status, .headers = std::move(script.headers)}));
  for (const Beat& beat : script.beats) {
    for (std::uint32_t i = 0; i < beat.repeat; ++i) {
      if (beat.after.count() > 0) SLUICE_CO_TRY_VOID(co_await net::sleep_for(beat.after, exchange.cancel()));
      SLUICE_CO_TRY_VOID(co_await exchange.write({beat.bytes}));
      note(played.number, beat.bytes.size(), times(played.price_output, beat.tokens));
    }
  }
  if (script.end == Script::End::whole) co_return co_await exchange.finish();
  co_return base::Status{};
}

std::vector<SeenRequest> Upstreams::seen(std::string_view mark) const {
  const std::lock_guard lock(mutex_);
  std::vector<SeenRequest> out;
  for (const SeenRequest& one : seen_)
    if (mark.empty() || one.mark == mark) out.push_back(one);
  return out;
}

void Upstreams::forget() {
  const std::lock_guard lock(mutex_);
  seen_.clear();
}

const UpstreamSettings* Upstreams::find(std::string_view name) const {
  const auto found = served_.find(name);  // set once
  return found == served_.end() ? nullptr : &found->second.settings;
}

void Upstreams::note(std::uint64_t number, std::size_t bytes, NanoUsd cost) {
  const std::lock_guard lock(mutex_);
  if (SeenRequest* seen = find_record(number)) {
    seen->bytes += bytes;
    seen->cost = seen->cost + cost;
  }
}

// The first to say so is right: a handler ends a while after its peer has left.
void Upstreams::note_end(std::uint64_t number, bool finished, bool left) {
  const std::lock_guard lock(mutex_);
  SeenRequest* seen = find_record(number);
  if (seen == nullptr || seen->ended != net::TimePoint{}) return;
  seen->ended = net::Clock::now();
  seen->finished = finished;
  if (left) seen->left = seen->ended;
}

SeenRequest* Upstreams::find_record(std::uint64_t number) {
  // Numbers grow by one, so the place follows from the first one kept.
  if (seen_.empty() || number < seen_.front().number) return nullptr;
  const std::size_t place = number - seen_.front().number;
  return place < seen_.size() ? &seen_[place] : nullptr;
}

}  // namespace sluice::hub::simulator
