#include "hub/gateway/http_upstream.h"

#include <algorithm>
#include <utility>

#include "hub/gateway/hops.h"
#include "hub/gateway/machine_source.h"
#include "hub/gateway/mint.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;

constexpr int kUnauthorized = 401;

// require_parameters: nothing was sent yet, and another candidate may carry it.
Failure refuse_to_drop(const std::string& provider, const std::vector<std::string>& dropped) {
  Failure failure(base::Error{
      .code = ErrorCode::invalid_argument,
      .message =
          fmt::format("{} cannot be asked for '{}', and provider.require_parameters forbids to leave {} "
                      "out",
                      provider, fmt::join(dropped, "', '"), dropped.size() == 1 ? "it" : "them"),
      .parameter = dropped.front(),
      .provider = provider});
  failure.another_may = true;
  return failure;
}

// The request in the hub's own words, for a provider that speaks another dialect than the client.
base::Status decode_for(const Call& call, dialects::UpstreamCall& asked) {
  if (call.kind() == tasks::Kind::completion) {
    SLUICE_TRY(asked.request, call.completion());
  } else if (call.kind() == tasks::Kind::embed) {
    SLUICE_TRY(asked.request, call.embed());
  } else {
    SLUICE_TRY(asked.request, call.chat());
  }
  return {};
}

}  // namespace

net::Task<Outcome<Opened>> HttpUpstream::open(const Call& call, net::TimePoint deadline,
                                              net::Cancel& cancel) {
  const std::string& id = call.candidate().provider->id;
  const auto* enabled = settings_.enabled.find(id);
  if (enabled == nullptr) co_return fail(ErrorCode::unavailable, "provider {} is not switched on", id);
  for (std::size_t tries = 1;; ++tries) {
    const auto now = std::chrono::system_clock::now();
    const credentials::Credential& credential = memory_.choose(*enabled, call.request_id(), now);
    auto opened = co_await open_with(*enabled, credential, call, deadline, cancel);
    const bool is_refused = !opened && opened.error().status == kUnauthorized;
    if (!is_refused || cancel.fired() || !may_try_again(*enabled, credential, tries)) co_return opened;
  }
}

bool HttpUpstream::may_try_again(const credentials::EnabledProvider& enabled,
                                 const credentials::Credential& refused, std::size_t tries) {
  if (refused.account()) {
    memory_.forget_token(refused);
    return tries == 1;
  }
  if (enabled.credentials.size() == 1) return false;
  const auto now = std::chrono::system_clock::now();
  memory_.set_aside(refused, now);
  return std::ranges::any_of(enabled.credentials, [&](const credentials::Weighted& other) {
    return !memory_.is_set_aside(other.credential, now);
  });
}

net::Task<Outcome<Opened>> HttpUpstream::open_with(const credentials::EnabledProvider& enabled,
                                                   const credentials::Credential& credential,
                                                   const Call& call, net::TimePoint deadline,
                                                   net::Cancel& cancel) {
  const catalog::Provider& provider = *enabled.provider;
  // Where the provider speaks the client's own dialect, the bytes pass through.
  const catalog::Surface* surface = provider.surface_for(call.front().name, call.kind());
  const bool passes_through = surface != nullptr && call.front().upstream;
  if (!passes_through) surface = provider.primary_for(call.kind());
  if (surface == nullptr)
    co_return fail(ErrorCode::not_found, "{} does not offer {}", provider.id, tasks::name_of(call.kind()));
  const dialects::Dialect* dialect = dialects::find_dialect(surface->dialect);
  if (dialect == nullptr || !dialect->upstream)
    co_return fail(ErrorCode::internal, "provider {}: no dialect is named {}", provider.id, surface->dialect);

  dialects::UpstreamCall asked{.provider = &provider,
                               .surface = surface,
                               .kind = call.kind(),
                               .model = call.candidate().model,
                               .request = &call.scanned(),
                               .client_headers = call.client_headers()};
  if (!passes_through) SLUICE_CO_TRY_VOID(decode_for(call, asked));
  SLUICE_CO_TRY(auto begun, dialect->upstream->begin(asked));
  if (call.scanned().require_parameters && !begun.dropped.empty())
    co_return std::unexpected(refuse_to_drop(provider.id, begun.dropped));
  MachineSetup setup{.client = client_,
                     .limits = call.limits(),
                     .listener = call.listener(),
                     .provider = provider.id,
                     .credential = credential,
                     .token = "",
                     .hops = add_hop(call.passed_hubs(), instance_id_),
                     .local_only = call.local_only(),
                     .passes_through = passes_through,
                     .deadline = deadline};
  if (credential.account()) {
    const net::Deadlines minting{.connect = call.limits().connect,
                                 .first_byte = call.limits().first_byte,
                                 .idle = call.limits().gap,
                                 .total = left_until(deadline)};
    auto token = co_await token_for(*client_, credential, memory_, minting, call.local_only(), cancel);
    if (!token) co_return std::unexpected(name_provider(provider.id, std::move(token).error()));
    setup.token = *std::move(token);
  }
  auto source = std::make_unique<MachineSource>(std::move(begun.machine), std::move(setup), cancel);
  auto first = co_await source->drive();
  if (!first) co_return std::unexpected(std::move(first).error());
  Opened opened;
  opened.headers = source->headers();
  opened.dropped = std::move(begun.dropped);
  if (*first) source->hold_first(std::move(**first));
  opened.source = std::move(source);
  co_return opened;
}

}  // namespace sluice::hub::gateway
