#include "hub/simulator/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/simulator/limits.h"
#include "hub/simulator/shapes.h"

namespace sluice::hub::simulator {
namespace {

using base::JsonWriter;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::object;

constexpr std::string_view kModelPrefix = "sim/";
constexpr std::string_view kErrorPrefix = "error-";
constexpr std::chrono::hours kPatience{1};  // of an endless answer with its peer

std::string text_of(object from, std::string_view name) {
  std::string_view text;
  return std::string(from[name].get(text) == SUCCESS ? text : "");
}

// "sk-fake-groq" for the server providers/groq.
std::string key_of(const Server& server) {
  return "sk-fake-" + server.name.substr(server.name.rfind('/') + 1);
}

Reply plain(int status, std::string type, std::string body) {
  Reply reply{.status = status, .headers = {}, .pieces = {}};
  reply.headers.set("content-type", type);
  reply.pieces.push_back(std::move(body));
  return reply;
}

// "" when the credential is this server's own and no other one came along.
std::string find_wrong_credential(const Server& server, const http::Headers& headers) {
  for (const auto [name, value] : headers) {
    if (value.contains("sk-sluice-")) return fmt::format("header {} carries a key of the hub itself", name);
  }
  object auth;
  if (server.setting("auth").get(auth) != SUCCESS) return {};
  const std::string header = text_of(auth, "header");
  const std::string scheme = text_of(auth, "scheme");
  const std::string wanted = scheme.empty() ? key_of(server) : scheme + " " + key_of(server);
  for (const std::string_view other : {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-key"}) {
    if (!base::equals_ignoring_case(other, header) && headers.contains(other)) {
      return fmt::format("header {} is not how this server is authenticated to", other);
    }
  }
  if (headers.count(header) != 1) return fmt::format("header {} is missing or given twice", header);
  return headers.find(header) == wanted ? "" : fmt::format("header {} holds a wrong key", header);
}

std::string find_missing_header(const Server& server, const http::Headers& headers) {
  object wanted;
  if (server.setting("request_headers").get(wanted) != SUCCESS) return {};
  for (const auto [name, value] : wanted) {
    std::string_view text;
    if (value.get(text) != SUCCESS) continue;
    const auto accepted = base::split(text, '|');
    if (headers.count(name) != 1 || std::ranges::find(accepted, *headers.find(name)) == accepted.end()) {
      return fmt::format("header {}: expected {}, once", name, text);
    }
  }
  return {};
}

std::string scenario_of(const Server& server, const Situation& situation, const http::Headers& headers) {
  const std::string_view model = situation.model;
  if (const auto at = model.find(kModelPrefix); at != std::string_view::npos) {
    return std::string(model.substr(at + kModelPrefix.size()));
  }
  if (const auto named = headers.find("x-sim-scenario")) return std::string(*named);
  std::string_view otherwise = "text";
  (void)server.setting(situation.stream ? "default_stream" : "default_reply").get(otherwise);
  return std::string(otherwise);
}

}  // namespace

// A request that found its server and route.
struct Simulator::Matched {
  const Server* server = nullptr;
  const Route* route = nullptr;
  const http::Request* request = nullptr;
  simdjson::dom::parser parser;  // owns the body that the situation looks at
  Situation situation;
  std::string scenario;

