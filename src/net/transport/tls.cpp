#include "net/transport/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <map>
#include <mutex>
#include <string_view>

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "connection closed" : reason;
}

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);  // one system call per read in place of two per record
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof kAlpn, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Where a client connection keeps its origin's session slot.
int slot_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* slot = static_cast<SslSessionPtr*>(SSL_get_ex_data(ssl, slot_index()));
  if (slot == nullptr) return 0;
  slot->reset(session);
  return 1;  // ours now
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

base::Result<SslContextPtr> make_server_tls(const std::string& certificate_file,
                                            const std::string& key_file) {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(TLS_server_method()), SslContextDeleter{});
  if (!context) return fail(ErrorCode::internal, "TLS: {}", last_error());
  set_common(context.get());
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  constexpr std::string_view kSessionContext = "sluice";
  SSL_CTX_set_session_id_context(
      context.get(), reinterpret_cast<const unsigned char*>(kSessionContext.data()), kSessionContext.size());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
    return fail(ErrorCode::invalid_argument, "{}: expected a PEM certificate chain: {}", certificate_file,
                last_error());
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(ErrorCode::invalid_argument, "{}: expected the PEM private key of {}: {}", key_file,
                certificate_file, last_error());
  return context;
}

SslPtr accept_tls(SSL_CTX* context) {
  SslPtr ssl(SSL_new(context));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

base::Result<SSL_CTX*> client_tls(const std::string& ca_file) {
  static std::mutex mutex;
  static auto& contexts = *new std::map<std::string, SSL_CTX*>;  // for ever: see the header
  const std::lock_guard lock(mutex);
  if (const auto found = contexts.find(ca_file); found != contexts.end()) return found->second;
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, SslContextDeleter> context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(ErrorCode::internal, "TLS: {}", last_error());
  set_common(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
  if (loaded != 1)
    return fail(ErrorCode::invalid_argument, "{}: expected PEM certificates of authorities: {}",
                ca_file.empty() ? "system authorities" : ca_file, last_error());
  return contexts.emplace(ca_file, context.release()).first->second;
}

SslPtr connect_tls(SSL_CTX* context, const std::string& host, SSL_SESSION* session,
                   SslSessionPtr* session_slot) {
  SslPtr ssl(SSL_new(context));
  if (!ssl) return ssl;
  SSL_set_connect_state(ssl.get());
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set1_host(ssl.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  if (session != nullptr) SSL_set_session(ssl.get(), session);
  SSL_set_ex_data(ssl.get(), slot_index(), session_slot);
  return ssl;
}

std::string explain_tls_failure(SSL* ssl) {
  std::string text = last_error();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
    (text += ": ") += X509_verify_cert_error_string(verdict);
  return text;
}

}  // namespace sluice::net
