// A service account of Google: a key file from which short-lived bearer tokens are minted. A signed assertion
// (RFC 7523: RS256 JWT) is posted to the account's token endpoint, which answers with the token. This file
// makes the request and reads the answer; who sends it, with which socket, is the caller's business.
//
// Nothing here formats the private key or a token into a message.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace sluice::hub::credentials {

struct ServiceAccount {
  std::string email;
  std::string key_id;
  std::string private_key;  // PEM, RSA
  std::string token_uri;
  std::string project;  // may be empty
};
using ServiceAccountPtr = std::shared_ptr<const ServiceAccount>;

// Reads a key file's text; `where` names it in errors. Refuses another type of credential, a key that cannot
// sign RS256, and a token_uri that is neither https nor loopback: the assertion would be shown on the way.
base::Result<ServiceAccount> parse_service_account(std::string_view json, std::string_view where);

// "header.claims.signature", good for an hour from `now`.
base::Result<std::string> sign_assertion(const ServiceAccount& account, std::chrono::sys_seconds now);

// The request that mints a token: an absolute target, headers and body.
base::Result<http::Request> make_token_request(const ServiceAccount& account, std::chrono::sys_seconds now);

struct Token {
  std::string value;
  std::chrono::sys_seconds expires;
};
// What the token endpoint answered. The error says status and the endpoint's own words.
base::Result<Token> read_token_answer(int status, std::string_view body, std::chrono::sys_seconds now);

}  // namespace sluice::hub::credentials
