#include "app/server/price_refresh.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "app/server/config.h"
#include "app/server/limits.h"
#include "app/server/model_list.h"
#include "base/strings.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Status;
namespace fs = std::filesystem;
namespace catalog = hub::catalog;

constexpr std::string_view kFolder = "prices";
constexpr std::string_view kEnding = ".json";

Status write_file(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + fmt::format(".{}.new", ::getpid());
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return base::fail(ErrorCode::io_failed, "{}: cannot be written", fresh.string());
  }
  std::error_code error;
  fs::rename(fresh, file, error);
  if (error) return base::fail(ErrorCode::io_failed, "{}: {}", file.string(), error.message());
  return {};
}

struct StoredFile {
  fs::path path;
  bool of_itself = false;
};

// Bounded: the folder is ours, but anybody may have put things there.
std::vector<StoredFile> stored_files(const fs::path& home) {
  std::vector<StoredFile> files;
  std::error_code error;
  for (const fs::directory_entry& folder : fs::directory_iterator(home / kFolder, error)) {
    std::error_code inner;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.path(), inner)) {
      if (entry.path().extension() != kEnding || files.size() >= kPriceFilesMax) continue;
      files.push_back({.path = entry.path(), .of_itself = entry.path().stem() == folder.path().filename()});
    }
  }
  std::ranges::sort(files, {},
                    [](const StoredFile& file) { return std::pair(file.of_itself, file.path.string()); });
  return files;
}

Refreshed refresh_one(const Snapshot& snapshot, const fs::path& home,
                      const hub::credentials::EnabledProvider& enabled, std::int64_t today_s,
                      const std::stop_token& stop) {
  Refreshed out{.provider = enabled.provider->id, .error = {}};
  const auto body = fetch_model_list(snapshot, enabled, stop);
  if (!body) {
    out.error = body.error().message;
    return out;
  }
  const auto listing = catalog::read_listing(
      *body, {.provider = out.provider, .known = snapshot.api->gateway->offers.get(), .today_s = today_s});
  if (!listing) {
    out.error = listing.error().message;
    return out;
  }
  out.offers = listing->offers;
  out.priced = listing->priced;
  out.doubted = listing->doubted;
  out.passed_over = listing->passed_over;
  if (const Status stored = store_listing(home, out.provider, *listing); !stored)
    out.error = stored.error().message;
  return out;
}

}  // namespace

StoredPrices load_stored_prices(const fs::path& home) {
  StoredPrices out;
  for (const StoredFile& file : stored_files(home)) {
    const auto text = read_text_file(file.path, kModelListBytesMax);
    auto list = text ? catalog::parse_price_list(*text, file.path.string())
                     : base::Result<catalog::PriceList>(std::unexpected(text.error()));
    if (list)
      out.lists.push_back(*std::move(list));
    else
      out.notes.push_back(fmt::format("prices not read: {}", list.error().message));
  }
  return out;
}

Status store_listing(const fs::path& home, const std::string& source, const catalog::Listing& listing) {
  const fs::path folder = home / kFolder / source;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return base::fail(ErrorCode::io_failed, "{}: {}", folder.string(), error.message());
  for (const auto& [provider, list] : listing.lists)
    SLUICE_TRY_VOID(write_file(folder / (provider + std::string(kEnding)), price_list_json(list, provider)));
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (listing.lists.contains(entry.path().stem().string())) continue;
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
  return {};
}

base::Result<std::vector<Refreshed>> refresh_prices(const Snapshot& snapshot, const fs::path& home,
                                                    const std::vector<std::string>& providers,
                                                    std::int64_t today_s, const std::stop_token& stop) {
  const hub::gateway::Settings& settings = *snapshot.api->gateway;
  if (settings.local_only)
    return base::fail(ErrorCode::forbidden, "local only: nothing leaves this machine, not for prices either");
  for (const std::string& name : providers) {
    if (settings.enabled.find(name) != nullptr) continue;
    const auto near = base::near_names(name, settings.enabled.ids(), 1);
    return base::fail(ErrorCode::not_found, "{} is not switched on{}", name,
                      near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
  }
  std::vector<Refreshed> out;
  for (const auto& enabled : settings.enabled.providers) {
    const bool named = std::ranges::find(providers, enabled.provider->id) != providers.end();
    if (stop.stop_requested()) break;
    if (named || (providers.empty() && !enabled.provider->models_path.empty()))
      out.push_back(refresh_one(snapshot, home, enabled, today_s, stop));
  }
  return out;
}

}  // namespace sluice::app::server
