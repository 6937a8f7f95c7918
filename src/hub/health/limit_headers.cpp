#include "hub/health/limit_headers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/strings.h"

namespace sluice::hub::health {
namespace {

constexpr double kDayS = 86'400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A number without sign at the beginning of `text`, which loses it.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || (!is_digit(text.front()) && text.front() != '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  text = base::trim(text);
  const auto value = take_number(text);
  return text.empty() ? value : std::nullopt;
}

// As many digits as asked for.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto value = base::parse_unsigned(text.substr(0, digits));
  if (!value) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<int>(*value);
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<double> seconds_of(int year, int month, int day, double second_of_day) {
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * kDayS + second_of_day;
}

// "20:15:30" with an optional fraction.
std::optional<double> take_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  double value = *hour * 3600.0 + *minute * 60.0 + *second;
  if (text.starts_with('.'))
    if (const auto fraction = take_number(text)) value += *fraction;
  return value;
}

std::optional<double> parse_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
  const auto time = take_time(text);
  if (!time) return std::nullopt;
  double offset_s = 0;
  if (text.starts_with('+') || text.starts_with('-')) {
    const double sign = text.front() == '+' ? 1 : -1;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    offset_s = sign * (*hours * 3600.0 + *minutes * 60.0);
  } else if (!take(text, 'Z') && !take(text, 'z')) {
    return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  const auto local = seconds_of(*year, *month, *day, *time);
  if (!local) return std::nullopt;
  return *local - offset_s;
}

// The one form that RFC 9110 lets a sender write.
std::optional<double> parse_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t comma = text.find(", ");
  if (comma != 3) return std::nullopt;
  text.remove_prefix(comma + 2);
  const auto day = take_digits(text, 2);
  if (!day || !take(text, ' ') || text.size() < 3) return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  text.remove_prefix(3);
  if (!take(text, ' ')) return std::nullopt;
  const auto year = take_digits(text, 4);
  if (!year || !take(text, ' ')) return std::nullopt;
  const auto time = take_time(text);
  if (!time || text != " GMT") return std::nullopt;
  return seconds_of(*year, static_cast<int>(month / 3) + 1, *day, *time);
}

std::optional<double> within(std::optional<double> seconds, double most) {
  if (!seconds || !(*seconds <= most)) return std::nullopt;
  return std::max(0.0, *seconds);
}

// Which limit a field speaks of, and what of it.
struct Named {
  enum class Part : std::uint8_t { none, limit, remaining, reset };
  Part part = Part::none;
  Resource resource = Resource::requests;
  bool has_resource = false;
  double window_s = 0;
};

// One word of a field's name: "remaining", "tokens", "minute". False: a word we do not know, and then the
// field says something else ("x-ratelimit-over-limit", "-query-cost", "-input-images").
bool read_word(std::string_view word, double& count, Named& named) {
  using Part = Named::Part;
  constexpr std::pair<std::string_view, Part> kParts[] = {
      {"limit", Part::limit}, {"remaining", Part::remaining}, {"reset", Part::reset}};
  constexpr std::pair<std::string_view, double> kWindows[] = {
      {"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", kDayS}, {"month", 30 * kDayS}};
  for (const auto& [name, part] : kParts)
    if (base::equals_ignoring_case(word, name)) {
      if (named.part != Part::none) return false;
      named.part = part;
      return true;
    }
  for (const auto& [name, seconds] : kWindows)
    if (base::equals_ignoring_case(word, name)) {
      named.window_s = seconds * count;
      return true;
    }
  const auto is = [&](std::string_view name) { return base::equals_ignoring_case(word, name); };
  if (is("requests") || is("req") || is("request")) {
    named.resource = Resource::requests;
    return named.has_resource = true;
  }
  if (is("tokens") || is("token")) {
    // "input-tokens" and "tokens-prompt" both say which.
    if (!named.has_resource) named.resource = Resource::tokens;
    return named.has_resource = true;
  }
  if (is("input") || is("prompt")) {
    named.resource = Resource::input_tokens;
    return named.has_resource = true;
  }
  if (is("output") || is("generated")) {
    named.resource = Resource::output_tokens;
    return named.has_resource = true;
  }
  if (const auto number = base::parse_unsigned(word); number && *number > 0 && *number <= 1000) {
    count = static_cast<double>(*number);
    return true;
  }
  return false;
}

