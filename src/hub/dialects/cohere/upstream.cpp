#include "hub/dialects/cohere/upstream.h"

#include "hub/dialects/cohere/decode_answer.h"
#include "hub/dialects/cohere/encode_request.h"
#include "hub/dialects/cohere/usage.h"
#include "hub/dialects/document_reader.h"

namespace sluice::hub::dialects::cohere {
namespace {

using base::ErrorCode;
using base::Status;

class EmbedReader : public DocumentReader {
 public:
  EmbedReader(const std::string& provider, std::size_t inputs) : DocumentReader(provider), inputs_(inputs) {}

 private:
  Status read_document(JsonObject document, std::vector<tasks::Event>& events) override {
    events.emplace_back(tasks::Started{
        .id = text_of(document, "id"), .model = "", .system_fingerprint = "", .service_tier = ""});
    const auto by_type = object_of(document, "embeddings");
    const std::vector<JsonElement> embeddings =
        by_type ? elements_of(*by_type, "float") : elements_of(document, "embeddings");
    if (embeddings.size() != inputs_) {
      return base::fail(ErrorCode::upstream_failed, "it holds {} embeddings for {} inputs", embeddings.size(),
                        inputs_);
    }
    for (std::uint32_t i = 0; i < embeddings.size(); ++i) {
      SLUICE_TRY(std::vector<float> values, read_vector(embeddings[i]));
      events.emplace_back(tasks::Embedded{.index = i, .values = std::move(values)});
    }
    // The units stand where an answer of chat has its usage.
    if (const auto meta = object_of(document, "meta"))
      events.emplace_back(tasks::UsageReport{read_usage(*meta)});
    return {};
  }

  const std::size_t inputs_;
};

}  // namespace

base::Result<Begun> begin_upstream(const UpstreamCall& call) {
  DropList dropped;
  std::string body;
  std::unique_ptr<AnswerReader> reader;
  bool stream = false;
  if (const auto* chat = std::get_if<const tasks::ChatRequest*>(&call.request);
      chat != nullptr && call.kind == tasks::Kind::chat) {
    stream = (*chat)->stream;
    const auto& wish = (*chat)->reasoning;
    const bool show_thinking = !wish || wish->show.value_or(true);
    body = encode_chat(**chat, call.model, dropped);
    reader = std::make_unique<ChatReader>(call.provider->id, show_thinking);
  } else if (const auto* embed = std::get_if<const tasks::EmbedRequest*>(&call.request)) {
    SLUICE_TRY(body, encode_embed(**embed, call.model, dropped));
    reader = std::make_unique<EmbedReader>(call.provider->id, (*embed)->inputs.size());
  } else {
    return base::fail(base::Error{
        .code = ErrorCode::not_found,
        .message = fmt::format("{} does not offer {}", call.provider->id, tasks::name_of(call.kind)),
        .provider = call.provider->id});
  }
  SLUICE_TRY(HttpPlan plan, plan_post(call, stream));
  plan.request.body = http::body_of(std::move(body));
  return Begun{.machine = make_http_machine(std::move(plan), std::move(reader)), .dropped = dropped.take()};
}

}  // namespace sluice::hub::dialects::cohere
