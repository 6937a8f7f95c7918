// One request on its way to whoever answers it: the client's own bytes, what the front dialect read in them,
// and the candidate being tried now. Lives on the loop of its request, longer than every attempt and every
// EventSource; an Upstream borrows it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/headers.h"
#include "http/message.h"
#include "hub/catalog/resolve.h"
#include "hub/dialects/dialect.h"
#include "hub/gateway/attempts.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "hub/tasks/embed.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::gateway {

// Hears the head of every answer of an attempt: it may speak of limits, whatever its status.
struct HeadListener {
  virtual ~HeadListener() = default;
  virtual void hear(const http::ResponseHead& head) = 0;
};

// A copy is the same request at another candidate.
class Call {
 public:
  // `front` has a downstream half and, like the table it comes from, lives for ever.
  Call(std::string request_id, const dialects::Dialect& front, dialects::ScannedRequest scanned);

  const std::string& request_id() const { return request_id_; }
  const dialects::Dialect& front() const { return front_; }
  const dialects::ScannedRequest& scanned() const { return scanned_; }
  tasks::Kind kind() const { return scanned_.kind; }
  bool stream() const { return scanned_.stream; }
  // Process, key or request demand it: nothing but the device may see this request.
  bool local_only() const { return local_only_; }
  // Ids of the hubs that this request passed before this one, as they stand in the hop header.
  const std::string& passed_hubs() const { return passed_hubs_; }

  // As the client sent them; borrowed from the exchange. Null where there is none (tests).
  const http::Headers* client_headers() const { return client_headers_; }

  const catalog::Candidate& candidate() const { return candidate_; }
  const AttemptLimits& limits() const { return limits_; }
  HeadListener* listener() const { return listener_; }  // outlives the attempt; null: nobody listens

  // The whole request in the hub's own words, with `model` as the candidate knows it. Decoded on first use,
  // so that passing bytes through never pays for it. Borrowed from the Call; call them for the own kind only.
  base::Result<const tasks::ChatRequest*> chat() const;
  base::Result<const tasks::CompletionRequest*> completion() const;
  base::Result<const tasks::EmbedRequest*> embed() const;

  // The conductor's.
  void try_candidate(catalog::Candidate candidate, const AttemptLimits& limits = {},
                     HeadListener* listener = nullptr) {
    candidate_ = std::move(candidate);
    limits_ = limits;
    listener_ = listener;
  }
  void set_local_only(bool value) { local_only_ = value; }
  void set_pinned(bool value) { scanned_.is_pinned = value; }
  void require_parameters() { scanned_.require_parameters = true; }
  void set_client_headers(const http::Headers& headers) { client_headers_ = &headers; }
  void set_passed_hubs(std::string ids) { passed_hubs_ = std::move(ids); }

 private:
  const std::string request_id_;
  const dialects::Dialect& front_;
  dialects::ScannedRequest scanned_;
  bool local_only_ = false;
  std::string passed_hubs_;
  const http::Headers* client_headers_ = nullptr;
  catalog::Candidate candidate_;
  AttemptLimits limits_;
  HeadListener* listener_ = nullptr;
  // Filled on first use; the request's own coroutine only.
  mutable std::optional<base::Result<tasks::ChatRequest>> chat_;
  mutable std::optional<base::Result<tasks::CompletionRequest>> completion_;
  mutable std::optional<base::Result<tasks::EmbedRequest>> embed_;
};

}  // namespace sluice::hub::gateway
