#include "hub/telemetry/access_log.h"

#include <cmath>

#include "base/log.h"

namespace sluice::hub::telemetry {
namespace {

double milliseconds(double seconds) {
  return std::round(seconds * 1e6) / 1e3;  // to the microsecond
}

}  // namespace

void record_request(Metrics& metrics, const AccessLine& line, const RequestCount& count) {
  metrics.count_request(count);
  if (!base::is_logged(base::LogLevel::info)) return;
  base::LogLine out(base::LogLevel::info, "request");
  const auto add_text = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out.text(name, value);
  };
  const auto add_number = [&](std::string_view name, std::uint64_t value) {
    if (value != 0) out.number(name, static_cast<std::int64_t>(value));
  };
  out.text("request_id", line.request_id).text("method", line.method).text("route", line.route);
  out.number("status", count.status);
  add_text("outcome", line.outcome);
  add_text("error", line.error);
  add_text("key_id", line.key_id);
  add_text("peer", line.peer);
  add_text("model", count.model);
  add_text("substituted_for", line.substituted_for);
  add_text("provider", count.provider);
  add_text("upstream_request_id", line.upstream_request_id);
  if (line.stream) out.number("stream", 1);
  add_number("attempts", line.attempts);
  add_number("bytes_in", line.bytes_in);
  add_number("bytes_out", line.bytes_out);
  if (count.first_token_s) out.decimal("ttft_ms", milliseconds(*count.first_token_s));
  out.decimal("duration_ms", milliseconds(count.duration_s));
  if (count.tokens) {
    add_number("tokens_in", count.tokens->input);
    add_number("tokens_cached", count.tokens->input_cached);
    add_number("tokens_out", count.tokens->output);
    add_number("tokens_reasoning", count.tokens->output_reasoning);
  }
  out.write();
}

}  // namespace sluice::hub::telemetry
