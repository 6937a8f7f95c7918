// What the fuzz targets of the answer decoders share: any bytes as the answer of a provider that speaks one
// dialect, to a chat (streamed or not), to a request for vectors and to a count. Exactly one end, the same
// events whatever the chunks, never whole without what makes an answer whole.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hub/dialects/play_answer.h"

namespace sluice::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline hub::catalog::Provider provider_speaking(std::string_view dialect) {
  hub::catalog::Surface surface;
  surface.dialect = dialect;
  surface.base_url = "https://api.example.com";
  for (const auto kind : {hub::tasks::Kind::chat, hub::tasks::Kind::embed, hub::tasks::Kind::count_tokens})
    surface.paths[kind] = "/models/{model}";
  hub::catalog::Provider provider;
  provider.id = "example";
  provider.surfaces = {std::move(surface)};
  return provider;
}

// The first byte chooses: bit 0 stream, bit 1 an error status, bit 2 JSON in answer to a stream, bits 3 and 4
// the kind, the rest the size of the chunks.
inline void play_bytes(const hub::dialects::Dialect& dialect, const std::uint8_t* data, std::size_t size) {
  using namespace hub;
  if (size < 2) return;
  const std::uint8_t choice = data[0];
  const bool stream = (choice & 1) != 0;
  const std::size_t chunk = 1 + choice / 32;
  static const catalog::Provider provider = provider_speaking(dialect.name);
  tasks::ChatRequest chat;
  chat.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
  chat.stream = stream;
  tasks::EmbedRequest embed;
  embed.inputs = {std::string("a"), std::string("b")};
  dialects::UpstreamCall call{.provider = &provider,
                              .surface = &provider.primary(),
                              .kind = tasks::Kind::chat,
                              .model = "m",
                              .request = &chat};
  if ((choice & 24) == 8) {
    call.kind = tasks::Kind::embed;
    call.request = &embed;
  } else if ((choice & 24) == 16) {
    call.kind = tasks::Kind::count_tokens;
  }
  dialects::Answer answer{
      .status = (choice & 2) != 0 ? 429 : 200,
      .type = stream && (choice & 4) == 0 ? "text/event-stream" : "application/json",
      .body = std::string(reinterpret_cast<const char*>(data) + 1, size - 1),
  };
  const dialects::Outcome whole = dialects::play(*dialect.upstream, call, answer);
  const dialects::Outcome cut = dialects::play(*dialect.upstream, call, answer, [&] { return chunk; });
  require(whole.done != whole.failure.has_value());
  require(whole.done == cut.done && whole.lines() == cut.lines());
  require(whole.failed_with() == cut.failed_with());
  if (whole.failure) require(!whole.failed_with().empty() && !whole.failure->error.provider.empty());
  if (!whole.done) return;
  require(whole.all<tasks::Started>().size() == 1);
  if (call.kind == tasks::Kind::chat) require(!whole.all<tasks::Finished>().empty());
  if (call.kind == tasks::Kind::embed) require(whole.all<tasks::Embedded>().size() == 2);
  if (call.kind == tasks::Kind::count_tokens) require(whole.all<tasks::UsageReport>().size() == 1);
}

}  // namespace sluice::fuzz
