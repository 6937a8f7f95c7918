#include "hub/api/routes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.h"
#include "hub/api/generations.h"
#include "hub/api/ollama.h"
#include "hub/api/replies.h"
#include "hub/api/route_health.h"

namespace sluice::hub::api {
namespace {

constexpr std::string_view kRest = "{id}";
constexpr std::string_view kVersion = "/v1";
constexpr std::string_view kOtherVersion = "/api/v1";

constexpr std::array kRoutes{
    Route{.method = "POST", .path = "/v1/chat/completions", .task = tasks::Kind::chat},
    Route{.method = "POST", .path = "/v1/completions", .task = tasks::Kind::completion},
    Route{.method = "POST", .path = "/v1/embeddings", .task = tasks::Kind::embed},
    Route{.method = "GET", .path = "/v1/generation", .reply = &reply_generation},
    Route{.method = "POST", .path = "/v1/messages", .task = tasks::Kind::chat, .front = "anthropic"},
    Route{.method = "POST",
          .path = "/v1/messages/count_tokens",
          .task = tasks::Kind::count_tokens,
          .front = "anthropic"},
    Route{.method = "GET", .path = "/v1/models", .reply = &reply_models},
    Route{.method = "GET", .path = "/v1/models/{id}", .reply = &reply_model},
    Route{.method = "POST", .path = "/v1/responses", .task = tasks::Kind::chat, .front = "responses"},
    Route{.method = "POST", .path = "/api/chat", .task = tasks::Kind::chat, .front = "ollama"},
    Route{.method = "POST", .path = "/api/generate", .task = tasks::Kind::chat, .front = "ollama-generate"},
    Route{.method = "POST", .path = "/api/embed", .task = tasks::Kind::embed, .front = "ollama"},
    Route{.method = "POST", .path = "/api/embeddings", .task = tasks::Kind::embed, .front = "ollama"},
    Route{.method = "GET", .path = "/api/tags", .front = "ollama", .reply = &reply_ollama_tags},
    Route{.method = "POST", .path = "/api/show", .front = "ollama", .reply = &reply_ollama_show},
    Route{.method = "GET", .path = "/api/ps", .front = "ollama", .reply = &reply_ollama_ps},
    Route{.method = "GET",
          .path = "/api/version",
          .need = Need::nothing,
          .front = "ollama",
          .reply = &reply_ollama_version},
    Route{.method = "GET", .path = "/admin/generations", .errand = &list_generations},
    Route{.method = "GET", .path = "/admin/generations/{id}", .errand = &show_generation},
    Route{.method = "GET", .path = "/admin/routes", .reply = &reply_routes},
    Route{.method = "GET", .path = "/livez", .need = Need::nothing, .reply = &reply_live},
    Route{.method = "GET", .path = "/readyz", .need = Need::nothing, .reply = &reply_ready},
    Route{.method = "GET", .path = "/healthz", .need = Need::nothing, .reply = &reply_ready},
    Route{.method = "GET", .path = "/metrics", .need = Need::key_unless_loopback, .reply = &reply_metrics},
    Route{.method = "GET", .path = "/openapi.json", .need = Need::nothing, .reply = &reply_openapi},
    Route{.method = "GET", .path = "/", .need = Need::nothing, .reply = &reply_page},
};

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// Whether `path` is the route's, in the route's own spelling.
bool fits(const Route& route, std::string_view path, std::string_view& rest) {
  if (!route.path.ends_with(kRest)) return path == route.path;
  const std::string_view stem = route.path.substr(0, route.path.size() - kRest.size());
  if (!path.starts_with(stem) || path.size() == stem.size()) return false;
  rest = path.substr(stem.size());
  return true;
}

// In any of its spellings.
bool fits_any(const Route& route, std::string_view path, std::string_view& rest) {
  if (fits(route, path, rest)) return true;
  if (!route.path.starts_with(kVersion)) return false;
  if (path.starts_with(kOtherVersion))
    return fits(route, path.substr(kOtherVersion.size() - kVersion.size()), rest);
  Route bare = route;
  bare.path.remove_prefix(kVersion.size());
  return fits(bare, path, rest);
}

}  // namespace

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() && text[i] == '%' ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::span<const Route> all_routes() {
  return kRoutes;
}

Match match_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Match match;
  // Who asks for something of Ollama's that is not here is told so in Ollama's words.
  if (path.starts_with("/api/") && !path.starts_with(kOtherVersion)) match.front = "ollama";
  for (const Route& route : kRoutes) {
    std::string_view rest;
    if (!fits_any(route, path, rest)) continue;
    match.front = route.front;
    if (route.method == method) {
      match.route = &route;
      match.id = decode_percent(rest);
      match.wants_usage = path.starts_with(kOtherVersion) && route.path.starts_with(kVersion);
      return match;
    }
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route.method;
    if (route.method == "GET") match.allow += ", HEAD";
  }
  if (!match.allow.empty()) match.allow += ", OPTIONS";
  return match;
}

std::vector<std::string> near_routes(std::string_view path) {
  std::vector<std::string> known;
  for (const Route& route : kRoutes) known.emplace_back(route.path);
  std::vector<std::string> near = base::near_names(path, known);
  for (std::string& name : near)
    for (const Route& route : kRoutes)
      if (route.path == name) {
        name = fmt::format("{} {}", route.method, route.path);
        break;
      }
  return near;
}

}  // namespace sluice::hub::api
