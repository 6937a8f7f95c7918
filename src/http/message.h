// Plain HTTP messages. No connection headers live here: net adds and removes what belongs to a hop
// (Connection, Transfer-Encoding, Content-Length, Host of the client, Date).
#pragma once

#include <string>
#include <string_view>

#include "http/headers.h"
#include "http/slice.h"

namespace sluice::http {

struct Request {
  std::string method;
  std::string target;  // origin form: "/v1/models?x=1"
  Headers headers;
  Body body;

  std::string_view path() const;   // target up to '?'
  std::string_view query() const;  // after '?', or empty
};

struct ResponseHead {
  int status = 200;
  Headers headers;
};

std::string_view reason_of(int status);  // "Not Found"; "Unknown" for what we have no word for

}  // namespace sluice::http
