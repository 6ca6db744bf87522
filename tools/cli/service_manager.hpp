#pragma once

#include <string_view>

namespace sandfleet::cli {

/// Tells whoever started this process as a service, such as systemd, how it goes: "READY=1". Does
/// nothing without NOTIFY_SOCKET.
void tell_service_manager(std::string_view state);

} // namespace sandfleet::cli
