#include "app/device/image_bytes.h"

#include <array>
#include <cstdint>
#include <string>

#include "hub/dialects/media.h"

namespace sluice::app::device {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::uint8_t kNoDigit = 255;

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  digits['-'] = digits['+'];
  digits['_'] = digits['/'];
  return digits;
}

constexpr auto kDigits = make_digits();

}  // namespace

Result<std::vector<std::byte>> decode_base64(std::string_view text) {
  while (!text.empty() && (text.back() == '=' || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  std::vector<std::byte> out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t held = 0;
  int bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ') continue;
    const std::uint8_t digit = kDigits[static_cast<std::uint8_t>(text[i])];
    if (digit == kNoDigit) return fail(ErrorCode::invalid_argument, "expected base64, byte {} is none", i);
    held = held << 6 | digit;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::byte>(held >> bits & 0xFF));
  }
  if (bits == 6) return fail(ErrorCode::invalid_argument, "expected base64, the last character stands alone");
  return out;
}

Result<std::vector<std::byte>> image_bytes(std::string_view url, std::string_view where) {
  const auto refuse = [&](std::string why) {
    return fail({.code = ErrorCode::invalid_argument,
                 .message = fmt::format("{}: {}", where, why),
                 .parameter = std::string(where)});
  };
  if (url.starts_with("http://") || url.starts_with("https://"))
    return refuse("the device does not fetch pictures from the network: send a data URL");
  const auto data = hub::dialects::split_data_url(url);
  if (!data) return refuse("expected a picture as data:image/...;base64,...");
  auto bytes = decode_base64(data->data);
  if (!bytes) return refuse(bytes.error().message);
  return bytes;
}

}  // namespace sluice::app::device
