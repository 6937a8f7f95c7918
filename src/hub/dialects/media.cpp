#include "hub/dialects/media.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"

namespace sluice::hub::dialects {
namespace {

using Words = std::pair<std::string_view, std::string_view>;

constexpr std::array kAudioTypes{
    Words{"wav", "audio/wav"},   Words{"mp3", "audio/mpeg"},   Words{"flac", "audio/flac"},
    Words{"ogg", "audio/ogg"},   Words{"opus", "audio/opus"},  Words{"aac", "audio/aac"},
    Words{"aiff", "audio/aiff"}, Words{"webm", "audio/webm"},  Words{"m4a", "audio/mp4"},
    Words{"pcm16", "audio/pcm"}, Words{"wav", "audio/x-wav"},  Words{"wav", "audio/wave"},
    Words{"mp3", "audio/mp3"},   Words{"flac", "audio/x-flac"}};

constexpr std::array kTypesBySuffix{
    Words{"pdf", "application/pdf"}, Words{"txt", "text/plain"},        Words{"md", "text/markdown"},
    Words{"csv", "text/csv"},        Words{"html", "text/html"},        Words{"htm", "text/html"},
    Words{"xml", "text/xml"},        Words{"json", "application/json"}, Words{"png", "image/png"},
    Words{"jpg", "image/jpeg"},      Words{"jpeg", "image/jpeg"},       Words{"webp", "image/webp"},
    Words{"gif", "image/gif"},       Words{"bmp", "image/bmp"},         Words{"heic", "image/heic"},
    Words{"heif", "image/heif"},     Words{"avif", "image/avif"},       Words{"svg", "image/svg+xml"},
    Words{"mp4", "video/mp4"},       Words{"mov", "video/quicktime"},   Words{"webm", "video/webm"},
    Words{"mpeg", "video/mpeg"},     Words{"wav", "audio/wav"},         Words{"mp3", "audio/mpeg"},
    Words{"flac", "audio/flac"},     Words{"ogg", "audio/ogg"},         Words{"m4a", "audio/mp4"},
    Words{"aac", "audio/aac"}};

bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
  return base::equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool is_base64_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

std::optional<DataUrl> split_data_url(std::string_view url) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kEncoding = ";base64";
  if (!starts_ignoring_case(url, kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  std::string_view head = base::trim(url.substr(0, comma));
  if (head.size() < kEncoding.size() ||
      !base::equals_ignoring_case(head.substr(head.size() - kEncoding.size()), kEncoding)) {
    return std::nullopt;
  }
  head.remove_suffix(kEncoding.size());
  const std::string_view type = base::trim(head.substr(0, head.find(';')));
  return DataUrl{.media_type = type.empty() ? "text/plain" : type, .data = url.substr(comma + 1)};
}

std::string join_data_url(std::string_view media_type, std::string_view data) {
  return fmt::format("data:{};base64,{}", media_type, data);
}

bool is_base64(std::string_view text) {
  const std::size_t digits =
      static_cast<std::size_t>(std::ranges::find_if_not(text, is_base64_digit) - text.begin());
  const std::string_view padding = text.substr(digits);
  if (padding.empty()) return digits % 4 != 1;
  return (padding == "=" || padding == "==") && text.size() % 4 == 0;
}

std::string_view image_type_of(std::string_view base64) {
  // Three bytes are four digits, so that a prefix of whole digits tells the bytes up to the last few bits.
  constexpr std::pair<std::string_view, std::string_view> kBeginnings[] = {
      {"iVBORw0KGgo", "image/png"},  // 89 'PNG' 0D 0A 1A 0A
      {"/9j/", "image/jpeg"},        // FF D8 FF
      {"R0lGODdh", "image/gif"},     // GIF87a
      {"R0lGODlh", "image/gif"},     // GIF89a
      {"Qk", "image/bmp"},           // BM
  };
  for (const auto& [digits, type] : kBeginnings)
    if (base64.starts_with(digits)) return type;
  // RIFF, four bytes of size, WEBP: the last of them begins inside the eleventh digit.
  if (base64.starts_with("UklGR") && base64.size() > 16 && base64.substr(11, 5) == "XRUJQ")
    return "image/webp";
  return {};
}

std::string audio_media_type(std::string_view format) {
  for (const auto& [word, type] : kAudioTypes) {
    if (base::equals_ignoring_case(word, format)) return std::string(type);
  }
  return fmt::format("audio/{}", base::to_lower(format));
}

std::string audio_format(std::string_view media_type) {
  constexpr std::string_view kFamily = "audio/";
  const std::string_view type = base::trim(media_type.substr(0, media_type.find(';')));
  for (const auto& [word, known] : kAudioTypes) {
    if (base::equals_ignoring_case(known, type)) return std::string(word);
  }
  if (!starts_ignoring_case(type, kFamily)) return {};
  return base::to_lower(type.substr(kFamily.size()));
}

std::string_view media_type_by_name(std::string_view name_or_url) {
  std::string_view path = name_or_url.substr(0, name_or_url.find_first_of("?#"));
  path = path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {};
  for (const auto& [suffix, type] : kTypesBySuffix) {
    if (base::equals_ignoring_case(suffix, path.substr(dot + 1))) return type;
  }
  return {};
}

}  // namespace sluice::hub::dialects
