#pragma once

#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::transport {

/// Where an HTTP service is: `http://HOST[:PORT][/PATH]` or `https://...`.
struct base_url {
  bool is_secure = false; ///< https
  tcp_endpoint where;     ///< port 80 or 443 where none was written
  std::string path; ///< as it was written, in front of targets: empty, or "/a/b" without a last '/'

  friend bool operator==(const base_url&, const base_url&) = default;
};

/// Errors: `invalid_argument`, saying what is wrong: another scheme, no host, no such port, a user,
/// a query or a fragment, blanks, or bytes beyond ASCII.
[[nodiscard]] result<base_url> parse_base_url(std::string_view text);

/// HOST, HOST:PORT or [ADDRESS]:PORT with a port from 1 to 65535; nothing when it is none of them.
[[nodiscard]] std::optional<tcp_endpoint> parse_authority(std::string_view text,
                                                          std::uint16_t usual_port);

} // namespace sandfleet::transport
