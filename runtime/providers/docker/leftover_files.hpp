#pragma once

#include "runtime/docker/api.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace sandfleet::providers::docker {

/// Removes a directory of this machine with all that is in it, or nothing where there is none. What
/// containers wrote there as root, and this user may not remove, is removed by one more container
/// of `image`, by its shell and its rm; empty: of none. `io_error` or `permission_denied` where
/// something stays.
[[nodiscard]] boost::asio::awaitable<result<void>> remove_tree(sandfleet::docker::api engine,
                                                               std::string path, std::string image);

} // namespace sandfleet::providers::docker
