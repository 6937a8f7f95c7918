// The server's way from bytes to a request, and Beast's parser as a second reader: whatever we accept, Beast
// must accept with the same method, target, fields and framing. (Not the other way round: we refuse more.)
// Also: where the head ends does not depend on how the bytes were cut, and the chunked body neither.
#define BOOST_BEAST_SEPARATE_COMPILATION
#include "http/request_head.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/src.hpp>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/strings.h"
#include "http/chunked_reader.h"

namespace {

using namespace sluice;
namespace beast = boost::beast;

void compare_with_beast(std::string_view head, const http::RequestHead& ours) {
  beast::http::request_parser<beast::http::empty_body> theirs;
  theirs.header_limit(1 << 20);
  theirs.body_limit(boost::none);
  beast::error_code error;
  theirs.put(boost::asio::buffer(head.data(), head.size()), error);
  CHECK(!error || error == beast::http::error::need_more);
  CHECK(theirs.is_header_done());
  const auto& message = theirs.get();
  CHECK(std::string_view(message.method_string().data(), message.method_string().size()) ==
        ours.request.method);
  const auto target = std::string_view(message.target().data(), message.target().size());
  CHECK(target.ends_with(ours.request.target) || ours.request.target.starts_with('/'));
  std::size_t fields = 0;
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    (void)name;
    bool found = false;
    for (const auto own : ours.request.headers)
      found = found || (own.value == std::string_view(value.data(), value.size()) &&
                        base::equals_ignoring_case(own.name, std::string_view(name.data(), name.size())));
    CHECK(found);
    ++fields;
  }
  CHECK(fields == ours.request.headers.size());
  CHECK(theirs.chunked() == (ours.framing == http::Framing::chunked));
  CHECK(!theirs.content_length() || *theirs.content_length() == ours.content_length);
}

struct Decoded {
  std::string payload;
  std::size_t consumed = 0;
  bool done = false;
  bool failed = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  http::ChunkedReader reader;
  Decoded decoded;
  for (std::size_t at = 0; at < bytes.size() && !decoded.done; at += step) {
    std::string piece(bytes.substr(at, step));
    const auto result = reader.decode(piece);
    decoded.failed = !result;
    if (!result) return decoded;
    decoded.payload.append(piece, 0, result->payload);
    decoded.consumed += result->consumed;
    decoded.done = result->done;
  }
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  http::HeadScanner scanner;
  const auto found = scanner.scan(bytes);
  // Cut in two anywhere, the verdict is the same, or the refusal comes no later.
  if (size > 1) {
    http::HeadScanner in_two;
    const std::size_t cut = data[0] % size;
    const auto first = in_two.scan(bytes.substr(0, cut));
    const auto both = first && !*first ? in_two.scan(bytes) : first;
    CHECK(both.has_value() == found.has_value());
    if (both) CHECK(*both == *found);
  }
  if (!found || !*found) return 0;
  const std::string_view head = bytes.substr(0, **found);
  const auto parsed = http::parse_request_head(head);
  if (!parsed) {
    CHECK(parsed.error().status >= 400 && parsed.error().status <= 505);
    return 0;
  }
  compare_with_beast(head.starts_with("\r\n") ? head.substr(2) : head, *parsed);
  if (parsed->framing == http::Framing::chunked) {
    const std::string_view body = bytes.substr(**found);
    const Decoded whole = decode(body, body.size() + 1);
    for (const std::size_t step : {1, 2, 3, 7}) {
      const Decoded pieces = decode(body, step);
      CHECK(pieces.failed == whole.failed);
      if (!whole.failed) CHECK(pieces == whole);
    }
  }
  return 0;
}
