#include "app/server/model_list.h"

#include "app/server/limits.h"
#include "hub/credentials/memory.h"
#include "hub/gateway/mint.h"
#include "net/client.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Result;

net::Task<Result<std::string>> get(net::Loop& loop, const Snapshot& snapshot,
                                   const hub::credentials::EnabledProvider& enabled, net::Cancel& cancel) {
  const hub::catalog::Provider& provider = *enabled.provider;
  net::Client client(loop, unpooled_client_options(snapshot));
  const net::Deadlines deadlines{.first_byte = std::chrono::seconds(30), .total = std::chrono::seconds(60)};
  hub::credentials::Memory memory;
  const auto& credential = enabled.credentials.front().credential;
  SLUICE_CO_TRY(const std::string token,
                co_await hub::gateway::token_for(client, credential, memory, deadlines, false, cancel));
  net::ClientRequest request;
  SLUICE_CO_TRY(request.url, http::parse_url(provider.primary().base_url + provider.models_path));
  for (const auto& [name, value] : provider.primary().headers) request.headers.set(name, value);
  request.headers.set("accept", "application/json");
  request.headers.set("user-agent", "sluice");
  SLUICE_CO_TRY_VOID(credential.apply(request.headers, token));
  SLUICE_CO_TRY(net::ClientResponse response, co_await client.send(std::move(request), deadlines, cancel));
  SLUICE_CO_TRY(const http::Body body, co_await response.read_all(kModelListBytesMax));
  if (response.status() != 200)
    co_return base::fail(ErrorCode::upstream_failed, "status {}", response.status());
  co_return http::to_string(body);
}

}  // namespace

net::ClientOptions unpooled_client_options(const Snapshot& snapshot) {
  net::ClientOptions options = snapshot.client;
  options.idle_per_origin = 0;
  return options;
}

Result<std::string> fetch_model_list(const Snapshot& snapshot,
                                     const hub::credentials::EnabledProvider& enabled,
                                     const std::stop_token& stop) {
  if (enabled.provider->models_path.empty())
    return base::fail(ErrorCode::not_found, "it has no list of models");
  Result<std::string> body = base::fail(ErrorCode::internal, "nothing came back");
  run_on_loop([&](net::Loop& loop) -> net::Task<void> {
    // Shared with the posted work, which may run when the call is over.
    const auto cancel = std::make_shared<net::Cancel>();
    const std::stop_callback watch(stop, [&loop, cancel] { loop.post([cancel] { cancel->fire(); }); });
    body = co_await get(loop, snapshot, enabled, *cancel);
  });
  return body;
}

}  // namespace sluice::app::server
