#include "hub/dialects/usage_cost.h"

#include <string>
#include <string_view>

#include "base/usd_text.h"
#include "hub/dialects/json_scanner.h"

namespace sluice::hub::dialects {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Where the object begins that is the value of the last member called "usage"; npos: there is none. A quote
// inside a string is escaped, so that what looks like a key is one.
std::size_t find_usage(std::string_view text) {
  constexpr std::string_view kKey = "\"usage\"";
  for (std::size_t at = text.rfind(kKey); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : text.rfind(kKey, at - 1)) {
    const std::size_t colon = text.find_first_not_of(kBlanks, at + kKey.size());
    if (colon == std::string_view::npos || text[colon] != ':') continue;
    const std::size_t brace = text.find_first_not_of(kBlanks, colon + 1);
    if (brace != std::string_view::npos && text[brace] == '{') return brace;
  }
  return std::string_view::npos;
}

}  // namespace

http::Body add_cost(http::Body body, base::NanoUsd cost) {
  const http::Slice whole = http::flatten(body);
  const std::size_t begin = find_usage(whole.text());
  if (begin == std::string_view::npos) return body;
  const std::string_view text = whole.text().substr(begin);
  JsonScanner scanner(text);
  scanner.enter_object();
  bool is_empty = true;
  while (const auto key = scanner.next_key()) {
    if (key->in(text) == "cost") return body;
    scanner.take_value();
    is_empty = false;
  }
  if (scanner.failed()) return body;
  std::string member = is_empty ? "" : ",";
  member += "\"cost\":" + base::usd_text(cost);
  const std::size_t end = begin + scanner.position() - 1;
  http::Body out;
  http::append(out, whole.sub(0, end));
  http::append(out, http::Slice::of(std::move(member)));
  http::append(out, whole.sub(end));
  return out;
}

}  // namespace sluice::hub::dialects
