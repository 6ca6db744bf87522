#pragma once

#include "runtime/docker/api.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace sandfleet::providers::docker {

/// Those with a label, "NAME=VALUE", that are sandboxes, whatever they are called now. A container
/// of an image that somebody made of a sandbox has its labels and is none.
[[nodiscard]] boost::asio::awaitable<result<std::vector<sandfleet::docker::container_summary>>>
own_containers(sandfleet::docker::api engine, std::string label);

/// The label that all containers of a sandbox have.
[[nodiscard]] std::string label_of(const sandbox_id& id);

} // namespace sandfleet::providers::docker
