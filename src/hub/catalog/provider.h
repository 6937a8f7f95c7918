// One inference provider as data: where it is, how it wants to be spoken to, what it does with content. The
// text form is a JSON file in data/providers/ (schema: data/schemas/provider.schema.json), read strictly: an
// unknown key is an error, because a misspelt quirk would silently change what is sent.
//
// Immutable once loaded; shared between threads through shared_ptr<const Provider>.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::catalog {

// How a request proves who pays.
struct Auth {
  enum class Kind : std::uint8_t {
    header,           // a secret in a header
    service_account,  // a bearer token minted from a service account's key file (Vertex)
    none,
  };
  Kind kind = Kind::header;
  std::string header;            // "authorization"
  std::string scheme;            // "Bearer"; empty: the secret alone
  std::vector<std::string> env;  // variables that usually hold the secret, first found wins
  // True: a variable alone never switches the provider on, since it is commonly set for another purpose
  // (HF_TOKEN is set to download); the configuration must name the provider.
  bool only_by_name = false;
};

// A named edit of a request for a provider that deviates from its dialect. The dialect knows what each name
// does; `parameter` and `to` are top-level request keys.
struct Quirk {
  std::string name;  // "drop", "rename", ...
  std::string parameter;
  std::string to;
  std::map<std::string, std::string> values;  // from -> to, for quirks that map values

  friend bool operator==(const Quirk&, const Quirk&) = default;
};

// What the provider does with content, as read at `source` on `date` (YYYY-MM-DD). What is not known counts
// as the worst: retained, and trained on.
struct DataPolicy {
  bool retains = true;
  bool trains = true;
  std::string source;  // a URL, or "unknown"
  std::string date;
};

// How its streams report usage.
enum class StreamUsage : std::uint8_t {
  when_asked,  // only with stream_options.include_usage
  always,      // asked or not; never ask
};

// What a surface may understand beyond its dialect.
// provider_routing: it chooses among providers of its own, by OpenRouter's `provider` object.
inline constexpr std::array<std::string_view, 4> kExtensions{"cache_control", "reasoning_details",
                                                             "extra_content", "provider_routing"};

// One wire format a provider speaks, and where. base_url, paths and header values may hold "{variable}" until
// the catalogue has filled it in; paths keep "{model}".
struct Surface {
  std::string dialect;                              // a name in hub/dialects/all_dialects.cpp
  std::string base_url;                             // "https://api.groq.com", without a slash at its end
  std::map<tasks::Kind, std::string> paths;         // what it offers, and where: base_url + path
  std::map<tasks::Kind, std::string> stream_paths;  // where a stream is asked for elsewhere
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request, in lower case
  std::vector<Quirk> quirks;                                 // applied in order
  // Of kExtensions: what it understands and others of its dialect refuse.
  std::vector<std::string> extensions;
  StreamUsage stream_usage = StreamUsage::when_asked;

  bool offers(tasks::Kind kind) const { return paths.contains(kind); }
};

// Something an address needs that differs between accounts: a region, a resource's name.
struct Variable {
  std::vector<std::string> env;  // variables that usually hold it, first found wins
  std::optional<std::string> fallback;
};

// What its models can take in general; absent is unknown. A single model may do less.
struct Capabilities {
  std::optional<bool> images;
  std::optional<bool> audio;
  std::optional<bool> documents;
  std::optional<bool> tools;
  std::optional<bool> structured_output;
};

// What its answers look like, for people and for the simulator: the dialects read every form unasked.
struct AnswerFacts {
  std::string stream_end;  // "done" ([DONE]), "event" (the dialect's own), "eof", "poll"
  std::string usage_at;    // "finish_event", "own_event", "every_event", "several_events"; empty: unknown
  std::string reasoning;   // the key or part that holds it
  std::vector<std::string> errors;  // shapes: "nested", "flat", "string", "detail", "problem", ...
};

// The cheapest request that shows whether a key works, and its price on `date`.
struct TestCall {
  std::string model;
  base::NanoUsd input_per_million;  // tokens
  base::NanoUsd output_per_million;
  std::string date;
};

struct Provider {
  std::string id;                 // lower case; what `model:<id>` pins
  std::string name;               // for people
  std::vector<Surface> surfaces;  // at least one; the first is what it speaks by preference
  Auth auth;
  std::map<std::string, Variable> variables;
  std::vector<std::string> unresolved;  // variables without a value: it cannot be asked until they have one
  std::vector<std::string> tasks;       // in the Hub's words: "text-to-image", ...
  Capabilities capabilities;
  DataPolicy data_policy;
  std::string models_path;  // its list of models on the first surface, or empty
  std::optional<TestCall> check;
  AnswerFacts answer;
  std::vector<std::string> rate_limit_headers;
  std::string
      rate_limit_reset;  // "duration", "seconds", "float_seconds", "rfc3339", "in_body"; empty: unknown
  std::vector<std::string> request_id_headers;
  std::string hf_partner;  // "active", "removed YYYY-MM-DD" or empty
  std::string not_built;   // not empty: no dialect speaks its protocol yet, and this says what is missing
  bool local = false;      // runs on the user's own machine
  std::vector<std::string> uncertain;  // fields known from documentation only, not seen on the wire
  std::string notes;

  const Surface& primary() const { return surfaces.front(); }
  // The surface of that dialect which offers `kind`, or nullptr.
  const Surface* surface_for(std::string_view dialect, tasks::Kind kind) const;
  // The first surface that offers `kind`, or nullptr.
  const Surface* primary_for(tasks::Kind kind) const;
  bool offers(tasks::Kind kind) const { return primary_for(kind) != nullptr; }
};

using ProviderPtr = std::shared_ptr<const Provider>;

// Where `surface` of `provider` is asked for `kind`. Fails with not_found when it does not offer it, and with
// invalid_argument when the path holds the model and this model's name cannot stand in one ("a/../b").
base::Result<std::string> url_of(const Provider& provider, const Surface& surface, tasks::Kind kind,
                                 std::string_view model, bool stream);

// "" when somebody may be asked at `provider` at all, else what is missing, for people.
std::string refuse_unready(const Provider& provider);

// Reads one file's text; `where` names it in errors ("groq.json: /auth/kind: ...").
base::Result<Provider> parse_provider(std::string_view json, std::string_view where);

// "" when `id` may name a provider, else why not ("'device' is reserved: ...").
std::string refuse_provider_id(std::string_view id);

// Why `url` cannot be a provider's address, or "": http(s) with a host; plain http only for loopback hosts
// and private networks' literal addresses; no user, query or fragment.
std::string refuse_base_url(std::string_view url);

// Why a provider's file or the configuration may not set this header on every request, or "".
std::string refuse_header(std::string_view name, std::string_view value);

}  // namespace sluice::hub::catalog
