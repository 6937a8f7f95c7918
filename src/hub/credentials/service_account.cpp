#include "hub/credentials/service_account.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <simdjson.h>

#include <algorithm>

#include "base/json_writer.h"
#include "base/strings.h"
#include "http/url.h"
#include "hub/credentials/limits.h"

namespace sluice::hub::credentials {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::string_view kGrant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// Base64 for URLs, without padding (RFC 4648, 5).
std::string encode_url64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  while (out.ends_with('=')) out.pop_back();
  return out;
}

// An encrypted key has nobody here to ask for its password; without this the library would ask the terminal.
int give_no_password(char*, int, int, void*) {
  return 0;
}

Key read_key(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (!source) return {nullptr, EVP_PKEY_free};
  return {PEM_read_bio_PrivateKey(source.get(), nullptr, give_no_password, nullptr), EVP_PKEY_free};
}

bool can_sign(const Key& key) {
  return key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA &&
         EVP_PKEY_get_bits(key.get()) >= kRsaBitsMin;
}

base::Result<std::string> sign(const std::string& pem, std::string_view text) {
  const Key key = read_key(pem);
  if (!can_sign(key)) return fail(ErrorCode::internal, "the service account's key cannot sign");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return fail(ErrorCode::internal, "the service account's key cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                     text.size()) != 1) {
    return fail(ErrorCode::internal, "the service account's key cannot sign");
  }
  signature.resize(size);
  return signature;
}

// Nothing of the file's content may stand in these messages.
base::Status check(const ServiceAccount& account, std::string_view where) {
  const auto url = http::parse_url(account.token_uri);
  const bool loopback =
      url && (url->host == "localhost" || url->host == "::1" || url->host.starts_with("127."));
  if (!url || (!url->tls && !loopback)) {
    return fail(ErrorCode::invalid_argument, "{}: token_uri: expected an https address", where);
  }
  if (!can_sign(read_key(account.private_key))) {
    return fail(ErrorCode::invalid_argument,
                "{}: private_key: expected an RSA key of {} bits or more, in PEM", where, kRsaBitsMin);
  }
  return {};
}

}  // namespace

base::Result<ServiceAccount> parse_service_account(std::string_view json, std::string_view where) {
  if (json.size() > kKeyFileBytesMax) {
    return fail(ErrorCode::too_large, "{}: expected at most {} bytes, found {}", where, kKeyFileBytesMax,
                json.size());
  }
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
    return fail(ErrorCode::invalid_argument, "{}: expected a JSON object: a service account's key file",
                where);
  }
  std::string_view type;
  if (root["type"].get(type) != simdjson::SUCCESS || type != "service_account") {
    return fail(ErrorCode::invalid_argument,
                "{}: type: expected 'service_account', the only kind that is read", where);
  }
  ServiceAccount account;
  const std::tuple<const char*, std::string&, bool> kFields[] = {
      {"client_email", account.email, true},  {"private_key", account.private_key, true},
      {"token_uri", account.token_uri, true}, {"private_key_id", account.key_id, false},
      {"project_id", account.project, false},
  };
  for (const auto& [name, out, required] : kFields) {
    std::string_view text;
    if (root[name].get(text) == simdjson::SUCCESS && !text.empty()) {
      out = std::string(text);
    } else if (required) {
      return fail(ErrorCode::invalid_argument, "{}: {}: expected a text", where, name);
    }
  }
  SLUICE_TRY_VOID(check(account, where));
  return account;
}

base::Result<std::string> sign_assertion(const ServiceAccount& account, std::chrono::sys_seconds now) {
  std::string head, claims;
  base::JsonWriter header(head);
  header.begin_object().field("alg", "RS256").field("typ", "JWT");
  if (!account.key_id.empty()) header.field("kid", account.key_id);
  header.end_object();
  const std::int64_t seconds = now.time_since_epoch().count();
  base::JsonWriter(claims)
      .begin_object()
      .field("iss", account.email)
      .field("scope", kScope)
      .field("aud", account.token_uri)
      .field("iat", seconds)
      .field("exp", seconds + static_cast<std::int64_t>(kTokenLifeMax.count()))
      .end_object();
  std::string text = fmt::format("{}.{}", encode_url64(head), encode_url64(claims));
  SLUICE_TRY(const std::string signature, sign(account.private_key, text));
  return text + "." + encode_url64(signature);
}

base::Result<http::Request> make_token_request(const ServiceAccount& account, std::chrono::sys_seconds now) {
  SLUICE_TRY(const std::string assertion, sign_assertion(account, now));
  http::Request request;
  request.method = "POST";
  request.target = account.token_uri;
  request.headers.add("content-type", "application/x-www-form-urlencoded");
  request.headers.add("accept", "application/json");
  http::append(request.body, http::Slice::of(fmt::format("grant_type={}&assertion={}", kGrant, assertion)));
  return request;
}

base::Result<Token> read_token_answer(int status, std::string_view body, std::chrono::sys_seconds now) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  const bool is_object = body.size() <= kTokenAnswerBytesMax &&
                         parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS;
  if (status != 200) {
    // {"error": "invalid_grant", "error_description": "..."}
    std::string_view error, description;
    if (is_object && root["error"].get(error) == simdjson::SUCCESS) {
      (void)root["error_description"].get(description);
    }
    return fail(ErrorCode::upstream_failed, "the token endpoint answered {}{}{}{}{}", status,
                error.empty() ? "" : ": ", error, description.empty() ? "" : ": ",
                description.substr(0, 300));
  }
  std::string_view value;
  std::int64_t seconds = 0;
  if (!is_object || root["access_token"].get(value) != simdjson::SUCCESS || value.empty()) {
    return fail(ErrorCode::upstream_failed, "the token endpoint answered without an access_token");
  }
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7F; };
  if (value.size() > kSecretBytesMax || !std::ranges::all_of(value, is_plain)) {
    return fail(ErrorCode::upstream_failed, "the token endpoint's token cannot be sent in a header");
  }
  if (root["expires_in"].get(seconds) != simdjson::SUCCESS || seconds <= 0) seconds = kTokenLifeMax.count();
  return Token{.value = std::string(value),
               .expires = now + std::min(std::chrono::seconds(seconds), kTokenLifeMax)};
}

}  // namespace sluice::hub::credentials
