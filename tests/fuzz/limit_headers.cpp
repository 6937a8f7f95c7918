// What a provider's answers say of limits, in every format and none: read without harm, every figure one that
// can be reckoned with, and a book that hears it always knows what is left.
#include "hub/health/limit_headers.h"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "hub/health/health.h"

using namespace sluice;
using namespace sluice::hub::health;

namespace {

constexpr std::int64_t kWall = 1'795'305'600;  // 2026-11-22

void check_number(const std::optional<double>& number) {
  if (number) CHECK(std::isfinite(*number) && *number >= 0);
}

void check_figures(const Figures& figures, TimePoint now) {
  check_number(figures.requests_left);
  check_number(figures.tokens_left);
  if (figures.retry_at) CHECK(*figures.retry_at < now + std::chrono::hours(24 * 400));
}

}  // namespace

// Lines: fields of a head; an empty line begins the head of the next answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lines = base::split({reinterpret_cast<const char*>(data), size}, '\n');
  Health health;
  const Key key{.route_id = "p/m", .provider = "p", .model = "m"};
  TimePoint now{std::chrono::hours(1)};
  std::vector<Field> fields;
  const auto answer = [&] {
    const HeadNews news = read_limit_headers(fields, kWall);
    check_number(news.retry_after_s);
    for (const LimitNews& one : news.all()) {
      check_number(one.limit);
      check_number(one.remaining);
      check_number(one.reset_s);
      CHECK(std::isfinite(one.window_s) && one.window_s >= 0);
    }
    const auto ticket = health.begin(key, now, 100, true);
    CHECK(ticket.has_value());
    now += std::chrono::milliseconds(50);
    health.note_headers(key, *ticket, fields, kWall, now);
    check_figures(health.figures(key, now), now);
    const bool refused = fields.size() % 2 == 1;
    health.end(key, *ticket,
               {.verdict = refused ? Verdict::rate_limited : Verdict::whole,
                .first_token_s = {},
                .total_s = 0.05,
                .usage = {},
                .retry_after_s = news.retry_after_s},
               now);
    check_figures(health.figures(key, now), now);
    fields.clear();
  };
  for (const std::string_view one : lines) {
    if (one.empty()) {
      answer();
      continue;
    }
    const std::size_t colon = std::min(one.find(':'), one.size());
    const std::string_view value = base::trim(one.substr(std::min(colon + 1, one.size())));
    fields.push_back({.name = base::trim(one.substr(0, colon)), .value = value});
    check_number(parse_go_duration(value));
    check_number(parse_reset(value, kWall));
    if (const auto date = parse_date(value)) CHECK(std::isfinite(*date));
  }
  answer();
  for (const Row& row : health.rows(now))
    for (const LimitRow& limit : row.limits) check_number(limit.remaining);
  return 0;
}
