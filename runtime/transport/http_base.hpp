#pragma once

#include "runtime/transport/connector.hpp"
#include "runtime/transport/endpoint.hpp"

#include <memory>
#include <string>
#include <utility>

namespace sandfleet::transport {

/// Where an HTTP service is, and how it is reached.
struct http_base {
  endpoint where;
  std::shared_ptr<connector> by; ///< makes the connections; empty: they are plain
  std::string path;              ///< in front of every target: empty, or "/a/b"
  /// Others answer in its place when it cannot: with 404, 429, 502, 503 or 504.
  bool is_behind_gateway = false;

  http_base() = default;
  http_base(endpoint at) : where(std::move(at)) {}
  http_base(unix_endpoint at) : where(std::move(at)) {}
  http_base(tcp_endpoint at) : where(std::move(at)) {}

  friend bool operator==(const http_base&, const http_base&) = default;
};

} // namespace sandfleet::transport
