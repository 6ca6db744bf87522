#pragma once

#include "runtime/transport/connector.hpp"

#include <sandfleet/error.hpp>

#include <memory>
#include <string>

namespace sandfleet::tls {

struct client_options {
  /// PEM certificates of the authorities that are trusted, in the place of the system's, which are
  /// where OpenSSL looks for them: SSL_CERT_FILE, SSL_CERT_DIR, /etc/ssl/certs.
  std::string ca_file;
  std::string certificate_file; ///< what is shown to a server that asks, with its chain; PEM
  std::string key_file;         ///< of that certificate; PEM, not encrypted
  bool verify = true;           ///< whether the server's certificate has to be good, and its own
  std::string server_name;      ///< the name that is expected; empty: the endpoint's host
};

/// Connections over TLS 1.2 or 1.3. The files are read now. A server's certificate has to be for
/// the endpoint's host, by its subject alternative names; where the endpoint is a unix socket, for
/// `server_name`, without which no name is asked for. A connection that ends without TLS's own end
/// has failed. Errors: `invalid_configuration`, naming the file and what is wrong with it. Those of
/// connections are `connection_failed` with {"tls", KIND} as evidence (see failure.hpp).
[[nodiscard]] result<std::shared_ptr<transport::connector>> make_connector(client_options options);

} // namespace sandfleet::tls
