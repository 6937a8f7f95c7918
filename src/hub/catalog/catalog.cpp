#include "hub/catalog/catalog.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"
#include "http/url.h"
#include "hub/catalog/embedded.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/resolve.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;

std::vector<ProviderPtr> load_embedded() {
  std::vector<ProviderPtr> providers;
  for (const EmbeddedFile& file : embedded_providers()) {
    auto provider = parse_provider(file.text, file.name);
    CHECK(provider.has_value());
    providers.push_back(std::make_shared<const Provider>(*std::move(provider)));
  }
  std::ranges::sort(providers, {}, [](const ProviderPtr& provider) { return provider->id; });
  return providers;
}

const std::vector<ProviderPtr>& embedded() {
  static const std::vector<ProviderPtr> kProviders = load_embedded();
  return kProviders;
}

// How servers of each dialect are usually laid out below the address that their clients are given.
struct OwnLayout {
  std::string_view dialect;
  std::string_view header, scheme;
  std::map<tasks::Kind, std::string> paths, stream_paths;
};

const OwnLayout& layout_of(std::string_view dialect) {
  using tasks::Kind;
  static const OwnLayout kLayouts[] = {
      {"openai",
       "authorization",
       "Bearer",
       {{Kind::chat, "/chat/completions"}, {Kind::completion, "/completions"}, {Kind::embed, "/embeddings"}},
       {}},
      {"responses", "authorization", "Bearer", {{Kind::chat, "/responses"}}, {}},
      {"anthropic",
       "x-api-key",
       "",
       {{Kind::chat, "/v1/messages"}, {Kind::count_tokens, "/v1/messages/count_tokens"}},
       {}},
      {"gemini",
       "x-goog-api-key",
       "",
       {{Kind::chat, "/v1beta/models/{model}:generateContent"},
        {Kind::embed, "/v1beta/models/{model}:batchEmbedContents"},
        {Kind::count_tokens, "/v1beta/models/{model}:countTokens"}},
       {{Kind::chat, "/v1beta/models/{model}:streamGenerateContent?alt=sse"}}},
      {"cohere", "authorization", "Bearer", {{Kind::chat, "/v2/chat"}, {Kind::embed, "/v2/embed"}}, {}},
  };
  const auto found = std::ranges::find(kLayouts, dialect, &OwnLayout::dialect);
  return found == std::end(kLayouts) ? kLayouts[0] : *found;
}

// A provider of the user's own.
Provider make_own(const ProviderSettings& settings) {
  const OwnLayout& layout = layout_of(*settings.dialect);
  Provider provider;
  provider.id = settings.id;
  provider.name = settings.id;
  Surface& surface = provider.surfaces.emplace_back();
  surface.dialect = *settings.dialect;
  surface.paths = layout.paths;
  surface.stream_paths = layout.stream_paths;
  if (surface.dialect == "anthropic") surface.headers = {{"anthropic-version", "2023-06-01"}};
  provider.auth.header = layout.header;
  provider.auth.scheme = layout.scheme;
  provider.data_policy = {.retains = true, .trains = true, .source = "unknown", .date = ""};
  return provider;
}

// A file's facts about what happens to content hold for the address in it; elsewhere they are not known. All
// surfaces move: a request for the old address is never what the one who gave another wanted. One that stood
// below the first one's address ("/anthropic") stands there again.
void move_to(Provider& provider, const std::string& base_url) {
  const std::string before = provider.primary().base_url;
  if (before == base_url) return;
  for (Surface& surface : provider.surfaces) {
    const bool below = surface.base_url.starts_with(before + "/");
    surface.base_url = base_url + (below ? surface.base_url.substr(before.size()) : "");
  }
  provider.local = false;
  provider.data_policy = {.retains = true, .trains = true, .source = "unknown", .date = ""};
}

base::Status prefer_dialect(Provider& provider, const std::string& dialect) {
  const auto found = std::ranges::find(provider.surfaces, dialect, &Surface::dialect);
  if (found == provider.surfaces.end()) {
    std::vector<std::string> spoken;
    for (const Surface& surface : provider.surfaces) spoken.push_back(surface.dialect);
    return base::fail(ErrorCode::invalid_argument, "providers.{}.dialect: {} speaks {}, not '{}'",
                      provider.id, provider.id, fmt::join(spoken, ", "), dialect);
  }
  std::rotate(provider.surfaces.begin(), found, found + 1);
  return {};
}

