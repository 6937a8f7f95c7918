// Small decisions about a request before anything is done with it. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"
#include "hub/gateway/settings.h"

namespace sluice::hub::api {

// The client's own x-request-id when it is harmless (1 to 128 of letters, digits, '.', '_', '-', ':'), else a
// new one.
std::string request_id_of(const http::Headers& headers);

// unsupported_media unless the body is declared as JSON. An absent type is refused too: browsers send such
// bodies across origins without asking.
base::Status require_json(const http::Headers& headers);

// Whether a Host header names this machine's loopback, or one of `allowed`: others come from a page that
// rebound its own name to 127.0.0.1. An absent Host cannot come from a browser.
bool is_loopback_host(std::string_view host, std::span<const std::string> allowed);

// A proxy stands between the peer and the client, so that the peer's address says nothing about the client.
bool is_forwarded(const http::Headers& headers);

// What to add to an answer for a page of `origin`; nothing when it is not among `allowed` ("*": all).
void add_cors_headers(std::string_view origin, std::span<const std::string> allowed, http::Headers& headers);

}  // namespace sluice::hub::api
