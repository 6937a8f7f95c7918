#include "hub/credentials/credentials.h"

#include <algorithm>

#include "base/strings.h"

namespace sluice::hub::credentials {
namespace {

using base::ErrorCode;
using catalog::Auth;
using catalog::ProviderSettings;

constexpr std::size_t kSecretBytesMax =
    16 * 1024;  // minted tokens are long; a file given by mistake is longer

// Why `secret` cannot be sent in a header, or "". Says nothing of its content.
std::string refuse_secret(std::string_view secret) {
  if (secret.empty()) return "it is empty";
  if (secret.size() > kSecretBytesMax) return fmt::format("it has more than {} bytes", kSecretBytesMax);
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::ranges::all_of(secret, is_plain)) return "it holds spaces, control characters or non-ASCII bytes";
  if (secret.starts_with(kOwnKeyPrefix))
    return "it is a key of sluice itself, which is never sent to a provider";
  return "";
}

Credential make_credential(const Auth& auth, std::string_view secret) {
  return {auth.header, auth.scheme.empty() ? std::string(secret) : fmt::format("{} {}", auth.scheme, secret)};
}

const ProviderSettings* settings_of(std::span<const ProviderSettings> settings, std::string_view id) {
  const auto found = std::ranges::find(settings, id, &ProviderSettings::id);
  return found == settings.end() ? nullptr : &*found;
}

// Decides about one provider.
class Decision {
 public:
  Decision(catalog::ProviderPtr provider, const ProviderSettings* settings, const Environment& environment,
           Enablement& out)
      : provider_(std::move(provider)), settings_(settings), environment_(environment), out_(out) {}

  base::Status decide();

 private:
  void enable(Credential credential, std::string origin) {
    out_.providers.push_back({provider_, std::move(credential), std::move(origin)});
  }
  void note(std::string line) { out_.notes.push_back(fmt::format("provider {}: {}", provider_->id, line)); }
  bool take_variable(bool by_name);

  const catalog::ProviderPtr provider_;
  const ProviderSettings* settings_;
  const Environment& environment_;
  Enablement& out_;
};

base::Status Decision::decide() {
  const std::optional<bool> enabled = settings_ != nullptr ? settings_->enabled : std::nullopt;
  const std::string where = "providers." + provider_->id;
  if (enabled == false) return {};
  if (const std::string unready = catalog::refuse_unready(*provider_); !unready.empty()) {
    if (enabled == true || (settings_ != nullptr && settings_->api_key)) {
      return base::fail(ErrorCode::invalid_argument, "{}: cannot be switched on: {}", where, unready);
    }
    for (const std::string& name : provider_->auth.env) {
      if (const auto value = environment_(name); value && !value->empty()) {
        note(fmt::format("off: {} is set, but {}", name, unready));
        break;
      }
    }
    return {};
  }
  if (settings_ != nullptr && settings_->api_key) {
    if (const std::string problem = refuse_secret(*settings_->api_key); !problem.empty()) {
      return base::fail(ErrorCode::invalid_argument, "{}.api_key cannot be used: {}", where, problem);
    }
    Auth auth = provider_->auth;
    // A server that needs no key may still be given one.
    if (auth.kind == Auth::Kind::none)
      auth = {.kind = Auth::Kind::header, .header = "authorization", .scheme = "Bearer", .env = {}};
    enable(make_credential(auth, *settings_->api_key), where + ".api_key");
    return {};
  }
  if (provider_->auth.kind == Auth::Kind::none) {
    if (enabled == true) enable({}, where + ".enabled");
    return {};
  }
  if (take_variable(enabled == true)) return {};
  if (enabled == true) {
    return base::fail(ErrorCode::invalid_argument, "{}.enabled: no key: set {}.api_key{}", where, where,
                      provider_->auth.env.empty() ? "" : " or " + provider_->auth.env.front());
  }
  return {};
}

bool Decision::take_variable(bool by_name) {
  for (const std::string& name : provider_->auth.env) {
    const auto value = environment_(name);
    if (!value || value->empty()) continue;
    const std::string_view secret = base::trim(*value);
    if (provider_->auth.only_by_name && !by_name) {
      note(fmt::format("off: {} is set, but it pays for this provider only with providers.{}.enabled: true",
                       name, provider_->id));
      return false;
    }
    if (const std::string problem = refuse_secret(secret); !problem.empty()) {
      note(fmt::format("{} is not used: {}", name, problem));
      continue;
    }
    enable(make_credential(provider_->auth, secret), name);
    return true;
  }
  return false;
}

}  // namespace

base::Status Credential::apply(http::Headers& headers) const {
  if (is_empty()) return {};
  if (value_.contains(kOwnKeyPrefix)) {
    return base::fail(ErrorCode::forbidden, "a key of sluice itself is never sent to a provider");
  }
  headers.set(header_, value_);
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

base::Result<Enablement> enable_providers(const catalog::Catalog& catalog,
                                          std::span<const ProviderSettings> settings,
                                          const Environment& environment) {
  Enablement enablement;
  for (const catalog::ProviderPtr& provider : catalog.providers()) {
    Decision decision(provider, settings_of(settings, provider->id), environment, enablement);
    SLUICE_TRY_VOID(decision.decide());
  }
  return enablement;
}

std::string describe(const EnabledProvider& enabled) {
  return fmt::format("provider {}: on ({})", enabled.provider->id, enabled.origin);
}

}  // namespace sluice::hub::credentials
