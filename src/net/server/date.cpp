#include "net/server/date.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace sluice::net {

std::string_view http_date_now() {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  thread_local std::time_t cached = -1;
  thread_local std::array<char, 32> text{};
  thread_local std::size_t size = 0;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != cached) {
    cached = now.tv_sec;
    std::tm utc{};
    ::gmtime_r(&cached, &utc);
    // Not strftime: its names follow the locale.
    size = fmt::format_to_n(text.begin(), text.size(), "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                            kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                            kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                            utc.tm_min, utc.tm_sec)
               .size;
  }
  return {text.data(), size};
}

}  // namespace sluice::net
