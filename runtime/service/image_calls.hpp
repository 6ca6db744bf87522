#pragma once

#include "runtime/service/image_builds.hpp"
#include "runtime/transport/http_server.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

/// The calls of the API that are about images.
namespace sandfleet::service {

boost::asio::awaitable<void> reply_image_exists(image_builds& images,
                                                transport::http_exchange& exchange);
boost::asio::awaitable<void> reply_build(image_builds& images, std::string owner,
                                         transport::http_exchange& exchange);
boost::asio::awaitable<void> reply_build_status(const image_builds& images, std::string owner,
                                                transport::http_exchange& exchange);

} // namespace sandfleet::service
