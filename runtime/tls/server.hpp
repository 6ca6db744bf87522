#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sandfleet::tls {

struct server_options {
  std::string certificate_file; ///< PEM, the server's own first and then its chain
  std::string key_file;         ///< PEM, not encrypted
  /// PEM certificates of the authorities of clients; empty: clients need not show any certificate.
  std::string client_ca_file;
  std::chrono::milliseconds handshake_timeout{10'000};
  /// Told of handshakes that fail, on the connection's executor; may be empty.
  std::function<void(const error&)> on_failed_handshake;
};

/// The server's side of TLS 1.2 and 1.3, for `transport::http_server_options::carry`. A handshake
/// is one of the server's connections from its first moment on, waits for nobody but its own
/// client, and counts among `max_connections`: where there are too many, those that have been
/// silent longest make room. What was replied when the server has stopped may still be on its way:
/// the executor has work until it is sent, at most for seconds. Thread-safe; copies share the
/// certificate.
class server {
 public:
  /// Errors: `invalid_configuration`, naming the file and what is wrong with it.
  [[nodiscard]] static result<server> make(server_options options);

  /// Reads the files again, for connections from now on. After an error all is as it was.
  [[nodiscard]] result<void> reload() const;

  /// The plain side of an accepted connection. Errors: `io_error` (descriptors), `internal`.
  [[nodiscard]] result<boost::asio::generic::stream_protocol::socket>
  operator()(boost::asio::generic::stream_protocol::socket accepted) const;

 private:
  struct shared;
  explicit server(std::shared_ptr<shared> made);
  std::shared_ptr<shared> shared_;
};

} // namespace sandfleet::tls
