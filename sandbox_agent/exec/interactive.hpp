#pragma once

#include "runtime/transport/websocket.hpp"
#include "sandbox_agent/bash/pty.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace sandfleet::agent {

/// Joins a program on a pty with a client, by the messages of `GET /terminal`, until the program
/// has ended and all is told, or the client has gone or broken the rules: that hangs up, and kills
/// what is left of the process tree a moment later. When this is cancelled it is killed at once.
/// `marker` stands in the program's environment (process_tree.hpp).
boost::asio::awaitable<void> run_interactive(pty_process process, std::string marker,
                                             transport::websocket client);

} // namespace sandfleet::agent
