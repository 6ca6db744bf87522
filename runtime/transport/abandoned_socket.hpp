#pragma once

#include <string>

namespace sandfleet::transport {

/// Removes the file of a unix socket that nobody listens on any more. One that answers stays, and
/// so does what is no socket.
void remove_abandoned_socket(const std::string& path);

} // namespace sandfleet::transport