std::optional<Named> read_name(std::string_view name) {
  constexpr std::string_view kFamilies[] = {"x-ratelimit-", "anthropic-ratelimit-", "ratelimit-"};
  for (const std::string_view family : kFamilies) {
    if (name.size() <= family.size() || !base::equals_ignoring_case(name.substr(0, family.size()), family))
      continue;
    Named named;
    double count = 1;
    std::string_view rest = name.substr(family.size());
    while (!rest.empty()) {
      const std::size_t dash = std::min(rest.find('-'), rest.size());
      if (!read_word(rest.substr(0, dash), count, named)) return std::nullopt;
      rest.remove_prefix(std::min(dash + 1, rest.size()));
    }
    if (named.part == Named::Part::none) return std::nullopt;
    return named;
  }
  return std::nullopt;
}

LimitNews* slot_for(HeadNews& news, Resource resource, bool of_account, double window_s, std::uint32_t tag) {
  for (std::size_t i = 0; i < news.count; ++i) {
    LimitNews& limit = news.limits[i];
    if (limit.resource == resource && limit.of_account == of_account && limit.tag == tag &&
        (tag != 0 || limit.window_s == window_s))
      return &limit;
  }
  if (news.count == news.limits.size()) return nullptr;
  LimitNews& limit = news.limits[news.count++];
  limit = {.resource = resource,
           .of_account = of_account,
           .window_s = window_s,
           .tag = tag,
           .limit = {},
           .remaining = {},
           .reset_s = {}};
  return &limit;
}

// "100", or "100, 100;w=60" as the early drafts of RateLimit-Limit have it.
std::optional<double> read_count(std::string_view value) {
  return parse_number(value.substr(0, value.find_first_of(",;")));
}

void read_named(const Named& named, std::string_view value, std::int64_t wall_s, HeadNews& news) {
  const bool of_account = !named.has_resource;
  LimitNews* limit = slot_for(news, named.resource, of_account, named.window_s, 0);
  if (limit == nullptr) return;
  switch (named.part) {
    case Named::Part::limit:
      limit->limit = read_count(value);
      break;
    case Named::Part::remaining:
      limit->remaining = read_count(value);
      break;
    case Named::Part::reset:
      limit->reset_s = parse_reset(value, wall_s);
      // Who says "1m2.5s" (OpenAI, Groq, Nebius) means a bucket: the time until it is full again.
      limit->refills = limit->reset_s && !parse_number(value) && parse_go_duration(value);
      break;
    case Named::Part::none:
      break;
  }
}

std::uint32_t tag_of(std::string_view name) {
  std::uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return hash | 1U;
}

// The next piece before `separator` outside of quotes; `text` loses both.
std::string_view take_piece(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == separator && !quoted) break;
  }
  const std::string_view piece = base::trim(text.substr(0, i));
  text.remove_prefix(std::min(i + 1, text.size()));
  return piece;
}

