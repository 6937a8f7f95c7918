// Any bytes as a provider's answer, in two chunkings, relayed and decoded: exactly one end, the same outcome
// whatever the chunks, never whole without a finished choice, and every relayed byte one that came, in order.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "hub/catalog/catalog.h"
#include "hub/dialects/dialect.h"

namespace {

using namespace sluice;
using namespace sluice::hub;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  bool done = false;
  bool failed = false;
  std::size_t finished = 0;
  std::string bytes;
};

void drain(dialects::UpstreamMachine& machine, Outcome& outcome) {
  while (!outcome.done && !outcome.failed) {
    const auto step = machine.next();
    if (!step) return;
    if (const auto* emit = std::get_if<dialects::Emit>(&*step)) {
      outcome.bytes += http::to_string(emit->bytes);
      for (const auto& event : emit->events)
        outcome.finished += std::holds_alternative<tasks::Finished>(event) ? 1 : 0;
    } else if (const auto* fail = std::get_if<dialects::Fail>(&*step)) {
      require(!fail->error.message.empty() && !fail->error.provider.empty());
      outcome.failed = true;
    } else {
      outcome.done = std::holds_alternative<dialects::Done>(*step);
    }
  }
}

Outcome play(const dialects::UpstreamCall& call, const dialects::Dialect& dialect, int status,
             std::string_view type, std::string_view body, std::size_t chunk) {
  auto machine = dialect.upstream->begin(call);
  require(machine.has_value());
  require(machine->machine->next().has_value());
  Outcome outcome;
  machine->machine->feed_head({.status = status, .headers = {{"content-type", type}}});
  drain(*machine->machine, outcome);
  for (std::size_t at = 0; at < body.size() && !outcome.done && !outcome.failed; at += chunk) {
    machine->machine->feed_body(http::Slice::copy_of(body.substr(at, chunk)));
    drain(*machine->machine, outcome);
  }
  if (!outcome.done && !outcome.failed) machine->machine->feed_end();
  drain(*machine->machine, outcome);
  require(outcome.done != outcome.failed);
  if (outcome.done) require(outcome.finished > 0);
  return outcome;
}

bool is_subsequence(std::string_view part, std::string_view of) {
  std::size_t at = 0;
  for (const char c : part) {
    at = of.find(c, at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool stream = (data[0] & 1) != 0;
  const int status = (data[0] & 2) != 0 ? 429 : 200;
  const std::size_t chunk = 1 + data[0] / 4;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const auto provider = catalog::Catalog::built_in()->find("openrouter");
  tasks::ChatRequest request;
  request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
  request.stream = stream;
  for (const dialects::Dialect* dialect : dialects::all_dialects()) {
    if (!dialect->upstream) continue;
    dialects::UpstreamCall call{.provider = provider.get(),
                                .surface = &provider->primary(),
                                .kind = tasks::Kind::chat,
                                .model = "m",
                                .request = &request};
    const std::string_view type = stream ? "text/event-stream" : "application/json";
    const Outcome decoded = play(call, *dialect, status, type, body, chunk);
    const Outcome decoded_whole = play(call, *dialect, status, type, body, body.size());
    require(decoded.done == decoded_whole.done && decoded.finished == decoded_whole.finished);
    require(decoded.bytes.empty());
    if (!dialect->downstream) continue;
    // What the fronts want, each of them something else.
    const auto own = dialect->downstream->scan(
        tasks::Kind::chat,
        http::Slice::borrowed(
            stream ? R"({"model":"m","max_tokens":9,"messages":[{}],"input":"x","stream":true})"
                   : R"({"model":"m","max_tokens":9,"messages":[{}],"input":"x"})"));
    require(own.has_value());
    call.request = &*own;
    const Outcome relayed = play(call, *dialect, status, type, body, chunk);
    const Outcome relayed_whole = play(call, *dialect, status, type, body, body.size());
    require(relayed.bytes == relayed_whole.bytes && relayed.done == relayed_whole.done);
    require(is_subsequence(relayed.bytes, body));
  }
  return 0;
}
