#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace sandfleet::transport {

/// A stream socket in the file system. At most 107 bytes of path (sun_path of unix(7)).
struct unix_endpoint {
  std::string path;

  friend bool operator==(const unix_endpoint&, const unix_endpoint&) = default;
};

/// A TCP port; `host` is a name or an address.
struct tcp_endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const tcp_endpoint&, const tcp_endpoint&) = default;
};

using endpoint = std::variant<unix_endpoint, tcp_endpoint>;

/// "unix:/path" or "host:port", for messages.
[[nodiscard]] std::string to_string(const endpoint& where);

/// The value of the header Host (RFC 9110, 7.2): without the port where that is `usual_port`;
/// "localhost" for a unix socket.
[[nodiscard]] std::string host_header(const endpoint& where, std::uint16_t usual_port);

inline constexpr std::uint16_t http_port = 80;
inline constexpr std::uint16_t https_port = 443;

} // namespace sandfleet::transport
