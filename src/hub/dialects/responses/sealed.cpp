#include "hub/dialects/responses/sealed.h"

#include "base/json_writer.h"
#include "hub/dialects/json_view.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

constexpr std::string_view kSeal = R"({"sluice":{)";
constexpr std::string_view kWholeText = "text";

}  // namespace

std::string seal(const tasks::ReasoningPart& part) {
  const bool is_ours = part.dialect.empty() || part.dialect == kName;
  if (part.signature.empty() && (is_ours || part.encrypted.empty())) return part.encrypted;
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("sluice").begin_object().field("dialect", part.dialect);
  if (!part.summary) json.field("form", kWholeText);
  if (!part.signature.empty()) json.field("signature", part.signature);
  if (!part.encrypted.empty()) json.field("encrypted", part.encrypted);
  json.end_object().end_object();
  return out;
}

void unseal(std::string_view encrypted_content, tasks::ReasoningPart& part) {
  if (encrypted_content.starts_with(kSeal)) {
    JsonScanner scanner(encrypted_content);
    scanner.take_value();
    tasks::ReasoningPart found;
    const JsonView sealed(encrypted_content, "encrypted_content");
    std::string form;
    if (scanner.finish() && sealed.each_member([&](const std::string&, const JsonView& inner) {
          return inner.read_texts({{"dialect", &found.dialect},
                                   {"form", &form},
                                   {"signature", &found.signature},
                                   {"encrypted", &found.encrypted}});
        })) {
      if (form == kWholeText) part.summary = false;
      part.dialect = std::move(found.dialect);
      part.signature = std::move(found.signature);
      part.encrypted = std::move(found.encrypted);
      return;
    }
  }
  part.encrypted = std::string(encrypted_content);
  if (!part.encrypted.empty()) part.dialect = kName;
}

}  // namespace sluice::hub::dialects::responses
