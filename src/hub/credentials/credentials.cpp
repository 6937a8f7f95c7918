#include "hub/credentials/credentials.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "hub/credentials/limits.h"

namespace sluice::hub::credentials {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using catalog::Auth;
using catalog::ProviderSettings;

// What keys of any sluice begin with.
constexpr std::string_view kSluiceKeyPrefix = "sk-sluice-";

std::string fingerprint_of(std::string_view secret) {
  std::array<std::byte, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return base::to_hex(std::span(digest).first(8));
}

const ProviderSettings* settings_of(std::span<const ProviderSettings> settings, std::string_view id) {
  const auto found = std::ranges::find(settings, id, &ProviderSettings::id);
  return found == settings.end() ? nullptr : &*found;
}

// Decides about one provider.
class Decision {
 public:
  Decision(catalog::ProviderPtr provider, const ProviderSettings* settings, const Environment& environment,
           const Outside& outside, Enablement& out)
      : provider_(std::move(provider)),
        settings_(settings),
        environment_(environment),
        outside_(outside),
        out_(out),
        where_("providers." + provider_->id) {}

  Status decide();

 private:
  void enable(std::vector<Weighted> credentials, std::string origin) {
    out_.providers.push_back({provider_, std::move(credentials), std::move(origin)});
  }
  void note(std::string line) { out_.notes.push_back(fmt::format("provider {}: {}", provider_->id, line)); }
  bool named() const { return settings_ != nullptr && settings_->enabled == true; }
  bool has_keys() const {
    return settings_ != nullptr && (settings_->api_key.has_value() || !settings_->api_keys.empty());
  }
  Status refuse_unready(const std::string& unready);
  Status take_settings();
  Result<Weighted> take_key(std::string_view secret, std::uint32_t weight, const std::string& where);
  bool take_variable();
  Result<Credential> credential_of(std::string_view secret, std::string_view where) const;
  Result<Credential> credential_in(std::string_view variable, std::string_view value) const;
  std::string refuse_secret(std::string_view secret) const;
  void complete_address(const Credential& credential);

  catalog::ProviderPtr provider_;
  const ProviderSettings* settings_;
  const Environment& environment_;
  const Outside& outside_;
  Enablement& out_;
  const std::string where_;
};

// Why `secret` cannot be sent to this provider, or "". Says nothing of its content.
std::string Decision::refuse_secret(std::string_view secret) const {
  if (secret.empty()) return "it is empty";
  if (secret.size() > kSecretBytesMax) return fmt::format("it has more than {} bytes", kSecretBytesMax);
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::ranges::all_of(secret, is_plain)) return "it holds spaces, control characters or non-ASCII bytes";
  if (outside_.is_own_key && outside_.is_own_key(secret))
    return "it is a key of sluice itself, which is never sent to a provider";
  // In a shell that points an SDK at some sluice, the provider's variable holds that sluice's key. A sluice
  // can be a provider, but not at the address of a company.
  const bool moved = settings_ != nullptr && settings_->base_url;
  if (secret.starts_with(kSluiceKeyPrefix) && !moved)
    return fmt::format("it is a key of sluice itself, and {} is none", provider_->primary().base_url);
  return "";
}

Result<Credential> Decision::credential_of(std::string_view secret, std::string_view where) const {
  const Auth& auth = provider_->auth;
  if (auth.kind == Auth::Kind::service_account && secret.starts_with('{')) {
    SLUICE_TRY(ServiceAccount account, parse_service_account(secret, where));
    return Credential(auth.header, auth.scheme, std::make_shared<const ServiceAccount>(std::move(account)));
  }
  if (const std::string problem = refuse_secret(secret); !problem.empty()) {
    return fail(ErrorCode::invalid_argument, "{} cannot be used: {}", where, problem);
  }
  // A server that needs no key may still be given one.
  if (auth.kind == Auth::Kind::none) return Credential("authorization", "Bearer", secret);
  return Credential(auth.header, auth.scheme, secret);
}

// A variable holds the secret itself, or names a service account's key file.
Result<Credential> Decision::credential_in(std::string_view variable, std::string_view value) const {
  if (provider_->auth.kind != Auth::Kind::service_account) return credential_of(value, variable);
  if (!outside_.read_file) return fail(ErrorCode::invalid_argument, "{}: no file can be read", variable);
  SLUICE_TRY(const std::string text, outside_.read_file(value));
  if (!base::trim(text).starts_with('{')) {
    return fail(ErrorCode::invalid_argument, "{}: {}: expected a service account's key file", variable,
                value);
  }
  return credential_of(base::trim(text), variable);
}

// The account knows its project.
void Decision::complete_address(const Credential& credential) {
  constexpr std::string_view kProject = "project";
  if (!credential.account() || credential.account()->project.empty()) return;
  if (std::ranges::find(provider_->unresolved, kProject) == provider_->unresolved.end()) return;
  catalog::Provider complete = *provider_;
  if (!catalog::fill_in_one(complete, std::string(kProject), credential.account()->project)) return;
  provider_ = std::make_shared<const catalog::Provider>(std::move(complete));
}

Status Decision::decide() {
  if (settings_ != nullptr && settings_->enabled == false) return {};
  if (!provider_->not_built.empty()) return refuse_unready(catalog::refuse_unready(*provider_));
  if (has_keys()) {
    SLUICE_TRY_VOID(take_settings());
  } else if (provider_->auth.kind == Auth::Kind::none) {
    if (named()) enable({Weighted{}}, where_ + ".enabled");
  } else if (!take_variable() && named()) {
    // A server of the user's own may need no key.
    if (provider_->auth.env.empty() && provider_->auth.kind == Auth::Kind::header) {
      enable({Weighted{}}, where_ + ".enabled");
      return {};
    }
    return fail(ErrorCode::invalid_argument, "{}.enabled: no key: set {}.api_key{}", where_, where_,
                provider_->auth.env.empty() ? "" : " or " + provider_->auth.env.front());
  }
  if (out_.providers.empty() || out_.providers.back().provider != provider_) return {};
  const std::string unready = catalog::refuse_unready(*provider_);
  if (unready.empty()) return {};
  const std::string origin = out_.providers.back().origin;
  out_.providers.pop_back();
  if (named() || has_keys()) return refuse_unready(unready);
  note(fmt::format("off: {} is set, but {}", origin, unready));
  return {};
}