base::Status set_headers(Provider& provider, const std::map<std::string, std::string>& headers) {
  for (const auto& [given, value] : headers) {
    const std::string name = base::to_lower(given);
    if (const std::string problem = refuse_header(name, value); !problem.empty()) {
      return base::fail(ErrorCode::invalid_argument, "providers.{}.headers.{}: {}", provider.id, given,
                        problem);
    }
    for (Surface& surface : provider.surfaces) {
      std::erase_if(surface.headers, [&](const auto& header) { return header.first == name; });
      surface.headers.emplace_back(name, value);
    }
  }
  return {};
}

void set_data_policy(Provider& provider, const ProviderSettings& settings) {
  if (!settings.retains && !settings.trains) return;
  provider.data_policy.retains = settings.retains.value_or(provider.data_policy.retains);
  provider.data_policy.trains = settings.trains.value_or(provider.data_policy.trains);
  provider.data_policy.source = "configuration";
}

base::Result<Provider> start_from(const ProviderSettings& settings, const ProviderPtr& known,
                                  const std::vector<std::string>& ids) {
  const std::string where = "providers." + settings.id;
  if (std::string problem = refuse_provider_id(settings.id); !problem.empty()) {
    return base::fail(ErrorCode::invalid_argument, "{}: {}", where, problem);
  }
  if (known) {
    Provider provider = *known;
    if (settings.dialect) SLUICE_TRY_VOID(prefer_dialect(provider, *settings.dialect));
    return provider;
  }
  if (!settings.dialect) {
    const auto near = base::near_names(settings.id, ids, 1);
    return base::fail(ErrorCode::invalid_argument, "{}: no such provider{}; one of your own needs a dialect",
                      where, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
  }
  if (!settings.base_url) {
    return base::fail(ErrorCode::invalid_argument, "{}: a provider of your own needs a base_url", where);
  }
  return make_own(settings);
}

base::Result<Provider> apply(const ProviderSettings& settings, const ProviderPtr& known,
                             const std::vector<std::string>& ids, const Environment& environment) {
  SLUICE_TRY(Provider provider, start_from(settings, known, ids));
  if (settings.base_url) {
    if (std::string problem = refuse_base_url(*settings.base_url); !problem.empty()) {
      return base::fail(ErrorCode::invalid_argument, "providers.{}.base_url: {}", settings.id, problem);
    }
    move_to(provider, *settings.base_url);
  }
  set_data_policy(provider, settings);
  SLUICE_TRY_VOID(set_headers(provider, settings.headers));
  SLUICE_TRY_VOID(fill_in(provider, settings.variables, environment));
  return provider;
}

}  // namespace

std::shared_ptr<const Catalog> Catalog::built_in() {
  static const std::shared_ptr<const Catalog> kCatalog = [] {
    auto catalog = with({});
    CHECK(catalog.has_value());
    return *std::move(catalog);
  }();
  return kCatalog;
}

base::Result<std::shared_ptr<const Catalog>> Catalog::with(std::span<const ProviderSettings> settings,
                                                           const Environment& environment) {
  auto catalog = std::make_shared<Catalog>();
  catalog->providers_ = embedded();
  for (ProviderPtr& provider : catalog->providers_) {
    const bool has_settings =
        std::ranges::find(settings, provider->id, &ProviderSettings::id) != settings.end();
    if (provider->variables.empty() || has_settings) continue;
    Provider filled = *provider;
    SLUICE_TRY_VOID(fill_in(filled, {}, environment));
    provider = std::make_shared<const Provider>(std::move(filled));
  }
  for (const ProviderSettings& one : settings) {
    if (catalog->providers_.size() >= kProvidersMax) {
      return base::fail(ErrorCode::too_large, "providers: more than {}", kProvidersMax);
    }
    const ProviderPtr known = catalog->find(one.id);
    SLUICE_TRY(Provider provider, apply(one, known, catalog->ids(), environment));
    auto made = std::make_shared<const Provider>(std::move(provider));
    const auto place = std::ranges::lower_bound(catalog->providers_, one.id, {},
                                                [](const ProviderPtr& entry) { return entry->id; });
    if (known) {
      *place = std::move(made);
    } else {
      catalog->providers_.insert(place, std::move(made));
    }
  }
  return catalog;
}

ProviderPtr Catalog::find(std::string_view id) const {
  const auto place = std::ranges::lower_bound(
      providers_, id, {}, [](const ProviderPtr& entry) { return std::string_view(entry->id); });
  return place != providers_.end() && (*place)->id == id ? *place : nullptr;
}

std::vector<std::string> Catalog::ids() const {
  std::vector<std::string> ids;
  for (const ProviderPtr& provider : providers_) ids.push_back(provider->id);
  return ids;
}

}  // namespace sluice::hub::catalog
