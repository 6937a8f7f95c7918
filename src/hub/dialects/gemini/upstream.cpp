#include "hub/dialects/gemini/upstream.h"

#include "hub/dialects/document_reader.h"
#include "hub/dialects/gemini/decode_answer.h"
#include "hub/dialects/gemini/encode_request.h"
#include "hub/dialects/gemini/usage.h"
#include "hub/dialects/token_counts.h"

namespace sluice::hub::dialects::gemini {
namespace {

using base::ErrorCode;
using base::Status;

class EmbedReader : public DocumentReader {
 public:
  EmbedReader(const std::string& provider, std::string_view model, std::size_t inputs)
      : DocumentReader(provider), model_(model), inputs_(inputs) {}

 private:
  Status read_document(JsonObject document, std::vector<tasks::Event>& events) override {
    events.emplace_back(
        tasks::Started{.id = "", .model = model_, .system_fingerprint = "", .service_tier = ""});
    const std::vector<JsonElement> embeddings = elements_of(document, "embeddings");
    if (embeddings.size() != inputs_) {
      return base::fail(ErrorCode::upstream_failed, "it holds {} embeddings for {} inputs", embeddings.size(),
                        inputs_);
    }
    for (std::uint32_t i = 0; i < embeddings.size(); ++i) {
      JsonObject embedding;
      if (embeddings[i].get(embedding) != simdjson::SUCCESS || !value_of(embedding, "values"))
        return base::fail(ErrorCode::upstream_failed, "embedding {} has no values", i);
      SLUICE_TRY(std::vector<float> values, read_vector(*value_of(embedding, "values")));
      events.emplace_back(tasks::Embedded{.index = i, .values = std::move(values)});
    }
    if (const auto metadata = object_of(document, "usageMetadata"))
      events.emplace_back(tasks::UsageReport{read_usage(*metadata)});
    return {};
  }

  const std::string model_;
  const std::size_t inputs_;
};

class CountReader : public DocumentReader {
 public:
  CountReader(const std::string& provider, std::string_view model)
      : DocumentReader(provider), model_(model) {}

 private:
  Status read_document(JsonObject document, std::vector<tasks::Event>& events) override {
    tasks::Usage usage;
    usage.input = tokens_of(document, "totalTokens");
    usage.cached = tokens_of(document, "cachedContentTokenCount");
    // Zero is left out on the wire, and no request has zero tokens.
    if (usage.input.count == 0) return base::fail(ErrorCode::upstream_failed, "it has no totalTokens");
    events.emplace_back(
        tasks::Started{.id = "", .model = model_, .system_fingerprint = "", .service_tier = ""});
    events.emplace_back(tasks::UsageReport{usage});
    return {};
  }

  const std::string model_;
};

std::unexpected<base::Error> refuse_kind(const UpstreamCall& call) {
  return base::fail(base::Error{
      .code = ErrorCode::not_found,
      .message = fmt::format("{} does not offer {}", call.provider->id, tasks::name_of(call.kind)),
      .provider = call.provider->id});
}

struct Question {
  std::string body;
  bool stream = false;
  std::unique_ptr<AnswerReader> reader;
};

base::Result<Question> encode(const UpstreamCall& call, DropList& dropped) {
  const std::string& provider = call.provider->id;
  Question question;
  if (const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request)) {
    if (call.kind == tasks::Kind::count_tokens) {
      SLUICE_TRY(question.body, encode_count(**chat, call.model, dropped));
      question.reader = std::make_unique<CountReader>(provider, call.model);
      return question;
    }
    SLUICE_TRY(question.body, encode_chat(**chat, call.model, dropped));
    question.stream = (*chat)->stream;
    question.reader = std::make_unique<ChatReader>(provider);
    return question;
  }
  if (const auto* embed = std::get_if<const tasks::EmbedRequest*>(&call.request)) {
    SLUICE_TRY(question.body, encode_embed(**embed, call.model, dropped));
    question.reader = std::make_unique<EmbedReader>(provider, call.model, (*embed)->inputs.size());
    return question;
  }
  return refuse_kind(call);
}

}  // namespace

base::Result<Begun> begin_upstream(const UpstreamCall& call) {
  DropList dropped;
  SLUICE_TRY(Question question, encode(call, dropped));
  SLUICE_TRY(HttpPlan plan, plan_post(call, question.stream));
  plan.request.body = http::body_of(std::move(question.body));
  return Begun{.machine = make_http_machine(std::move(plan), std::move(question.reader)),
               .dropped = dropped.take()};
}

}  // namespace sluice::hub::dialects::gemini
