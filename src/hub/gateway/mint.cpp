#include "hub/gateway/mint.h"

#include <chrono>
#include <utility>

#include "hub/credentials/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::Result;
using std::chrono::system_clock;

std::chrono::sys_seconds now_s() {
  return std::chrono::floor<std::chrono::seconds>(system_clock::now());
}

net::Task<Result<credentials::Token>> mint(net::Client& client, const credentials::ServiceAccount& account,
                                           net::Deadlines deadlines, bool local_only, net::Cancel& cancel) {
  SLUICE_CO_TRY(http::Request asked, credentials::make_token_request(account, now_s()));
  net::ClientRequest request;
  SLUICE_CO_TRY(request.url, http::parse_url(asked.target));
  request.method = std::move(asked.method);
  request.headers = std::move(asked.headers);
  request.body = std::move(asked.body);
  request.local_only = local_only;
  SLUICE_CO_TRY(net::ClientResponse response, co_await client.send(std::move(request), deadlines, cancel));
  SLUICE_CO_TRY(const http::Body body, co_await response.read_all(credentials::kTokenAnswerBytesMax));
  co_return credentials::read_token_answer(response.status(), http::to_string(body), now_s());
}

}  // namespace

net::Task<Result<std::string>> token_for(net::Client& client, const credentials::Credential& credential,
                                         credentials::Memory& memory, net::Deadlines deadlines,
                                         bool local_only, net::Cancel& cancel) {
  if (!credential.account()) co_return std::string();
  if (auto kept = memory.token(credential, system_clock::now())) co_return *std::move(kept);
  auto token = co_await mint(client, *credential.account(), deadlines, local_only, cancel);
  if (!token) {
    base::Error error = std::move(token).error();
    error.message = "no token for the service account: " + error.message;
    co_return base::fail(std::move(error));
  }
  std::string value = token->value;
  memory.keep_token(credential, *std::move(token), system_clock::now());
  co_return value;
}

}  // namespace sluice::hub::gateway
