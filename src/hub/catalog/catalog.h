// The providers this process knows: those embedded in the binary at build time (data/providers/*.json), with
// the configuration's overrides on top. An immutable snapshot: build a new one to change anything.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/catalog/provider.h"
#include "hub/catalog/variables.h"

namespace sluice::hub::catalog {

// `providers.<id>` of the configuration. An absent field leaves the provider's file as it is.
struct ProviderSettings {
  std::string id;
  std::optional<bool> enabled;         // true: switched on by name; false: never
  std::optional<std::string> api_key;  // the secret itself; env: and file: are resolved by the caller
  std::string api_key_origin = {};     // where it came from, for people; empty: the configuration
  std::optional<std::string> base_url;
  std::optional<std::string> dialect;  // of a known one: which of its dialects to prefer; else makes it one
  // In place of api_key: several, each asked in proportion to its weight.
  struct WeightedKey {
    std::string key;
    std::uint32_t weight = 1;
  };
  std::vector<WeightedKey> api_keys = {};
  std::map<std::string, std::string> headers = {};    // set on every request, over the file's own
  std::map<std::string, std::string> variables = {};  // what the address needs: {region}, {resource}, ...
  std::optional<bool> retains = {}, trains = {};      // what is known of it, over its file's data policy
};

class Catalog {
 public:
  // The embedded providers. They were tested when the binary was built, so this cannot fail.
  static std::shared_ptr<const Catalog> built_in();

  // The embedded providers with `settings` applied and their variables filled in, from `environment` too.
  // Fails on an unknown id without a dialect (with near names), a reserved id, a base_url that is not an
  // address, a header or a variable that cannot be sent, and a dialect that a known provider does not speak.
  static base::Result<std::shared_ptr<const Catalog>> with(std::span<const ProviderSettings> settings,
                                                           const Environment& environment = {});

  ProviderPtr find(std::string_view id) const;                              // nullptr when there is none
  const std::vector<ProviderPtr>& providers() const { return providers_; }  // ordered by id
  std::vector<std::string> ids() const;

 private:
  std::vector<ProviderPtr> providers_;
};

}  // namespace sluice::hub::catalog
