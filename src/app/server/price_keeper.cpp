#include "app/server/price_keeper.h"

#include "app/server/price_refresh.h"
#include "base/log.h"

namespace sluice::app::server {
namespace {

constexpr std::int64_t kDayS = 86'400;

void log_refreshed(const Refreshed& one) {
  if (!one.error.empty()) {
    base::LogLine(base::LogLevel::warning, "prices not refreshed")
        .text("provider", one.provider)
        .text("reason", one.error)
        .write();
    return;
  }
  base::LogLine(base::LogLevel::info, "prices refreshed")
      .text("provider", one.provider)
      .number("offers", static_cast<std::int64_t>(one.offers))
      .number("priced", static_cast<std::int64_t>(one.priced))
      .number("doubted", static_cast<std::int64_t>(one.doubted))
      .write();
}

}  // namespace

bool PriceKeeper::poll(const Moment& moment, std::chrono::milliseconds every,
                       const std::filesystem::path& home,
                       const std::function<base::Result<Snapshot>()>& snapshot) {
  const std::int64_t day = moment.wall_s / kDayS;
  bool changed = fresh_.exchange(false) || (day_ != -1 && day_ != day);
  day_ = day;
  const bool due = every.count() > 0 && (!fetched_at_ || moment.now - *fetched_at_ >= every);
  if (!due || running_) return changed;
  fetched_at_ = moment.now;
  auto made = snapshot();
  if (!made) return changed;
  running_ = true;
  worker_ =
      std::jthread([this, made = *std::move(made), home, today_s = moment.wall_s](std::stop_token stop) {
        if (const auto refreshed = refresh_prices(made, home, {}, today_s, stop))
          for (const Refreshed& one : *refreshed) log_refreshed(one);
        fresh_ = true;
        running_ = false;
      });
  return changed;
}

}  // namespace sluice::app::server
