#pragma once

#include "runtime/transport/websocket.hpp"
#include "sandbox_agent/exec/shared_terminal.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace sandfleet::agent {

/// Lets a client watch a terminal and type into it, by the messages of `GET /terminal`, until the
/// program has ended and all is told, or the client has gone or broken the rules. `greeting` is the
/// first message. Cancelling is told to the client.
boost::asio::awaitable<void> view_terminal(std::shared_ptr<shared_terminal> terminal,
                                           transport::websocket client, std::string greeting,
                                           window_size size);

} // namespace sandfleet::agent
