#include "hub/api/api.h"

#include <mutex>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "http/limits.h"
#include "hub/api/admission.h"
#include "hub/api/form_request.h"
#include "hub/api/replies.h"
#include "hub/api/routes.h"
#include "hub/dialects/dialect.h"
#include "hub/telemetry/access_log.h"
#include "net/side_thread.h"

namespace sluice::hub::api {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::string_view kPreflightMethods = "GET, POST, OPTIONS";
constexpr std::string_view kPreflightHeaders =
    "authorization, content-type, x-api-key, x-request-id, anthropic-version, anthropic-beta, "
    "anthropic-dangerous-direct-browser-access";

const dialects::Dialect& front_named(std::string_view name) {
  const dialects::Dialect* dialect = dialects::find_dialect(name);
  CHECK(dialect != nullptr && dialect->downstream);
  return *dialect;
}

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

base::Error no_route(std::string_view method, std::string_view path) {
  const auto near = near_routes(path);
  return {.code = ErrorCode::not_found,
          .message = fmt::format("there is no {} {}{}", method, path.substr(0, 200),
                                 near.empty() ? "; GET /openapi.json lists the routes"
                                              : fmt::format("; did you mean {}?", fmt::join(near, ", ")))};
}

}  // namespace

struct Api::State {
  // Touched on its own loop only, after construction.
  struct PerLoop {
    std::unique_ptr<gateway::Gateway> gateway;
    SettingsPtr settings;
  };

  State(net::Loops& on, Parts with, SettingsPtr initial)
      : loops(on), parts(std::move(with)), settings(std::move(initial)) {}

  net::Loops& loops;
  const Parts parts;
  std::vector<PerLoop> per_loop;
  net::SideThread aside;  // for errands
  // Guarded by mutex.
  mutable std::mutex mutex;
  std::shared_ptr<const std::string> not_ready = std::make_shared<const std::string>();
  SettingsPtr settings;  // for the Host check, which knows no loop

  std::shared_ptr<const std::string> reason() const {
    const std::lock_guard lock(mutex);
    return not_ready;
  }
};

namespace {

// One request on its way through the door; writes the log line of what it answers itself.
class Visit {
 public:
  Visit(net::Exchange& exchange, const Settings& settings, const Parts& parts)
      : exchange_(exchange),
        settings_(settings),
        parts_(parts),
        began_(net::Clock::now()),
        request_id_(request_id_of(exchange.request().headers)) {}

  net::Task<void> run(gateway::Gateway& gateway, std::string_view not_ready, net::SideThread& aside);

 private:
  bool is_preflight() const;
  net::Task<void> answer_preflight();
  base::Result<access::Caller> authenticate(const Route& route) const;
  base::Status take_body(const Route& route);
  Question question_of(const Match& match, std::string_view not_ready) const;
  net::Task<void> run_errand(const Route& route, Errand errand, net::SideThread& aside);
  net::Task<void> answer(Reply reply, std::string_view route, std::string_view error = {});
  net::Task<void> refuse(const base::Error& error, std::string_view route, std::string_view front = "openai",
                         int status = 0, std::string_view allow = {});
  http::Headers common_headers() const;

