#pragma once

// Internal: OpenSSL's objects with their owners.

#include <memory>
#include <openssl/bio.h>
#include <openssl/ssl.h>

namespace sandfleet::tls {

struct free_context {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct free_connection {
  void operator()(SSL* connection) const { SSL_free(connection); }
};

using context_ptr = std::unique_ptr<SSL_CTX, free_context>;
using connection_ptr = std::unique_ptr<SSL, free_connection>;

/// Reads and writes a connected socket, which stays the caller's, and never waits. It is used in
/// the place of OpenSSL's own, whose writes raise SIGPIPE. Null without memory.
[[nodiscard]] BIO* make_socket_bio(int socket);

} // namespace sandfleet::tls
