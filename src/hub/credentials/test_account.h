// For tests: a service account with a key of its own, made when it is first asked for.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

#include "base/check.h"
#include "base/json_writer.h"

namespace sluice::hub::credentials {

inline EVP_PKEY* test_key(unsigned bits) {
  static const auto make = [](unsigned size) { return EVP_RSA_gen(size); };
  static EVP_PKEY* const kGood = make(2048);
  static EVP_PKEY* const kShort = make(1024);
  return bits >= 2048 ? kGood : kShort;
}

inline std::string pem_of(EVP_PKEY* key) {
  BIO* out = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string pem(bytes, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

inline std::string make_test_account_file(const std::string& token_uri, unsigned bits = 2048) {
  std::string out;
  base::JsonWriter(out)
      .begin_object()
      .field("type", "service_account")
      .field("project_id", "proj-1")
      .field("private_key_id", "kid-1")
      .field("private_key", pem_of(test_key(bits)))
      .field("client_email", "hub@proj-1.iam.example")
      .field("token_uri", token_uri)
      .end_object();
  return out;
}

}  // namespace sluice::hub::credentials
