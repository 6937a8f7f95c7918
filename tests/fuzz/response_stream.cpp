// An upstream's head, as the client reads it. First byte chooses the request's method.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "http/response_head.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view method = data[0] % 3 == 0 ? "HEAD" : data[0] % 3 == 1 ? "GET" : "POST";
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  http::HeadScanner scanner;
  const auto found = scanner.scan(bytes);
  if (!found || !*found) return 0;
  const auto parsed = http::parse_response_head(bytes.substr(0, **found), method);
  if (!parsed) return 0;
  CHECK(parsed->head.status >= 100 && parsed->head.status <= 599);
  CHECK(parsed->framing != http::Framing::until_close || !parsed->keep_alive);
  CHECK(method != "HEAD" || parsed->framing == http::Framing::none);
  for (const auto field : parsed->head.headers) {
    CHECK(http::is_token(field.name));
    CHECK(http::is_field_value(field.value));
  }
  return 0;
}
