// One inference provider as data: where it is, how it wants to be spoken to, what it does with content. The
// text form is a JSON file in data/providers/ (schema: data/schemas/provider.schema.json), read strictly: an
// unknown key is an error, because a misspelt quirk would silently change what is sent.
//
// Immutable once loaded; shared between threads through shared_ptr<const Provider>.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::catalog {

// How a request proves who pays.
struct Auth {
  enum class Kind : std::uint8_t { header, none };
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

struct Provider {
  std::string id;        // lower case; what `model:<id>` pins
  std::string name;      // for people
  std::string base_url;  // "https://api.groq.com", without a slash at its end
  std::string dialect;   // a name in hub/dialects/all_dialects.cpp
  Auth auth;
  std::map<tasks::Kind, std::string> paths;  // what it offers, and where: base_url + path
  std::string models_path;                   // its list of models, or empty
  std::vector<Quirk> quirks;                 // applied in order
  StreamUsage stream_usage = StreamUsage::when_asked;
  DataPolicy data_policy;
  bool local = false;      // runs on the user's own machine
  bool uncertain = false;  // facts from documentation only, not seen on the wire
  std::string notes;

  bool offers(tasks::Kind kind) const { return paths.contains(kind); }
  std::string url_of(tasks::Kind kind) const;  // empty when not offered
};

using ProviderPtr = std::shared_ptr<const Provider>;

// Reads one file's text; `where` names it in errors ("groq.json: /auth/kind: ...").
base::Result<Provider> parse_provider(std::string_view json, std::string_view where);

// "" when `id` may name a provider, else why not ("'device' is reserved: ...").
std::string refuse_provider_id(std::string_view id);

// Why `url` cannot be a provider's address, or "": http(s) with a host; plain http only for loopback hosts
// and private networks' literal addresses; no user, query or fragment.
std::string refuse_base_url(std::string_view url);

}  // namespace sluice::hub::catalog
