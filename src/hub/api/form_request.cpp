#include "hub/api/form_request.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/base64.h"
#include "base/json_writer.h"
#include "http/multipart.h"

namespace sluice::hub::api {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

namespace {

constexpr std::array<std::string_view, 3> kTexts{"model", "prompt", "system"};
constexpr std::array<std::string_view, 5> kPlain{"max_tokens", "temperature", "top_p", "seed", "stream"};
constexpr std::array<std::string_view, 2> kPictures{"image", "image[]"};

struct Form {
  std::map<std::string_view, std::string_view> fields;
  std::vector<http::FormPart> pictures;
};

std::unexpected<base::Error> refuse(std::string_view field, std::string message) {
  return fail({.code = ErrorCode::invalid_argument,
               .message = fmt::format("form: {}: {}", field.substr(0, 100), message),
               .parameter = std::string(field.substr(0, 100))});
}

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// By its first bytes: what a client writes into the head of a part is often a guess.
std::string_view type_of(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "image/png";
  if (bytes.starts_with("\xff\xd8")) return "image/jpeg";
  if (bytes.starts_with("RIFF") && bytes.substr(std::min<std::size_t>(8, bytes.size())).starts_with("WEBP"))
    return "image/webp";
  if (bytes.starts_with("GIF8")) return "image/gif";
  return {};
}

// A number, true or false as JSON has them, so that nothing can break out of its place.
bool is_plain_value(std::string_view text) {
  if (text.empty()) return false;  // its pointer may be null, and the parser copies first
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  return parser.parse(text.data(), text.size()).get(value) == simdjson::SUCCESS &&
         (value.is_number() || value.is_bool());
}

Result<Form> sort_parts(std::string_view body, std::string_view content_type) {
  SLUICE_TRY(const auto parts, http::parse_multipart(body, content_type));
  Form form;
  for (const http::FormPart& part : parts) {
    if (is_among(kPictures, part.name)) {
      if (type_of(part.content).empty()) return refuse(part.name, "expected a PNG, JPEG, WebP or GIF file");
      form.pictures.push_back(part);
      continue;
    }
    if (!is_among(kTexts, part.name) && !is_among(kPlain, part.name))
      return refuse(part.name, fmt::format("no such field: there are {}, {} and image",
                                           fmt::join(kTexts, ", "), fmt::join(kPlain, ", ")));
    if (is_among(kPlain, part.name) && !is_plain_value(part.content))
      return refuse(part.name, "expected a number, true or false");
    if (!form.fields.emplace(part.name, part.content).second) return refuse(part.name, "given twice");
  }
  for (const std::string_view name : {"model", "prompt"})
    if (!form.fields.contains(name)) return refuse(name, "it is missing");
  return form;
}

void write_messages(const Form& form, base::JsonWriter& json) {
  json.key("messages").begin_array();
  if (const auto system = form.fields.find("system"); system != form.fields.end())
    json.begin_object().field("role", "system").field("content", system->second).end_object();
  json.begin_object().field("role", "user").key("content").begin_array();
  for (const http::FormPart& picture : form.pictures) {
    std::string url = fmt::format("data:{};base64,", type_of(picture.content));
    url += base::encode_base64(picture.content);
    json.begin_object()
        .field("type", "image_url")
        .key("image_url")
        .begin_object()
        .field("url", url)
        .end_object();
    json.end_object();
  }
  json.begin_object().field("type", "text").field("text", form.fields.at("prompt")).end_object();
  json.end_array().end_object().end_array();
}

}  // namespace

Result<std::string> chat_body_of_form(std::string_view form_text, std::string_view content_type) {
  SLUICE_TRY(const Form form, sort_parts(form_text, content_type));
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().field("model", form.fields.at("model"));
  for (const auto& [name, text] : form.fields)
    if (is_among(kPlain, name)) json.key(name).raw(text);
  write_messages(form, json);
  json.end_object();
  return body;
}

bool is_form(const http::Headers& headers) {
  return (headers.contains("authorization") || headers.contains("x-api-key")) &&
         http::is_multipart_form(headers.find("content-type").value_or(""));
}

}  // namespace sluice::hub::api
