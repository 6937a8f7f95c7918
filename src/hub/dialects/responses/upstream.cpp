#include "hub/dialects/responses/upstream.h"

#include "base/strings.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/provider_error.h"
#include "hub/dialects/responses/encode_request.h"
#include "hub/dialects/responses/item_reader.h"
#include "hub/dialects/responses/scan.h"
#include "hub/dialects/responses/usage.h"
#include "hub/dialects/responses/words.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects::responses {
namespace {

// What one event holds at its top level, found without building anything: deltas are many.
struct Glance {
  bool is_object = false;
  std::string type;
  std::string problem;
  bool has_error = false;  // an error object or text, as other dialects spell it
};

Glance glance_at(std::string_view json) {
  Glance found;
  JsonScanner scanner(json);
  if (scanner.peek() != JsonType::object) {
    scanner.take_value();
    found.problem = scanner.failed() ? scanner.error().message : "expected a JSON object";
    return found;
  }
  scanner.enter_object();
  while (const auto key = scanner.next_key()) {
    const JsonType type = scanner.peek();
    const std::string_view name = key->in(json);
    const std::string_view value = scanner.take_value().in(json);
    if (scanner.failed()) break;  // then there is no value
    if (name == "type" && type == JsonType::string) found.type = unescape_json(value);
    if (name == "error")
      found.has_error = type == JsonType::object || (type == JsonType::string && value != "\"\"");
  }
  found.is_object = scanner.finish();
  if (!found.is_object) found.problem = scanner.error().message;
  return found;
}

class ResponsesReader : public AnswerReader {
 public:
  ResponsesReader(std::string provider, bool relay) : provider_(std::move(provider)), relay_(relay) {}

  Verdict read_event(std::string_view name, std::string_view data,
                     std::vector<tasks::Event>& events) override;
  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override;
  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override {
    return decode_error(provider_, head, body);
  }
  bool is_whole() const override { return whole_; }
  std::string describe_missing() const override { return "no response.completed came"; }
  void conclude(std::vector<tasks::Event>& events) override {
    if (usage_) events.emplace_back(tasks::UsageReport{*usage_});
  }

 private:
  Verdict fail_with(Fail fail) {
    failure_ = std::move(fail);
    return Verdict::failed;
  }
  Verdict fail_with(std::string message) { return fail_with(fail_of(provider_, std::move(message))); }
  void note_start(JsonObject response, std::vector<tasks::Event>& events);
  Verdict read_end(JsonObject response, std::vector<tasks::Event>& events);
  Verdict read_failed(JsonObject response);
  bool has_calls(JsonObject response) const;

