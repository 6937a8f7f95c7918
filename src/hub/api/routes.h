// Which path does what: one table, which the dispatcher, openapi.json's test and "did you mean" walk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"
#include "hub/access/key.h"
#include "hub/gateway/settings.h"
#include "hub/tasks/kind.h"
#include "hub/telemetry/records.h"

namespace sluice::hub::api {

// Who may ask.
enum class Need : std::uint8_t {
  nothing,             // anybody who reaches the socket
  key,                 // a key, unless keys are off
  key_unless_loopback  // a key, except for a direct caller on this machine (a scraper)
};

// What a plain handler reads. Borrowed for the call.
struct Question {
  const http::Request& request;
  std::string_view id;              // what stood for {id} in the path, percent-decoded
  const access::KeyRecord* caller;  // null without a key
  const gateway::Settings& settings;
  const gateway::Hub& hub;
  std::string_view version;
  std::string_view not_ready;             // why /readyz says no, or empty
  telemetry::Records* records = nullptr;  // null: none are kept
};

struct Reply {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body = {};
  http::Headers headers = {};
};

// The rest of a reply that may block; runs aside and owns what it uses, the long-lived parts excepted.
using Errand = std::move_only_function<Reply()>;

struct Route {
  std::string_view method;
  std::string_view path;  // may end in "{id}", which takes the rest, slashes too
  Need need = Need::key;
  // One of the three: a task for the gateway, a reply from memory, or one from a store.
  std::optional<tasks::Kind> task = {};
  // The dialect that clients of this path speak: of the task, and of every error.
  std::string_view front = "openai";
  Reply (*reply)(const Question&) = nullptr;
  Errand (*errand)(const Question&) = nullptr;
};

std::span<const Route> all_routes();

struct Match {
  const Route* route = nullptr;  // null: no such path, or not with this method
  std::string id;
  std::string allow;                  // the methods that this path has; empty when nothing has it
  std::string_view front = "openai";  // of the path, also where the method is wrong
  bool wants_usage = false;           // the path is spelt as OpenRouter's, whose streams always end in usage
};
// /v1/x is also known as /x and /api/v1/x, which other gateways taught their clients. HEAD matches GET.
Match match_route(std::string_view method, std::string_view path);

// What %XX stands for; a stray '%' stands for itself.
std::string decode_percent(std::string_view text);

// "POST /v1/chat/completions" and the like, nearest first.
std::vector<std::string> near_routes(std::string_view path);

}  // namespace sluice::hub::api
