// The kinds of work a request can ask for. A provider file lists the kinds it offers under these names.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::hub::tasks {

enum class Kind : std::uint8_t {
  chat,
  completion,
  embed,
  count_tokens,  // of a chat request; answered by a UsageReport with `input`
  rerank,
  image,
  speech,
  transcription,
  moderation
};

inline constexpr std::array<std::string_view, 9> kKindNames{"chat",         "completion",    "embed",
                                                            "count_tokens", "rerank",        "image",
                                                            "speech",       "transcription", "moderation"};

constexpr std::string_view name_of(Kind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

constexpr std::optional<Kind> kind_named(std::string_view name) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (kKindNames[i] == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

}  // namespace sluice::hub::tasks
