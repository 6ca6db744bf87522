#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sandfleet::transport {

/// How long the header Retry-After asks to wait (RFC 9110, 10.2.3): whole seconds, or an
/// IMF-fixdate; 0 for a date that has passed, a day at most. Nothing when it is neither.
[[nodiscard]] std::optional<std::chrono::milliseconds>
parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

} // namespace sandfleet::transport
