#include "hub/api/ollama.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/api/replies.h"
#include "hub/dialects/json_view.h"
#include "hub/gateway/models.h"

namespace sluice::hub::api {
namespace {

using base::JsonWriter;

constexpr std::string_view kFront = "ollama";
// The version of Ollama whose API these routes follow: clients compare it with what they need.
constexpr std::string_view kFollowedVersion = "0.12.6";
constexpr std::string_view kUnknownTime = "1970-01-01T00:00:00Z";

bool is_local_only(const Question& question) {
  return question.settings.local_only || (question.caller != nullptr && question.caller->policy.local_only);
}

// Clients cut a digest to its first letters: it stands for the name, since the weights may be anywhere.
std::string digest_of(std::string_view name) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  CHECK(EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  return base::to_hex(std::as_bytes(std::span(digest).first(size)));
}

void write_details(JsonWriter& json) {
  json.key("details").begin_object().field("parent_model", "").field("format", "").field("family", "");
  json.key("families").begin_array().end_array().field("parameter_size", "").field("quantization_level", "");
  json.end_object();
}

// The model that the body of /api/show asks about: `model`, in older clients `name`.
base::Result<std::string> read_asked(const http::Request& request) {
  const http::Slice body = http::flatten(request.body);
  dialects::JsonScanner scanner(body.text());
  scanner.take_value();
  if (!scanner.finish()) return std::unexpected(scanner.error());
  std::string model, name;
  SLUICE_TRY_VOID(
      dialects::JsonView(base::trim(body.text()), "").read_texts({{"model", &model}, {"name", &name}}));
  if (model.empty()) model = std::move(name);
  if (model.empty()) return dialects::refuse_parameter("model", "missing required parameter: 'model'");
  return model;
}

}  // namespace

Reply reply_ollama_tags(const Question& question) {
  Reply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("models").begin_array();
  for (const auto& row : gateway::list_models(question.settings, question.hub, is_local_only(question))) {
    json.begin_object().field("name", row.id).field("model", row.id).field("modified_at", kUnknownTime);
    json.field("size", 0).field("digest", digest_of(row.id));
    write_details(json);
    json.end_object();
  }
  json.end_array().end_object();
  return reply;
}

Reply reply_ollama_show(const Question& question) {
  const auto asked = read_asked(question.request);
  if (!asked) return reply_error(asked.error(), kFront);
  const auto row = gateway::find_model(question.settings, question.hub, is_local_only(question), *asked);
  if (!row) return reply_error(row.error(), kFront);
  Reply reply;
  JsonWriter json(reply.body);
  json.begin_object().field("modelfile", "").field("parameters", "").field("template", "");
  write_details(json);
  json.key("model_info").begin_object().field("general.basename", row->id).end_object();
  json.key("capabilities").begin_array().string("completion").end_array();
  json.field("modified_at", kUnknownTime).end_object();
  return reply;
}

// What is in memory is the device's own affair; nothing that was asked for is kept warm for anybody.
Reply reply_ollama_ps(const Question&) {
  return {.body = R"({"models":[]})"};
}

Reply reply_ollama_version(const Question& question) {
  Reply reply;
  JsonWriter(reply.body)
      .begin_object()
      .field("version", kFollowedVersion)
      .field("sluice", question.version)
      .end_object();
  return reply;
}

}  // namespace sluice::hub::api
