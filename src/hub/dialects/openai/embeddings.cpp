#include "hub/dialects/openai/embeddings.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/base64.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/usage.h"
#include "hub/dialects/provider_error.h"

namespace sluice::hub::dialects::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "base64 vectors are little-endian");

// From a list of numbers or base64; empty when it is neither.
std::vector<float> read_vector(JsonObject holder) {
  std::vector<float> values;
  if (const auto text = string_of(holder, "embedding")) {
    const auto bytes = base::decode_base64(*text);
    if (!bytes || bytes->size() % sizeof(float) != 0 || bytes->size() / sizeof(float) > kEmbedValuesMax)
      return values;
    values.resize(bytes->size() / sizeof(float));
    std::memcpy(values.data(), bytes->data(), bytes->size());
    return values;
  }
  JsonArray list;
  const auto element = value_of(holder, "embedding");
  if (!element || element->get(list) != simdjson::SUCCESS || list.size() > kEmbedValuesMax) return values;
  values.reserve(list.size());
  for (const JsonElement value : list) {
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS) return {};
    values.push_back(static_cast<float>(number));
  }
  return values;
}

class EmbedReader : public AnswerReader {
 public:
  EmbedReader(std::string provider, bool relay, std::size_t inputs)
      : provider_(std::move(provider)), relay_(relay), inputs_(inputs) {}

  Verdict read_event(std::string_view, std::string_view, std::vector<tasks::Event>&) override {
    return fail_with("answered with a stream instead of one document");
  }
  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override;
  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override {
    return decode_error(provider_, head, body);
  }
  bool is_whole() const override { return found_ > 0 && (inputs_ == 0 || found_ == inputs_); }
  std::string describe_missing() const override {
    return inputs_ == 0 ? std::string("it held no vectors")
                        : fmt::format("it held {} vectors for {} inputs", found_, inputs_);
  }
  void conclude(std::vector<tasks::Event>& events) override {
    if (usage_) events.emplace_back(tasks::UsageReport{*usage_});
  }

 private:
  Verdict read_data(JsonObject answer, std::vector<tasks::Event>& events);
  Verdict fail_with(std::string_view what) {
    failure_ = fail_of(provider_, fmt::format("{} {}", provider_, what));
    return Verdict::failed;
  }

  const std::string provider_;
  const bool relay_;
  const std::size_t inputs_;
  std::size_t found_ = 0;
  std::optional<tasks::Usage> usage_;
  Fail failure_;
};

AnswerReader::Verdict EmbedReader::read_whole(std::string_view body, std::vector<tasks::Event>& events) {
  const auto element = parse_json(body);
  JsonObject answer;
  if (!element || element->get(answer) != simdjson::SUCCESS)
    return fail_with("answered with something that is no JSON object");
  const auto error = value_of(answer, "error");
  if ((error && !error->is_null()) || text_of(answer, "object") == "error") {
    failure_ = decode_error_in_answer(provider_, body);
    return Verdict::failed;
  }
  tasks::Started started;
  started.id = text_of(answer, "id");
  started.model = text_of(answer, "model");
  events.emplace_back(std::move(started));
  const auto usage = object_of(answer, "usage");
  const std::string usage_json = usage ? simdjson::minify(*usage) : std::string();
  const Verdict verdict = read_data(answer, events);
  if (!usage_json.empty()) usage_ = parse_usage(usage_json);  // the answer's elements die with it
  return verdict;
}

AnswerReader::Verdict EmbedReader::read_data(JsonObject answer, std::vector<tasks::Event>& events) {
  for (const JsonElement element : elements_of(answer, "data")) {
    JsonObject one;
    if (element.get(one) != simdjson::SUCCESS) return fail_with("answered with a vector that is no object");
    if (!relay_) {
      tasks::Embedded vector;
      vector.index = static_cast<std::uint32_t>(count_of(one, "index").value_or(found_));
      vector.values = read_vector(one);
      if (vector.values.empty()) return fail_with("answered with a vector that is no list of numbers");
      if (inputs_ != 0 && vector.index >= inputs_) return fail_with("answered with a vector too many");
      events.emplace_back(std::move(vector));
    }
    ++found_;
  }
  return Verdict::content;
}

}  // namespace

bool wants_base64(const ScannedRequest* request) {
  const Member* format = request != nullptr ? request->find("encoding_format") : nullptr;
  return format != nullptr && format->type == JsonType::string &&
         unescape_json(request->text_of(*format)) == "base64";
}

void write_vector(base::JsonWriter& out, std::span<const float> values, bool is_base64) {
  if (is_base64) {
    const auto bytes = std::as_bytes(values);
    out.string(base::encode_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    return;
  }
  out.begin_array();
  // The shortest text that gives the same float back.
  for (const float value : values) std::isfinite(value) ? out.raw(fmt::format("{}", value)) : out.null();
  out.end_array();
}

std::unique_ptr<AnswerReader> make_embed_reader(std::string provider, bool relay, std::size_t inputs) {
  return std::make_unique<EmbedReader>(std::move(provider), relay, inputs);
}

}  // namespace sluice::hub::dialects::openai