  Reply refuse(int status, std::string message) {
    situation.message = std::move(message);
    return write_error(situation, status);
  }
};

base::Result<std::unique_ptr<Simulator>> Simulator::load(const std::filesystem::path& folder,
                                                         std::uint64_t seed) {
  SLUICE_TRY(auto library, Library::load(folder));
  return std::unique_ptr<Simulator>(new Simulator(std::move(library), seed));
}

net::Handler Simulator::handler() {
  return [this](net::Exchange& exchange) -> net::Task<void> {
    Reply reply = answer(exchange.request(), "http://" + std::string(exchange.host()));
    const std::uint64_t number = reply.number;
    if (!co_await send(exchange, std::move(reply))) note_left(number);
  };
}

net::Task<base::Status> Simulator::send(net::Exchange& exchange, Reply reply) {
  if (!reply.streamed) {
    std::string body;
    for (const std::string& piece : reply.pieces) body += piece;
    co_return co_await exchange.respond(reply.status, std::move(reply.headers),
                                        http::body_of(std::move(body)));
  }
  SLUICE_CO_TRY_VOID(
      co_await exchange.begin_stream({.status = reply.status, .headers = std::move(reply.headers)}));
  for (std::string& piece : reply.pieces) {
    SLUICE_CO_TRY_VOID(co_await exchange.write(http::body_of(std::move(piece))));
  }
  switch (reply.end) {
    case Reply::End::whole:
      co_return co_await exchange.finish();
    case Reply::End::cut:
      exchange.abort();
      break;
    case Reply::End::endless:
      co_return co_await net::sleep_for(kPatience, exchange.cancel());
  }
  co_return base::Status{};
}

Reply Simulator::answer(const http::Request& request, const std::string& address) {
  const std::string_view path = request.path();
  if (path == "/__received") return show_received(request);
  if (path == "/__servers") return show_servers();
  Matched matched;
  matched.request = &request;
  std::string_view rest;
  for (const auto& [name, server] : library_->servers()) {
    if (path.starts_with("/" + name + "/") &&
        (!matched.server || name.size() > matched.server->name.size())) {
      matched.server = &server;
      rest = path.substr(name.size() + 1);
    }
  }
  if (!matched.server) return plain(404, "text/plain", "no simulated server has this path\n");
  Situation& situation = matched.situation;
  situation.server = matched.server;
  situation.base = address + "/" + matched.server->name;
  situation.query = request.query();
  situation.request.headers = &request.headers;
  bool path_known = false;
  for (const Route& route : matched.server->routes) {
    if (!match_path(route.path, rest, situation.model, situation.id)) continue;
    path_known = true;
    if (route.method == request.method && situation.query.contains(route.query)) matched.route = &route;
    if (matched.route) break;
  }
  Reply reply = matched.route
                    ? answer_matched(matched)
                    : matched.refuse(
                          404, fmt::format("{}: {} {}", path_known ? "wrong method or query" : "no such path",
                                           request.method, request.target));
  reply.number = remember({.server = matched.server->name,
                           .kind = matched.route ? matched.route->kind : "",
                           .scenario = matched.scenario,
                           .method = request.method,
                           .target = request.target,
                           .headers = request.headers,
                           .body = http::to_string(request.body),
                           .status = reply.status,
                           .left = false});
  return reply;
}

Reply Simulator::answer_matched(Matched& matched) {
  const Server& server = *matched.server;
  const http::Headers& headers = matched.request->headers;
  Situation& situation = matched.situation;
  if (std::string wrong = find_wrong_credential(server, headers); !wrong.empty()) {
    // Some answer 400 to a wrong key: the table says so under a name of its own.
    return matched.refuse(401, std::move(wrong));
  }
  if (std::string missing = find_missing_header(server, headers); !missing.empty()) {
    return matched.refuse(400, std::move(missing));
  }
  const std::string body = http::to_string(matched.request->body);
  if (!matched.route->shape.empty()) {
    if (headers.find("content-type").value_or("").substr(0, 16) != "application/json") {
      return matched.refuse(400, "content-type: expected application/json");
    }
    if (matched.parser.parse(body).get(situation.request.body) != SUCCESS) {
      return matched.refuse(400, "the body is no JSON");
    }
    simdjson::dom::element shape;
    if (server.shapes()[matched.route->shape].get(shape) != SUCCESS)
      return matched.refuse(500, "no such shape");
    std::optional<object> extra;
    if (object fields; server.setting("extra_fields").get(fields) == SUCCESS) extra = fields;
    std::string misfit = find_misfit(situation.request.body, shape, server.shapes(), extra);
    if (!misfit.empty()) return matched.refuse(400, std::move(misfit));
    std::string_view model;
    if (situation.model.empty() && situation.request.body["model"].get(model) == SUCCESS)
      situation.model = model;
    bool stream = false;
    if (matched.route->streams == Route::Streams::when_body_says) {
      (void)situation.request.body["stream"].get(stream);
    }
    situation.stream = stream || matched.route->streams == Route::Streams::always;
    if (std::string unmet = find_unmet(server.setting("expect"), situation.request); !unmet.empty()) {
      return matched.refuse(400, std::move(unmet));
    }
  } else if (matched.parser.parse(std::string_view("{}")).get(situation.request.body) != SUCCESS) {
    return matched.refuse(500, "unreachable");
  }
  matched.scenario = scenario_of(server, situation, headers);
  if (matched.scenario.starts_with(kErrorPrefix)) {
    const auto status = base::parse_unsigned(std::string_view(matched.scenario).substr(kErrorPrefix.size()));
    if (status && *status < 600) return write_error(situation, static_cast<int>(*status));
  }
  auto exchange = server.exchange(matched.route->kind, matched.scenario);
  if (matched.route->kind == "fetch" || matched.route->kind == "cancel") {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(situation.id);
    if (job != jobs_.end()) exchange = server.exchange(matched.route->kind, job->second.scenario);
  }
  if (!exchange)
    return matched.refuse(404, fmt::format("no scenario {}/{}", matched.route->kind, matched.scenario));
  return answer_job(matched, *exchange);
}

// Chooses the variant, and counts the polls of providers that are polled.
Reply Simulator::answer_job(Matched& matched, const object& exchange) {
  Situation& situation = matched.situation;
  object chosen = exchange;
  array variants, polls;
  if (exchange["variants"].get(variants) == SUCCESS) {
    for (const simdjson::dom::element variant : variants) {
      if (variant.get(chosen) == SUCCESS && find_unmet(chosen["when"], situation.request).empty()) break;
    }
  }
  for (const object& from : {exchange, chosen}) {
    if (std::string unmet = find_unmet(from["expect"], situation.request); !unmet.empty()) {
      return matched.refuse(400, std::move(unmet));
    }
  }
  base::Random dice = next_dice();
  if (matched.route->kind == "submit") {
    const std::lock_guard lock(mutex_);
    situation.id = fmt::format("job-{}", ++count_);
    jobs_[situation.id].scenario = matched.scenario;
  } else if (matched.route->kind == "fetch" || matched.route->kind == "cancel") {
    const std::lock_guard lock(mutex_);
    Job& job = jobs_[situation.id];
    if (matched.route->kind == "cancel") job.cancelled = true;
    if (exchange[job.cancelled ? "cancelled" : "polls"].get(polls) == SUCCESS && polls.size() > 0) {
      const std::size_t place = std::min(job.polls++, polls.size() - 1);
      if (polls.at(place).get(chosen) != SUCCESS) return matched.refuse(500, "a poll is no object");
    }
  }
  return write_reply(situation, chosen, dice);
}

Reply Simulator::show_received(const http::Request& request) {
  const std::lock_guard lock(mutex_);
  if (request.method == "DELETE") {
    received_.clear();
    received_bytes_ = 0;
    return plain(200, "application/json", "[]\n");
  }
  const std::string_view query = request.query();
  const std::uint64_t after =
      query.starts_with("after=") ? base::parse_unsigned(query.substr(6)).value_or(0) : 0;
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const Received& one : received_) {
    if (one.number <= after) continue;
    json.begin_object().field("number", one.number).field("server", one.server).field("kind", one.kind);
    json.field("scenario", one.scenario).field("method", one.method).field("target", one.target);
    json.field("status", one.status).field("left", one.left).key("headers").begin_array();
    for (const auto [name, value] : one.headers) json.begin_array().string(name).string(value).end_array();
    json.end_array().field("body", one.body).end_object();
  }
  json.end_array();
  return plain(200, "application/json", std::move(out));
}

Reply Simulator::show_servers() const {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const auto& [name, server] : library_->servers()) {
    json.begin_object().field("name", name).field("dialect", server.dialect).field("key", key_of(server));
    json.key("kinds").begin_array();
    for (const Route& route : server.routes) json.string(route.kind);
    json.end_array().end_object();
  }
  json.end_array();
  return plain(200, "application/json", std::move(out));
}

std::uint64_t Simulator::remember(Received received) {
  const std::lock_guard lock(mutex_);
  received.number = ++count_;
  received_bytes_ += received.body.size();
  received_.push_back(std::move(received));
  while (received_.size() > kReceivedMax || (received_bytes_ > kReceivedBytesMax && received_.size() > 1)) {
    received_bytes_ -= received_.front().body.size();
    received_.pop_front();
  }
  return count_;
}

void Simulator::note_left(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(received_, number, &Received::number);
  if (found != received_.end()) found->left = true;
}

base::Random Simulator::next_dice() {
  const std::lock_guard lock(mutex_);
  return base::Random(dice_.next());
}

}  // namespace sluice::hub::simulator
