// The JSON scanner against simdjson: the same verdict on any bytes, except that simdjson also refuses numbers
// too large for it; and taking a value whole or member by member must agree.
#include "hub/dialects/json_scanner.h"

#include <simdjson.h>

#include <cstdint>
#include <cstdlib>

namespace {

using sluice::hub::dialects::JsonScanner;
using sluice::hub::dialects::JsonType;

void walk(JsonScanner& scanner) {
  switch (scanner.peek()) {
    case JsonType::object:
      scanner.enter_object();
      while (scanner.next_key()) walk(scanner);
      break;
    case JsonType::array:
      scanner.enter_array();
      while (scanner.next_element()) walk(scanner);
      break;
    default:
      scanner.take_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  JsonScanner whole(text);
  whole.take_value();
  const bool accepted = whole.finish();
  JsonScanner stepwise(text);
  walk(stepwise);
  if (stepwise.finish() != accepted) std::abort();
  if (!accepted) {
    if (whole.error().message.empty()) std::abort();
    if (whole.error().message != stepwise.error().message) std::abort();
    if (whole.error().code == sluice::base::ErrorCode::too_large)
      return 0;  // our depth limit is the stricter
  }
  static simdjson::dom::parser parser;
  const auto code = parser.parse(reinterpret_cast<const char*>(data), size).error();
  const bool has_surrogate = text.contains("\\ud") || text.contains("\\uD");
  if (accepted && code == simdjson::NUMBER_ERROR) return 0;
  if (accepted && code == simdjson::STRING_ERROR && has_surrogate) return 0;
  if (accepted != (code == simdjson::SUCCESS)) std::abort();
  return 0;
}