// RateLimit: "api";r=42;t=17 and RateLimit-Policy: "api";q=500;w=300, lists of both; and the older
// RateLimit: limit=100, remaining=42, reset=17.
void read_structured(std::string_view value, HeadNews& news) {
  struct Item {
    std::uint32_t tag = 1;
    std::optional<double> quota, window_s, remaining, reset_s;
    bool of_requests = true;
  };
  const auto keep = [&](const Item& item) {
    if (!item.of_requests || (!item.quota && !item.remaining)) return;
    LimitNews* limit = slot_for(news, Resource::requests, true, 0, item.tag);
    if (limit == nullptr) return;
    if (item.window_s) limit->window_s = *item.window_s;
    if (item.quota) limit->limit = item.quota;
    if (item.remaining) limit->remaining = item.remaining;
    if (item.reset_s) limit->reset_s = within(item.reset_s, kResetMostS);
  };
  Item old;
  while (!value.empty()) {
    std::string_view member = take_piece(value, ',');
    Item item;
    while (!member.empty()) {
      const std::string_view piece = take_piece(member, ';');
      const std::size_t equals = piece.find('=');
      if (piece.starts_with('"') || equals == std::string_view::npos) {
        item.tag = tag_of(piece);
        continue;
      }
      const std::string_view key = piece.substr(0, equals), text = piece.substr(equals + 1);
      const auto number = parse_number(text);
      if (key == "q") item.quota = number;
      if (key == "w") item.window_s = number;
      if (key == "r") item.remaining = number;
      if (key == "t") item.reset_s = number;
      if (key == "qu") item.of_requests = text == "\"requests\"";
      if (key == "limit") old.quota = number;
      if (key == "remaining") old.remaining = number;
      if (key == "reset") old.reset_s = number;
    }
    keep(item);
  }
  keep(old);
}

void read_retry_after(const Field& field, std::int64_t wall_s, HeadNews& news) {
  if (base::equals_ignoring_case(field.name, "retry-after-ms")) {
    // The finer word wins over Retry-After.
    if (const auto ms = parse_number(field.value)) news.retry_after_s = within(*ms / 1000, kRetryAfterMostS);
    return;
  }
  if (news.retry_after_s) return;
  auto seconds = parse_number(field.value);
  if (!seconds)
    if (const auto date = parse_date(base::trim(field.value))) seconds = *date - static_cast<double>(wall_s);
  if (!seconds) seconds = parse_go_duration(base::trim(field.value));
  news.retry_after_s = within(seconds, kRetryAfterMostS);
}

}  // namespace

std::optional<double> parse_go_duration(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1e-3}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"\xce\xbcs", 1e-6}, {"ns", 1e-9},
      {"s", 1},     {"m", 60},    {"h", 3600},         {"d", kDayS}};
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto* const unit =
        std::ranges::find_if(kUnits, [&](const auto& known) { return text.starts_with(known.first); });
    if (unit == std::end(kUnits)) return std::nullopt;
    seconds += *number * unit->second;
    text.remove_prefix(unit->first.size());
  }
  return seconds;
}

std::optional<double> parse_date(std::string_view text) {
  if (const auto date = parse_rfc3339(text)) return date;
  return parse_http_date(text);
}

std::optional<double> parse_reset(std::string_view text, std::int64_t wall_s) {
  text = base::trim(text);
  const auto wall = static_cast<double>(wall_s);
  auto seconds = parse_number(text);
  if (seconds && *seconds > 1e11) seconds = *seconds / 1000;  // milliseconds since 1970
  if (seconds && *seconds > 1e9) seconds = *seconds - wall;   // seconds since 1970
  if (!seconds) seconds = parse_go_duration(text);
  if (!seconds)
    if (const auto date = parse_date(text)) seconds = *date - wall;
  return within(seconds, kResetMostS);
}

HeadNews read_limit_headers(std::span<const Field> fields, std::int64_t wall_s) {
  HeadNews news;
  std::size_t read = 0;
  for (const Field& field : fields) {
    if (field.value.size() > kLimitValueBytesMax) continue;
    const bool retry = base::equals_ignoring_case(field.name, "retry-after") ||
                       base::equals_ignoring_case(field.name, "retry-after-ms");
    const bool structured = base::equals_ignoring_case(field.name, "ratelimit") ||
                            base::equals_ignoring_case(field.name, "ratelimit-policy");
    const auto named = retry || structured ? std::nullopt : read_name(field.name);
    if (!retry && !structured && !named) continue;
    if (++read > kLimitFieldsMax) break;
    if (retry) read_retry_after(field, wall_s, news);
    if (structured) read_structured(field.value, news);
    if (named) read_named(*named, field.value, wall_s, news);
  }
  return news;
}

}  // namespace sluice::hub::health
