// TLS contexts. One per certificate (server) and one per set of authorities (client), made once and shared by
// all loops for as long as the process lives: with OpenSSL 3 making one costs as much as many handshakes.
#pragma once

#include <string>

#include "base/result.h"
#include "net/transport/channel.h"

namespace sluice::net {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::shared_ptr<SSL_CTX>;

struct SslSessionDeleter {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslSessionDeleter>;

base::Result<SslContextPtr> make_server_tls(const std::string& certificate_file, const std::string& key_file);
SslPtr accept_tls(SSL_CTX* context);

// `ca_file` empty: the system's authorities.
base::Result<SSL_CTX*> client_tls(const std::string& ca_file);
// `host` is a name or an address; it is what the certificate must show. `session` may be null.
// `session_slot`, which must live as long as the connection, receives sessions to resume from.
SslPtr connect_tls(SSL_CTX* context, const std::string& host, SSL_SESSION* session,
                   SslSessionPtr* session_slot);

// "certificate verify failed: self-signed certificate", for the connection's last error.
std::string explain_tls_failure(SSL* ssl);

}  // namespace sluice::net
