#pragma once

#include "actors/bridge.hpp"
#include "actors/protocols.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace sandfleet::actors {

/// The engine's probe, as in control_plane.hpp.
using probe_function = std::function<boost::asio::awaitable<result<void>>(
    transport::http_base, std::chrono::milliseconds)>;

struct health_port_state {
  static inline const char* name = "health_port";

  probe_function probe;
  boost::asio::any_io_executor io;
  std::optional<work_table<health_port_actor, owed_outcome>> work;
};

health_port_actor::behavior_type
health_port(health_port_actor::stateful_pointer<health_port_state> self, probe_function probe,
            boost::asio::any_io_executor io);

} // namespace sandfleet::actors
