// How a request proves to a provider who pays, and which providers are switched on at all. A provider is
// enabled only knowingly: by the configuration, or by its own usual variable; each one can be printed with
// the reason. Secrets are never formatted, logged or compared except through this file.
//
// The environment, files and the clock are arguments: nothing here reads the process.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/headers.h"
#include "hub/catalog/catalog.h"
#include "hub/credentials/service_account.h"

namespace sluice::hub::credentials {

// One way to prove it: a header whose value is known, or one that needs a minted token. Copyable, immutable,
// any thread.
class Credential {
 public:
  Credential() = default;  // adds nothing: for providers without authentication
  Credential(std::string header, std::string scheme, std::string_view secret);
  Credential(std::string header, std::string scheme, ServiceAccountPtr account);

  // Sets the header, replacing one of that name. `token` is what was minted for account().
  base::Status apply(http::Headers& headers, std::string_view token = {}) const;
  bool is_empty() const { return header_.empty(); }
  const ServiceAccountPtr& account() const { return account_; }  // null: nothing is minted
  // Names it without telling it: the same for the same secret, in every process.
  const std::string& id() const { return id_; }

 private:
  std::string header_;
  std::string scheme_;
  std::string value_;  // empty while there is an account
  ServiceAccountPtr account_;
  std::string id_;
};

struct Weighted {
  Credential credential;
  std::uint32_t weight = 1;
};

struct EnabledProvider {
  catalog::ProviderPtr provider;      // its address complete, which the catalogue's may not be
  std::vector<Weighted> credentials;  // at least one
  std::string
      origin;  // what switched it on: "GROQ_API_KEY", "providers.groq.api_key", "providers.ollama.enabled"
};

struct Enablement {
  std::vector<EnabledProvider> providers;  // ordered by id
  std::vector<std::string> notes;          // things found and deliberately not used, one printable line each

  const EnabledProvider* find(std::string_view id) const;  // nullptr when not enabled
  std::vector<std::string> ids() const;
};

using catalog::Environment;

// What else enabling may ask; an absent function is never asked.
struct Outside {
  // A key file that a variable names.
  std::function<base::Result<std::string>(std::string_view path)> read_file = {};
  // Whether this hub issued that key: it opens our door and is nobody else's business. Another hub's key is
  // an ordinary credential, since another sluice may be a provider.
  std::function<bool(std::string_view secret)> is_own_key = {};
};

// Fails when the configuration itself is wrong: a key of our own as api_key, a key that cannot be sent in a
// header, enabled: true without any secret, a provider that cannot be asked. What is wrong in the environment
// becomes a note.
base::Result<Enablement> enable_providers(const catalog::Catalog& catalog,
                                          std::span<const catalog::ProviderSettings> settings,
                                          const Environment& environment, const Outside& outside = {});

// "provider groq: on (GROQ_API_KEY)": never any part of the secret.
std::string describe(const EnabledProvider& enabled);

}  // namespace sluice::hub::credentials
