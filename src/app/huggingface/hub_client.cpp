#include "app/huggingface/hub_client.h"

#include <cctype>

#include "app/huggingface/limits.h"
#include "base/strings.h"

namespace sluice::app::huggingface {

using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr net::Deadlines kListing{.connect = std::chrono::seconds(10),
                                  .first_byte = std::chrono::seconds(30),
                                  .idle = std::chrono::seconds(30),
                                  .total = std::chrono::seconds(120)};
// A part may take as long as it makes progress.
constexpr net::Deadlines kPart{.connect = std::chrono::seconds(10),
                               .first_byte = std::chrono::seconds(30),
                               .idle = std::chrono::seconds(30),
                               .total = std::chrono::milliseconds(0)};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string header(const http::ResponseHead& head, std::string_view name) {
  return std::string(head.headers.find(name).value_or(""));
}

}  // namespace

std::string escape_path(std::string_view path, bool keep_slashes) {
  std::string out;
  for (const unsigned char c : path) {
    const bool plain =
        std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slashes);
    if (plain)
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

Result<http::Url> follow(const http::Url& from, std::string_view location) {
  if (location.starts_with('/') && !location.starts_with("//")) {
    http::Url to = from;
    to.target = location;
    return to;
  }
  const std::string whole = location.starts_with("//")
                                ? (from.tls ? "https:" : "http:") + std::string(location)
                                : std::string(location);
  SLUICE_TRY(http::Url to, http::parse_url(whole));
  if (from.tls && !to.tls)
    return fail(ErrorCode::invalid_argument, "a redirect from https to http is not followed");
  return to;
}

std::string HubClient::target_of(const std::string& repository, const std::string& commit,
                                 const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}/{}", settings_.endpoint.target, repository, commit,
                     escape_path(path, true));
}

net::Task<Result<HubClient::Opened>> HubClient::get(http::Url url, http::Headers headers,
                                                    net::Cancel& cancel) {
  const bool ranged = headers.contains("range");
  for (int redirects = 0;; ++redirects) {
    net::ClientRequest request;
    request.url = url;
    request.headers = headers;
    request.headers.set("user-agent", "sluice");
    request.headers.set("accept-encoding", "identity");
    if (is_endpoint(url) && !settings_.token.empty())
      request.headers.set("authorization", "Bearer " + settings_.token);
    SLUICE_CO_TRY(net::ClientResponse response,
                  co_await client_.send(std::move(request), ranged ? kPart : kListing, cancel));
    if (!is_redirect(response.status())) co_return Opened{std::move(response), std::move(url)};
    if (redirects == kRedirectsMax)
      co_return fail(ErrorCode::corrupt_data, "{}: more than {} redirects", url.origin(), kRedirectsMax);
    auto next = follow(url, response.head().headers.find("location").value_or(""));
    if (!next)
      co_return fail(ErrorCode::corrupt_data, "{}: redirect: {}", url.origin(), next.error().message);
    url = *std::move(next);
  }
}

Error HubClient::explain_unreached(const Error& error) const {
  if (error.code == ErrorCode::cancelled) return error;
  if (error.code == ErrorCode::forbidden)
    return {.code = ErrorCode::unavailable,
            .message = fmt::format("nothing is downloaded while local-only is in force ({})", error.message)};
  return {.code = ErrorCode::unavailable,
          .message =
              fmt::format("the Hub cannot be reached from here ({}): check the network or a proxy, or name "
                          "a mirror with HF_ENDPOINT; `sluice list` shows what is here already",
                          error.message)};
}

Error HubClient::explain(const http::ResponseHead& head, const ModelName& name) const {
  const std::string code = header(head, "x-error-code");
  const std::string page = settings_.endpoint.origin() + settings_.endpoint.target + "/" + name.repository;
  const bool has_token = !settings_.token.empty();
  if (code == "GatedRepo")
    return {.code = has_token ? ErrorCode::forbidden : ErrorCode::unauthenticated,
            .message = fmt::format("{}: its terms have to be accepted first, on {}{}", name.repository, page,
                                   has_token ? fmt::format(", by the account of {}", settings_.token_source)
                                             : "; then set HF_TOKEN to a token of that account")};
  if (code == "RevisionNotFound")
    return {.code = ErrorCode::not_found,
            .message = fmt::format("{}: no branch, tag or commit {}", name.repository, name.revision)};
  if (code == "EntryNotFound")
    return {.code = ErrorCode::not_found, .message = name.repository + ": a file it lists is not there"};
  if (head.status == 401 && has_token && code.empty())
    return {
        .code = ErrorCode::unauthenticated,
        .message = fmt::format("{}: the Hub does not accept {}", name.repository, settings_.token_source)};
  if (code == "RepoNotFound" || head.status == 401 || head.status == 404)
    return {
        .code = ErrorCode::not_found,
        .message = fmt::format("no repository {} on {}{}", name.repository, settings_.endpoint.origin(),
                               has_token ? " that this token may see" : " (a private one needs HF_TOKEN)")};
  if (head.status == 403)
    return {
        .code = ErrorCode::forbidden,
        .message = fmt::format("{}: the Hub refuses: {}", name.repository, header(head, "x-error-message"))};
  if (head.status == 429)
    return {.code = ErrorCode::rate_limited,
            .message = fmt::format("{}: too many requests; try again later{}", settings_.endpoint.origin(),
                                   has_token ? "" : ", or set HF_TOKEN, which allows more")};
  return {.code = ErrorCode::upstream_failed,
          .message = fmt::format("{}: status {}", settings_.endpoint.origin(), head.status)};
}

net::Task<Result<Listing>> HubClient::list(ModelName name, net::Cancel& cancel) {
  http::Url url = settings_.endpoint;
  url.target = fmt::format("{}/api/models/{}/revision/{}?blobs=true", settings_.endpoint.target,
                           name.repository, escape_path(name.revision, false));
  auto opened = co_await get(std::move(url), {{"accept", "application/json"}}, cancel);
  if (!opened) {
    if (opened.error().code == ErrorCode::corrupt_data) co_return fail(std::move(opened).error());
    co_return fail(explain_unreached(opened.error()));
  }
  if (opened->response.status() != 200) co_return fail(explain(opened->response.head(), name));
  auto body = co_await opened->response.read_all(kListingBytesMax);
  if (!body)
    co_return fail(body.error().code, "{}: the list of {}: {}", settings_.endpoint.origin(), name.repository,
                   body.error().message);
  co_return parse_listing(http::to_string(*body), settings_.endpoint.origin() + ": " + name.repository);
}

net::Task<Result<HubClient::Opened>> HubClient::open(std::string target, std::optional<http::Url> at,
                                                     std::uint64_t from, std::uint64_t end,
                                                     net::Cancel& cancel) {
  http::Url url = at.value_or(settings_.endpoint);
  if (!at) url.target = target;
  const std::string range = fmt::format("bytes={}-{}", from, end - 1);
  SLUICE_CO_TRY(Opened opened, co_await get(std::move(url), {{"range", range}}, cancel));
  const http::ResponseHead& head = opened.response.head();
  if (head.status == 200 || head.status == 206) co_return std::move(opened);
  // A signed address of another host that has expired is asked for anew by the caller.
  if (!is_endpoint(opened.at) || head.status >= 500)
    co_return fail(ErrorCode::upstream_failed, "{}: status {}", opened.at.origin(), head.status);
  const std::string_view path = std::string_view(target).substr(settings_.endpoint.target.size() + 1);
  ModelName name;
  name.repository = path.substr(0, path.find("/resolve/"));
  co_return fail(explain(head, name));
}

}  // namespace sluice::app::huggingface
