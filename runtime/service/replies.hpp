#pragma once

#include "runtime/transport/http_server.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace sandfleet::service {

boost::asio::awaitable<void> reply_json(transport::http_exchange& exchange, int status,
                                        std::string body);

/// `{"detail": TEXT, "error": {class, code, message, cause, hint, evidence}}`; with `Retry-After`
/// for 429 and 503.
boost::asio::awaitable<void> reply_failure(transport::http_exchange& exchange, int status,
                                           error why);

/// What a request of the API itself is answered when it fails.
[[nodiscard]] int status_of(const error& why) noexcept;

/// What a request to a sandbox is answered that cannot be passed on: 404 for one that there is not,
/// 503 while it may come back, 502 for one that is lost (which clients take for disconnected).
[[nodiscard]] int status_of_lost(const error& why) noexcept;

} // namespace sandfleet::service
