#include "hub/dialects/document_reader.h"

#include <cmath>
#include <limits>

#include "hub/dialects/limits.h"
#include "hub/dialects/provider_error.h"

namespace sluice::hub::dialects {

using base::ErrorCode;
using Verdict = AnswerReader::Verdict;

Verdict DocumentReader::read_event(std::string_view, std::string_view data,
                                   std::vector<tasks::Event>& events) {
  return read_whole(data, events);
}

Verdict DocumentReader::read_whole(std::string_view body, std::vector<tasks::Event>& events) {
  std::string problem = "expected an object";
  const auto element = parse_json(body, &problem);
  JsonObject document;
  if (!element || element->get(document) != simdjson::SUCCESS) {
    return fail_with(fail_of(
        provider_, fmt::format("{} answered with something that is no JSON object: {}", provider_, problem)));
  }
  if (value_of(document, "error")) return fail_with(decode_error_in_answer(provider_, body));
  const std::size_t before = events.size();
  if (auto status = read_document(document, events); !status) {
    events.resize(before);
    return fail_with(fail_of(provider_, fmt::format("{}'s answer is not what was asked for: {}", provider_,
                                                    status.error().message)));
  }
  whole_ = true;
  return Verdict::content;
}

Fail DocumentReader::read_error(const http::ResponseHead& head, std::string_view body) {
  return decode_error(provider_, head, body);
}

Verdict DocumentReader::fail_with(Fail fail) {
  failure_ = std::move(fail);
  return Verdict::failed;
}

base::Result<std::vector<float>> read_vector(JsonElement element) {
  JsonArray array;
  if (element.get(array) != simdjson::SUCCESS)
    return base::fail(ErrorCode::upstream_failed, "an embedding is no array of numbers");
  std::vector<float> values;
  for (const JsonElement value : array) {
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS || std::abs(number) > std::numeric_limits<float>::max())
      return base::fail(ErrorCode::upstream_failed, "an embedding holds something that is no number");
    if (values.size() == kEmbeddingValuesMax) {
      return base::fail(ErrorCode::upstream_failed, "an embedding has more than {} numbers",
                        kEmbeddingValuesMax);
    }
    values.push_back(static_cast<float>(number));
  }
  if (values.empty()) return base::fail(ErrorCode::upstream_failed, "an embedding is empty");
  return values;
}

}  // namespace sluice::hub::dialects