  net::Exchange& exchange_;
  const Settings& settings_;
  const Parts& parts_;
  const net::TimePoint began_;
  const std::string request_id_;
  access::Caller caller_;
};

http::Headers Visit::common_headers() const {
  http::Headers headers;
  headers.add("x-content-type-options", "nosniff");
  if (!settings_.cors_origins.empty())
    add_cors_headers(exchange_.request().headers.find("origin").value_or(""), settings_.cors_origins,
                     headers);
  return headers;
}

net::Task<void> Visit::answer(Reply reply, std::string_view route, std::string_view error) {
  http::Headers headers = common_headers();
  for (const auto& field : reply.headers) headers.set(field.name, field.value);
  headers.set("x-request-id", request_id_);
  headers.set("content-type", reply.content_type);
  const auto sent =
      co_await exchange_.respond(reply.status, std::move(headers), http::body_of(std::move(reply.body)));
  const std::chrono::duration<double> took = net::Clock::now() - began_;
  telemetry::record_request(
      *parts_.hub->metrics,
      {.request_id = request_id_,
       .key_id = caller_ ? std::string_view(caller_->id) : std::string_view(),
       .peer = exchange_.peer().address,
       .method = exchange_.request().method,
       .route = route,
       .outcome = !sent           ? "client_left"
                  : error.empty() ? "whole"
                                  : "refused",
       .error = error,
       .upstream_request_id = {},
       .bytes_in = http::byte_count(exchange_.request().body),
       .bytes_out = exchange_.bytes_sent()},
      {.route = route, .model = {}, .provider = {}, .status = reply.status, .duration_s = took.count()});
}

net::Task<void> Visit::refuse(const base::Error& error, std::string_view route, std::string_view front,
                              int status, std::string_view allow) {
  Reply reply = reply_error(error, front);
  if (status != 0) reply.status = status;
  if (!allow.empty()) reply.headers.set("allow", allow);
  if (const auto own = front_named(front).downstream->request_id_header; !own.empty())
    reply.headers.set(own, request_id_);
  if (reply.status == 401) reply.headers.set("www-authenticate", "Bearer");
  co_await answer(std::move(reply), route, base::name_of(error.code));
}

bool Visit::is_preflight() const {
  const http::Request& request = exchange_.request();
  return request.method == "OPTIONS" && request.headers.contains("access-control-request-method");
}

net::Task<void> Visit::answer_preflight() {
  Reply reply{.status = 204};
  if (common_headers().contains("access-control-allow-origin")) {
    reply.headers.set("access-control-allow-methods", kPreflightMethods);
    reply.headers.set("access-control-allow-headers", kPreflightHeaders);
    reply.headers.set("access-control-max-age", "600");
  }
  co_await answer(std::move(reply), "preflight");
}

base::Result<access::Caller> Visit::authenticate(const Route& route) const {
  if (route.need == Need::nothing || !settings_.auth) return access::Caller();
  const http::Headers& headers = exchange_.request().headers;
  const std::string_view authorization = headers.find("authorization").value_or("");
  const std::string_view api_key = headers.find("x-api-key").value_or("");
  if (route.need == Need::key_unless_loopback && authorization.empty() && api_key.empty() &&
      exchange_.peer().loopback && !is_forwarded(headers))
    return access::Caller();
  SLUICE_TRY(const auto text, access::presented_key(authorization, api_key));
  SLUICE_TRY(auto caller, parts_.keys->find(text));
  parts_.keys->note_use(*caller, unix_seconds());
  return caller;
}

// The body as the dialect reads it: JSON, or a form that becomes JSON here.
base::Status Visit::take_body(const Route& route) {
  http::Request& request = exchange_.request();
  const bool is_chat = route.task == tasks::Kind::chat && route.front == "openai";
  if (!is_chat || !is_form(request.headers)) return require_json(request.headers);
  const http::Slice form = http::flatten(request.body);
  SLUICE_TRY(std::string body,
             chat_body_of_form(form.text(), request.headers.find("content-type").value_or("")));
  const std::size_t size = body.size();
  body.append(http::kBodyPadding, '\0');
  request.body = {http::Slice::of(std::move(body)).sub(0, size)};
  request.headers.set("content-type", "application/json");
  return {};
}

Question Visit::question_of(const Match& match, std::string_view not_ready) const {
  return {.request = exchange_.request(),
          .id = match.id,
          .caller = caller_.get(),
          .settings = *settings_.gateway,
          .hub = *parts_.hub,
          .version = parts_.version,
          .not_ready = not_ready,
          .records = parts_.records};
}

net::Task<void> Visit::run_errand(const Route& route, Errand errand, net::SideThread& aside) {
  auto reply = co_await aside.run<Reply>(exchange_.loop(), exchange_.cancel(), std::move(errand));
  if (!reply) co_return co_await refuse(reply.error(), route.path, route.front);
  co_await answer(*std::move(reply), route.path);
}

net::Task<void> Visit::run(gateway::Gateway& gateway, std::string_view not_ready, net::SideThread& aside) {
  const http::Request& request = exchange_.request();
  if (is_preflight()) co_return co_await answer_preflight();
  const Match match = match_route(request.method, request.path());
  if (match.route == nullptr) {
    if (match.allow.empty())
      co_return co_await refuse(no_route(request.method, request.path()), "unmatched", match.front);
    const base::Error error{
        .code = ErrorCode::invalid_argument,
        .message = fmt::format("{} does not take {}; it takes {}", request.path().substr(0, 200),
                               request.method, match.allow)};
    co_return co_await refuse(error, "unmatched", match.front, 405, match.allow);
  }
  const Route& route = *match.route;
  auto caller = authenticate(route);
  if (!caller) co_return co_await refuse(caller.error(), route.path, route.front);
  caller_ = std::move(*caller);
  if (route.reply != nullptr)
    co_return co_await answer(route.reply(question_of(match, not_ready)), route.path);
  if (route.errand != nullptr)
    co_return co_await run_errand(route, route.errand(question_of(match, not_ready)), aside);
  if (const auto taken = take_body(route); !taken)
    co_return co_await refuse(taken.error(), route.path, route.front);
  gateway::Admission admission{.request_id = request_id_,
                               .route = route.path,
                               .kind = *route.task,
                               .front = &front_named(route.front),
                               .caller = std::move(caller_),
                               .headers = common_headers(),
                               .wants_usage = match.wants_usage,
                               .began = began_};
  co_await gateway.serve(exchange_, std::move(admission));
}

}  // namespace

