// A dialect is a wire format of some family of servers. Its upstream half speaks as a client to providers;
// its downstream half is the same dialect played backwards: it reads what clients send and writes what they
// expect. A dialect has one of them at least. All of it is bytes <-> tasks: no socket, no clock, no state
// between requests, and any thread may use the table; each machine and encoder object belongs to one request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "hub/catalog/provider.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "hub/tasks/embed.h"
#include "hub/tasks/event.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::dialects {

// --- upstream: what the machine tells its driver to do next

// Send this request and feed back the answer. The target is absolute ("https://host/path"); headers hold
// everything except the credential and what belongs to the hop.
struct Send {
  http::Request request;
};
// Call next() again after this long (providers that are polled).
struct Wait {
  std::chrono::milliseconds duration;
};
// A part of the answer. When the call was begun with the client's own bytes, `bytes` are to be passed on
// untouched and `events` tell only what accounting needs: Started, Finished and UsageReport. Otherwise
// `bytes` is empty and `events` are the answer.
struct Emit {
  http::Body bytes;
  std::vector<tasks::Event> events;
};
// The answer is whole.
struct Done {};
// The answer failed. If nothing was emitted before, another candidate may be tried.
struct Fail {
  base::Error error;  // `provider` is set; the message names the provider and what it said
  int status = 0;     // of the provider's answer; 200 for errors inside an answer
  std::optional<std::chrono::milliseconds> retry_after = {};
  // The fault is in the request itself, so that another provider would most likely refuse it as well.
  bool blames_request = false;
};
using Step = std::variant<Send, Wait, Emit, Done, Fail>;

// One call to one provider. The driver asks next() until it gives nullopt (more input is needed), then feeds
// and asks again. After Done or Fail it must not be asked any more. Calling order of the feeds: one head, any
// number of bodies, one end; a new Send starts anew.
class UpstreamMachine {
 public:
  virtual ~UpstreamMachine() = default;
  virtual std::optional<Step> next() = 0;
  virtual void feed_head(const http::ResponseHead& head) = 0;
  virtual void feed_body(http::Slice bytes) = 0;
  // The body ended as its framing promised. A body that broke off is the driver's failure to report, and
  // the machine is dropped.
  virtual void feed_end() = 0;
  // What to send, answer unread, when the call is given up before its end: nothing, where closing the
  // connection is enough.
  virtual std::optional<http::Request> cancel() { return std::nullopt; }
};

// What to ask of a provider. Everything is borrowed until the machine is made.
struct UpstreamCall {
  const catalog::Provider* provider = nullptr;
  const catalog::Surface* surface = nullptr;  // the provider's, of this dialect
  tasks::Kind kind = tasks::Kind::chat;
  std::string_view model;  // the provider's id for it
  // One of: the client's own bytes, when it speaks this dialect (passthrough); else the hub's own structs.
  std::variant<const ScannedRequest*, const tasks::ChatRequest*, const tasks::CompletionRequest*,
               const tasks::EmbedRequest*>
      request;
  // The headers of the client's own request, when it speaks this dialect; a dialect passes on those that are
  // part of it ("anthropic-beta") and no other.
  const http::Headers* client_headers = nullptr;
};

struct Begun {
  std::unique_ptr<UpstreamMachine> machine;
  // What was asked and cannot be carried to this provider: parameters by the hub's names, which are OpenAI's
  // ("seed", "tools.web_search"), those the hub has no field for as the client wrote them. Each once.
  std::vector<std::string> dropped = {};
};

struct UpstreamHalf {
  // Fails with invalid_argument when the provider cannot be asked this (a parameter given under both of its
  // names) and with not_found when it does not offer the kind.
  base::Result<Begun> (*begin)(const UpstreamCall& call);
};

// --- downstream

// What an answer needs to know of its request, beyond the events.
struct ReplyContext {
  tasks::Kind kind = tasks::Kind::chat;
  std::string id;                   // "chatcmpl-..."; used when Started brings none
  std::string model;                // used when Started brings none
  std::int64_t created_unix_s = 0;  // likewise
  bool include_usage = false;       // the client asked for the usage event in its stream
  // The request itself, where an answer repeats parts of it. Never null while encoding; borrowed.
  const ScannedRequest* request = nullptr;
  // How long ago the request came, for formats that tell it; empty: they tell zero.
  std::function<std::chrono::nanoseconds()> elapsed = {};
};

// Encodes one streamed answer. Give it the events in order; each call returns the bytes to write, complete
// wire events only, possibly none.
class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  virtual std::string encode(std::span<const tasks::Event> events) = 0;
  virtual std::string finish() = 0;                          // the end mark of a whole answer
  virtual std::string encode_error(const base::Error&) = 0;  // instead of finish()
};

struct DownstreamHalf {
  // One pass over the body; the errors name position or parameter.
  base::Result<ScannedRequest> (*scan)(tasks::Kind kind, http::Slice body);
  // The full request in the hub's own words; parameters without a field end in `others`.
  base::Result<tasks::ChatRequest> (*decode_chat)(const ScannedRequest& scanned);
  // Null where the dialect has no such task.
  base::Result<tasks::CompletionRequest> (*decode_completion)(const ScannedRequest& scanned) = nullptr;
  base::Result<tasks::EmbedRequest> (*decode_embed)(const ScannedRequest& scanned) = nullptr;
  // A whole answer as one body. Fails with upstream_failed when the events are not a whole answer.
  base::Result<std::string> (*encode_reply)(std::span<const tasks::Event> events,
                                            const ReplyContext& context);
  std::unique_ptr<StreamEncoder> (*encode_stream)(const ReplyContext& context);
  std::string (*encode_error)(const base::Error& error);
  // An error event for a stream of which bytes were already relayed.
  std::string (*encode_stream_error)(const base::Error& error);
  std::string_view reply_type;               // content-type of replies and errors
  std::string_view stream_type;              // content-type of streams
  std::string_view id_prefix = "chatcmpl-";  // of the ids that the hub gives to answers
  // Where this dialect's clients look for the id of their request, beside x-request-id; or empty.
  std::string_view request_id_header = {};
  std::string_view heartbeat;  // written into a silent stream; empty: this dialect's clients bear none
};

// One row of the table.
struct Dialect {
  std::string_view name;
  std::optional<UpstreamHalf> upstream;
  std::optional<DownstreamHalf> downstream;
};

std::span<const Dialect* const> all_dialects();
const Dialect* find_dialect(std::string_view name);  // nullptr when there is none

}  // namespace sluice::hub::dialects