  const std::string provider_;
  const bool relay_;
  ItemReader items_;
  bool started_ = false;
  bool whole_ = false;
  std::optional<tasks::Usage> usage_;
  Fail failure_;
};

AnswerReader::Verdict ResponsesReader::read_event(std::string_view name, std::string_view data,
                                                  std::vector<tasks::Event>& events) {
  if (base::trim(data) == "[DONE]") return Verdict::done;  // a gateway's; this dialect has ends of its own
  Glance glance = glance_at(data);
  if (!glance.is_object)
    return fail_with(fmt::format("{} sent an event that is no JSON object: {}", provider_, glance.problem));
  if (glance.type.empty()) glance.type = name;
  const std::string& type = glance.type;
  if (type == "error" || (glance.has_error && !type.starts_with("response.")))
    return fail_with(decode_error_in_answer(provider_, data));
  const bool is_end = type == "response.completed" || type == "response.incomplete";
  const bool is_failure = type == "response.failed" || type == "response.cancelled";
  const bool is_start =
      type == "response.created" || type == "response.in_progress" || type == "response.queued";
  if (relay_ && started_ && !is_end && !is_failure)
    return is_start || !type.starts_with("response.") ? Verdict::quiet : Verdict::content;
  // simdjson and the scanner agree on what JSON is but for its limits.
  const auto element = parse_json(data);
  JsonObject event;
  if (!element || element->get(event) != simdjson::SUCCESS)
    return fail_with(fmt::format("{} sent an event that cannot be read", provider_));
  const auto response = object_of(event, "response");
  if (is_failure) return read_failed(response.value_or(event));
  if (is_end) return read_end(response.value_or(event), events);
  if (is_start) {
    if (response) note_start(*response, events);
    return Verdict::quiet;
  }
  if (!type.starts_with("response.")) return Verdict::quiet;  // "keepalive"
  note_start(event, events);
  if (!relay_) {
    if (auto status = items_.read_event(type, event, events); !status)
      return fail_with(fmt::format("{}: {}", provider_, status.error().message));
  }
  return Verdict::content;
}

AnswerReader::Verdict ResponsesReader::read_whole(std::string_view body, std::vector<tasks::Event>& events) {
  std::string problem;
  const auto element = parse_json(body, &problem);
  JsonObject response;
  if (!element || element->get(response) != simdjson::SUCCESS)
    return fail_with(
        fmt::format("{} answered with something that is no JSON object: {}", provider_, problem));
  const std::string_view status = string_of(response, "status").value_or("completed");
  if (status == "failed" || status == "cancelled") return read_failed(response);
  if (const auto error = value_of(response, "error"))
    return fail_with(decode_error_in_answer(provider_, body));
  if (!value_of(response, "output"))
    return fail_with(
        fmt::format("{} answered with something that is no response: it has no 'output'", provider_));
  if (status != "completed" && status != "incomplete")
    return fail_with(
        fmt::format("{} answered with a response that is only {}", provider_, status.substr(0, 40)));
  const Verdict verdict = read_end(response, events);
  return verdict == Verdict::failed ? verdict : Verdict::content;
}

void ResponsesReader::note_start(JsonObject response, std::vector<tasks::Event>& events) {
  if (std::exchange(started_, true)) return;
  std::string tier = text_of(response, "service_tier");
  events.emplace_back(tasks::Started{.id = text_of(response, "id"),
                                     .model = text_of(response, "model"),
                                     .created_unix_s = integer_of(response, "created_at").value_or(0),
                                     .system_fingerprint = "",
                                     .service_tier = tier == "auto" ? "" : std::move(tier)});
}

AnswerReader::Verdict ResponsesReader::read_end(JsonObject response, std::vector<tasks::Event>& events) {
  note_start(response, events);
  if (!relay_) {
    if (auto status = items_.read_output(response, events); !status)
      return fail_with(fmt::format("{}: {}", provider_, status.error().message));
  }
  tasks::Finished finished{
      .choice = 0, .reason = tasks::FinishReason::stop, .native_reason = "completed", .stop_sequence = ""};
  const auto details = object_of(response, "incomplete_details");
  if (text_of(response, "status") == "incomplete" || details) {
    finished.native_reason = details ? text_of(*details, "reason") : "incomplete";
    finished.reason = finished.native_reason == "content_filter" ? tasks::FinishReason::content_filter
                                                                 : tasks::FinishReason::length;
  } else if (has_calls(response)) {
    finished.reason = tasks::FinishReason::tool_calls;
  }
  events.emplace_back(std::move(finished));
  if (const auto usage = object_of(response, "usage")) usage_ = read_usage(*usage);
  whole_ = true;
  return Verdict::done;
}

bool ResponsesReader::has_calls(JsonObject response) const {
  if (items_.has_calls()) return true;
  for (const JsonElement element : elements_of(response, "output")) {
    JsonObject item;
    if (element.get(item) == simdjson::SUCCESS && text_of(item, "type") == kFunctionCall) return true;
  }
  return false;
}

AnswerReader::Verdict ResponsesReader::read_failed(JsonObject response) {
  const auto error = object_of(response, "error");
  if (error) return fail_with(decode_error_in_answer(provider_, simdjson::minify(*error)));
  return fail_with(fmt::format("{} ended its response as {} without saying why", provider_,
                               string_of(response, "status").value_or("failed").substr(0, 40)));
}

}  // namespace

base::Result<Begun> begin_upstream(const UpstreamCall& call) {
  const auto* own = std::get_if<const ScannedRequest*>(&call.request);
  DropList dropped;
  ScannedRequest encoded;
  if (own == nullptr) {
    const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request);
    if (chat == nullptr || call.kind != tasks::Kind::chat)
      return base::fail(base::ErrorCode::not_found, "{} offers {} in another dialect only", call.provider->id,
                        tasks::name_of(call.kind));
    SLUICE_TRY(encoded, scan_request(call.kind, http::Slice::of(encode_request(**chat, dropped))));
  }
  const ScannedRequest& scanned = own != nullptr ? **own : encoded;
  SLUICE_TRY(HttpPlan plan, plan_post(call, scanned.stream));
  SLUICE_TRY(Spliced spliced, splice_request(scanned, *call.surface, call.model));
  plan.request.body = std::move(spliced.body);
  for (const std::string& name : spliced.dropped) dropped.add(name);
  auto reader = std::make_unique<ResponsesReader>(plan.provider, plan.relay);
  return Begun{.machine = make_http_machine(std::move(plan), std::move(reader)), .dropped = dropped.take()};
}

}  // namespace sluice::hub::dialects::responses