Api::Api(net::Loops& loops, Parts parts, SettingsPtr settings)
    : state_(std::make_unique<State>(loops, std::move(parts), settings)) {
  CHECK(state_->parts.hub != nullptr && settings && settings->gateway);
  CHECK(state_->parts.keys != nullptr || !settings->auth);
  state_->per_loop.resize(loops.size());
  loops.run_on_all([&](net::Loop& loop) {
    auto& own = state_->per_loop[loop.index()];
    own.gateway =
        std::make_unique<gateway::Gateway>(loop, state_->parts.client, *state_->parts.hub, settings->gateway);
    own.settings = settings;
  });
}

Api::~Api() {
  state_->loops.run_on_all([&](net::Loop& loop) { state_->per_loop[loop.index()].gateway.reset(); });
}

net::Task<void> Api::handle(net::Exchange& exchange) {
  auto& own = state_->per_loop[exchange.loop().index()];
  const SettingsPtr settings = own.settings;  // the one that this request began with
  const auto not_ready = state_->reason();
  Visit visit(exchange, *settings, state_->parts);
  co_await visit.run(*own.gateway, *not_ready, state_->aside);
}

void Api::write_refusal(const net::Refusal& refusal, http::Headers& headers, std::string& body) {
  base::Error error{.code = ErrorCode::invalid_argument, .message = refusal.message};
  if (refusal.status == 403) error.code = ErrorCode::forbidden;
  if (refusal.status == 408) error.code = ErrorCode::timed_out;
  if (refusal.status == 413 || refusal.status == 431 || refusal.status == 414)
    error.code = ErrorCode::too_large;
  if (refusal.status == 503) error.code = ErrorCode::overloaded;
  if (refusal.status == 500) error.code = ErrorCode::internal;
  body = front_named("openai").downstream->encode_error(error);
  const std::string request_id = base::make_id("req_");
  headers.set("x-request-id", request_id);
  headers.set("content-type", front_named("openai").downstream->reply_type);
  headers.set("x-content-type-options", "nosniff");
  base::LogLine(base::LogLevel::info, "request refused unread")
      .text("request_id", request_id)
      .number("status", refusal.status)
      .text("error", base::name_of(error.code))
      .write();
}

bool Api::allows_host(std::string_view host, const net::Peer& peer) const {
  if (!peer.loopback || peer.unix_socket) return true;
  SettingsPtr settings;
  {
    const std::lock_guard lock(state_->mutex);
    settings = state_->settings;
  }
  return is_loopback_host(host, settings->allowed_hosts);
}

void Api::use(SettingsPtr settings) {
  CHECK(settings && settings->gateway);
  CHECK(state_->parts.keys != nullptr || !settings->auth);
  {
    const std::lock_guard lock(state_->mutex);
    state_->settings = settings;
  }
  state_->loops.run_on_all([&](net::Loop& loop) {
    auto& own = state_->per_loop[loop.index()];
    own.settings = settings;
    own.gateway->use(settings->gateway);
  });
}

void Api::probe() {
  state_->loops[0].post([state = state_.get()] { state->per_loop[0].gateway->probe(net::Clock::now()); });
}

void Api::set_not_ready(std::string reason) {
  auto next = std::make_shared<const std::string>(std::move(reason));
  const std::lock_guard lock(state_->mutex);
  state_->not_ready = std::move(next);
}

}  // namespace sluice::hub::api
