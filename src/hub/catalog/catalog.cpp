#include "hub/catalog/catalog.h"

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

// A provider of the user's own: an OpenAI-shaped server unless its dialect says otherwise.
Provider make_own(const ProviderSettings& settings) {
  Provider provider;
  provider.id = settings.id;
  provider.name = settings.id;
  provider.auth = {.kind = Auth::Kind::header, .header = "authorization", .scheme = "Bearer", .env = {}};
  Surface& surface = provider.surfaces.emplace_back();
  surface.dialect = *settings.dialect;
  surface.paths = {{tasks::Kind::chat, "/chat/completions"}, {tasks::Kind::completion, "/completions"}};
  provider.data_policy = {.retains = true, .trains = true, .source = "unknown", .date = ""};
  return provider;
}

// A file's facts about what happens to content hold for the address in it; elsewhere they are not known. All
// surfaces move: a request for the old address is never what the one who gave another wanted.
void move_to(Provider& provider, const std::string& base_url) {
  const auto is_there = [&](const Surface& surface) { return surface.base_url == base_url; };
  if (std::ranges::all_of(provider.surfaces, is_there)) return;
  for (Surface& surface : provider.surfaces) surface.base_url = base_url;
  provider.local = false;
  provider.data_policy = {.retains = true, .trains = true, .source = "unknown", .date = ""};
}

base::Result<Provider> apply(const ProviderSettings& settings, const ProviderPtr& known,
                             const std::vector<std::string>& ids) {
  const std::string where = "providers." + settings.id;
  if (std::string problem = refuse_provider_id(settings.id); !problem.empty()) {
    return base::fail(ErrorCode::invalid_argument, "{}: {}", where, problem);
  }
  Provider provider;
  if (known) {
    provider = *known;
    if (settings.dialect) provider.surfaces.front().dialect = *settings.dialect;
  } else if (settings.dialect) {
    if (!settings.base_url) {
      return base::fail(ErrorCode::invalid_argument, "{}: a provider of your own needs a base_url", where);
    }
    provider = make_own(settings);
  } else {
    const auto near = base::near_names(settings.id, ids, 1);
    return base::fail(ErrorCode::invalid_argument, "{}: no such provider{}; one of your own needs a dialect",
                      where, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
  }
  if (settings.base_url) {
    if (std::string problem = refuse_base_url(*settings.base_url); !problem.empty()) {
      return base::fail(ErrorCode::invalid_argument, "{}.base_url: {}", where, problem);
    }
    move_to(provider, *settings.base_url);
  }
  return provider;
}

}  // namespace

std::shared_ptr<const Catalog> Catalog::built_in() {
  static const auto kCatalog = [] {
    auto catalog = std::make_shared<Catalog>();
    catalog->providers_ = embedded();
    return std::shared_ptr<const Catalog>(std::move(catalog));
  }();
  return kCatalog;
}

base::Result<std::shared_ptr<const Catalog>> Catalog::with(std::span<const ProviderSettings> settings) {
  if (settings.empty()) return built_in();
  auto catalog = std::make_shared<Catalog>();
  catalog->providers_ = embedded();
  for (const ProviderSettings& one : settings) {
    if (catalog->providers_.size() >= kProvidersMax) {
      return base::fail(ErrorCode::too_large, "providers: more than {}", kProvidersMax);
    }
    const ProviderPtr known = catalog->find(one.id);
    SLUICE_TRY(Provider provider, apply(one, known, catalog->ids()));
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
