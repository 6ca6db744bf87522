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

} // namespace sandfleet::transport
