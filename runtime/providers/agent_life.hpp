#pragma once

#include "runtime/providers/provider.hpp"
#include "runtime/providers/registry.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace sandfleet::providers {

/// Notes in the record that the sandbox is kept for so long from now on; 0: without end.
void set_life(sandbox_record& record, std::chrono::milliseconds life);

/// Has the sandbox's agent end by itself, whoever is there then. `not_found`: it is none of ours.
boost::asio::awaitable<result<void>> tell_life(boost::asio::any_io_executor executor,
                                               instance where, std::chrono::milliseconds life);

/// Whether the time to live of a kept one is over.
[[nodiscard]] bool has_expired(const sandbox_record& record);

} // namespace sandfleet::providers
