// How a request proves to a provider who pays, and which providers are switched on at all. A provider is
// enabled only knowingly: by the configuration, or by its own usual variable; each one can be printed with
// the reason. Secrets are never formatted, logged or compared except through this file.
//
// The environment and the clock are arguments: nothing here reads the process.
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

namespace sluice::hub::credentials {

// Our own keys begin so; one of them is never sent to anybody.
inline constexpr std::string_view kOwnKeyPrefix = "sk-sluice-";

// A static header. Copyable, immutable, any thread.
class Credential {
 public:
  Credential() = default;  // adds nothing: for providers without authentication
  Credential(std::string header, std::string value) : header_(std::move(header)), value_(std::move(value)) {}

  // Sets the header, replacing one of that name. Refuses (forbidden) to send a key of our own.
  base::Status apply(http::Headers& headers) const;
  bool is_empty() const { return header_.empty(); }

 private:
  std::string header_;
  std::string value_;
};

struct EnabledProvider {
  catalog::ProviderPtr provider;
  Credential credential;
  std::string
      origin;  // what switched it on: "GROQ_API_KEY", "providers.groq.api_key", "providers.ollama.enabled"
};

struct Enablement {
  std::vector<EnabledProvider> providers;  // ordered by id
  std::vector<std::string> notes;          // things found and deliberately not used, one printable line each

  const EnabledProvider* find(std::string_view id) const;  // nullptr when not enabled
  std::vector<std::string> ids() const;
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Fails when the configuration itself is wrong: a key of our own as api_key, a key that cannot be sent in a
// header, enabled: true without any secret. What is wrong in the environment becomes a note.
base::Result<Enablement> enable_providers(const catalog::Catalog& catalog,
                                          std::span<const catalog::ProviderSettings> settings,
                                          const Environment& environment);

// "provider groq: on (GROQ_API_KEY)": never any part of the secret.
std::string describe(const EnabledProvider& enabled);

}  // namespace sluice::hub::credentials
