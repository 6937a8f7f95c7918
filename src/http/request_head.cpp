#include "http/request_head.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "http/head/lines.h"
#include "http/limits.h"

namespace sluice::http {

namespace {

constexpr std::size_t kMaxMethodBytes = 32;

HeadRefusal bad(std::string_view message) {
  return {400, message};
}

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= kMaxMethodBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

// host [":" port] as Host carries it: no user information, no list, no path.
bool is_authority(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return is_token({reinterpret_cast<const char*>(&c), 1}) || c == ':' || c == '[' || c == ']';
  });
}

// Leaves the origin form in `target`, and the authority of an absolute form in `authority`.
bool take_target(std::string_view text, bool options, std::string& target,
                 std::optional<std::string_view>& authority) {
  if (!is_visible(text) || text.find('#') != std::string_view::npos) return false;
  if (text.starts_with('/') || (options && text == "*")) {
    target = text;
    return true;
  }
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return false;
  if (!base::equals_ignoring_case(text.substr(0, scheme), "http") &&
      !base::equals_ignoring_case(text.substr(0, scheme), "https"))
    return false;
  text.remove_prefix(scheme + 3);
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  authority = text.substr(0, end);
  target = text.substr(end);
  if (!target.starts_with('/')) target.insert(0, "/");
  return true;
}

std::optional<HeadRefusal> take_request_line(std::string_view line, RequestHead& head,
                                             std::optional<std::string_view>& authority) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("malformed request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_method(method)) return bad("malformed method");
  if (version == "HTTP/1.0")
    head.version_1_0 = true;
  else if (version != "HTTP/1.1") {
    const bool other = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
    return other ? HeadRefusal{505, "only HTTP/1.1 is spoken here"} : bad("malformed HTTP version");
  }
  if (target.size() > kMaxTargetBytes) return HeadRefusal{414, "the request target is too long"};
  head.request.method = method;
  if (!take_target(target, method == "OPTIONS", head.request.target, authority))
    return bad("malformed request target");
  return std::nullopt;
}

std::optional<HeadRefusal> check_host(const RequestHead& head, std::optional<std::string_view> authority) {
  const Headers& headers = head.request.headers;
  const std::size_t hosts = headers.count("host");
  if (hosts > 1) return bad("more than one Host");
  if (hosts == 0) {
    if (head.version_1_0) return std::nullopt;
    return bad("Host is missing");
  }
  const std::string_view host = *headers.find("host");
  if (!is_authority(host)) return bad("malformed Host");
  if (authority && !base::equals_ignoring_case(*authority, host))
    return bad("Host and request target disagree");
  return std::nullopt;
}

std::optional<HeadRefusal> take_framing(RequestHead& head) {
  const Headers& headers = head.request.headers;
  const std::size_t encodings = headers.count("transfer-encoding");
  const std::size_t lengths = headers.count("content-length");
  if (encodings > 0 && lengths > 0) return bad("both Transfer-Encoding and Content-Length");
  if (encodings > 0) {
    // Exactly "chunked", once: "xchunked", "chunked, identity" and their kin are what smuggling is made of.
    if (encodings > 1 || head.version_1_0 ||
        !base::equals_ignoring_case(*headers.find("transfer-encoding"), "chunked"))
      return bad("Transfer-Encoding: only chunked is taken, once");
    head.framing = Framing::chunked;
  } else if (lengths > 0) {
    const std::string_view text = *headers.find("content-length");
    const auto length = base::parse_unsigned(text);
    if (lengths > 1 || !length) return bad("malformed Content-Length");
    head.content_length = *length;
    head.framing = *length == 0 ? Framing::none : Framing::length;
  }
  return std::nullopt;
}

// A list of tokens, some of which may be missing.
bool is_token_list(std::string_view text) {
  return std::ranges::all_of(base::split(text, ','), [](std::string_view piece) {
    const std::string_view element = base::trim(piece);
    return element.empty() || is_token(element);
  });
}

std::optional<HeadRefusal> take_connection(RequestHead& head) {
  const Headers& headers = head.request.headers;
  for (const auto field : headers)
    if (base::equals_ignoring_case(field.name, "connection") && !is_token_list(field.value))
      return bad("malformed Connection");
  head.keep_alive =
      head.version_1_0 ? headers.lists("connection", "keep-alive") : !headers.lists("connection", "close");
  return std::nullopt;
}

}  // namespace

std::expected<RequestHead, HeadRefusal> parse_request_head(std::string_view bytes) {
  RequestHead head;
  std::optional<std::string_view> authority;
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (auto refusal = take_request_line(take_line(bytes), head, authority)) return std::unexpected(*refusal);
  Headers& headers = head.request.headers;
  if (auto refusal = parse_fields(bytes, headers)) return std::unexpected(*refusal);
  if (auto refusal = check_host(head, authority)) return std::unexpected(*refusal);
  if (auto refusal = take_framing(head)) return std::unexpected(*refusal);
  if (auto refusal = take_connection(head)) return std::unexpected(*refusal);
  if (const auto expected = headers.find("expect"); expected && !head.version_1_0) {
    if (!base::equals_ignoring_case(*expected, "100-continue") || headers.count("expect") > 1)
      return std::unexpected(HeadRefusal{417, "Expect: only 100-continue is understood"});
    head.expects_continue = true;
  }
  return head;
}

}  // namespace sluice::http
