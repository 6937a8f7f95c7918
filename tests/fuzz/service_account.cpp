// Any bytes as a service account's key file, and as the answer of a token endpoint: used, or refused with a
// message.
#include "hub/credentials/service_account.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace credentials = sluice::hub::credentials;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto account = credentials::parse_service_account(text, "fuzz.json");
  if (!account && !account.error().message.starts_with("fuzz.json")) std::abort();
  const std::chrono::sys_seconds now{std::chrono::seconds(1'800'000'000)};
  const auto token = credentials::read_token_answer((data[0] & 1) != 0 ? 200 : 400, text, now);
  if (token && (token->value.empty() || token->expires <= now)) std::abort();
  if (!token && token.error().message.empty()) std::abort();
  return 0;
}