Status Decision::refuse_unready(const std::string& unready) {
  if (named() || has_keys()) {
    return fail(ErrorCode::invalid_argument, "{}: cannot be switched on: {}", where_, unready);
  }
  for (const std::string& name : provider_->auth.env) {
    const auto value = environment_(name);
    if (!value || value->empty()) continue;
    note(fmt::format("off: {} is set, but {}", name, unready));
    break;
  }
  return {};
}

Result<Weighted> Decision::take_key(std::string_view secret, std::uint32_t weight, const std::string& where) {
  SLUICE_TRY(Credential credential, credential_of(secret, where));
  if (weight == 0 || weight > kWeightMax) {
    return fail(ErrorCode::invalid_argument, "{}: weight: expected 1 to {}, found {}", where, kWeightMax,
                weight);
  }
  complete_address(credential);
  return Weighted{.credential = std::move(credential), .weight = weight};
}

Status Decision::take_settings() {
  if (settings_->api_key && !settings_->api_keys.empty()) {
    return fail(ErrorCode::invalid_argument, "{}: give api_key or api_keys, not both", where_);
  }
  if (settings_->api_key) {
    const std::string origin =
        settings_->api_key_origin.empty() ? where_ + ".api_key" : settings_->api_key_origin;
    SLUICE_TRY(Weighted only, take_key(*settings_->api_key, 1, origin));
    enable({std::move(only)}, origin);
    return {};
  }
  if (settings_->api_keys.size() > kCredentialsOfProviderMax) {
    return fail(ErrorCode::invalid_argument, "{}.api_keys: expected at most {}, found {}", where_,
                kCredentialsOfProviderMax, settings_->api_keys.size());
  }
  std::vector<Weighted> credentials;
  for (std::size_t i = 0; i < settings_->api_keys.size(); ++i) {
    const ProviderSettings::WeightedKey& given = settings_->api_keys[i];
    const std::string where = fmt::format("{}.api_keys.{}", where_, i);
    SLUICE_TRY(Weighted one, take_key(given.key, given.weight, where));
    const bool twice = std::ranges::any_of(
        credentials, [&](const Weighted& other) { return other.credential.id() == one.credential.id(); });
    if (twice) return fail(ErrorCode::invalid_argument, "{}: the same key is given twice", where);
    credentials.push_back(std::move(one));
  }
  enable(std::move(credentials), fmt::format("{}.api_keys: {}", where_, settings_->api_keys.size()));
  return {};
}

bool Decision::take_variable() {
  for (const std::string& name : provider_->auth.env) {
    const auto value = environment_(name);
    if (!value || value->empty()) continue;
    if (provider_->auth.only_by_name && !named()) {
      note(fmt::format("off: {} is set, but it pays for this provider only with providers.{}.enabled: true",
                       name, provider_->id));
      return false;
    }
    auto credential = credential_in(name, base::trim(*value));
    if (!credential) {
      note(credential.error().message);
      continue;
    }
    complete_address(*credential);
    enable({Weighted{.credential = *std::move(credential)}}, name);
    return true;
  }
  return false;
}

}  // namespace

Credential::Credential(std::string header, std::string scheme, std::string_view secret)
    : header_(std::move(header)),
      scheme_(std::move(scheme)),
      value_(scheme_.empty() ? std::string(secret) : fmt::format("{} {}", scheme_, secret)),
      id_(fingerprint_of(secret)) {}

Credential::Credential(std::string header, std::string scheme, ServiceAccountPtr account)
    : header_(std::move(header)),
      scheme_(std::move(scheme)),
      account_(std::move(account)),
      id_(fingerprint_of(
          fmt::format("{}\n{}\n{}", account_->email, account_->token_uri, account_->private_key))) {}

Status Credential::apply(http::Headers& headers, std::string_view token) const {
  if (is_empty()) return {};
  if (!account_) {
    headers.set(header_, value_);
    return {};
  }
  if (token.empty()) return fail(ErrorCode::internal, "no token was minted for this request");
  headers.set(header_, scheme_.empty() ? std::string(token) : fmt::format("{} {}", scheme_, token));
  return {};
}

const EnabledProvider* Enablement::find(std::string_view id) const {
  const auto found = std::ranges::find(
      providers, id, [](const EnabledProvider& one) { return std::string_view(one.provider->id); });
  return found == providers.end() ? nullptr : &*found;
}

std::vector<std::string> Enablement::ids() const {
  std::vector<std::string> ids;
  for (const EnabledProvider& one : providers) ids.push_back(one.provider->id);
  return ids;
}

Result<Enablement> enable_providers(const catalog::Catalog& catalog,
                                    std::span<const ProviderSettings> settings,
                                    const Environment& environment, const Outside& outside) {
  Enablement enablement;
  for (const catalog::ProviderPtr& provider : catalog.providers()) {
    Decision decision(provider, settings_of(settings, provider->id), environment, outside, enablement);
    SLUICE_TRY_VOID(decision.decide());
  }
  return enablement;
}

std::string describe(const EnabledProvider& enabled) {
  return fmt::format("provider {}: on ({})", enabled.provider->id, enabled.origin);
}

}  // namespace sluice::hub::credentials
