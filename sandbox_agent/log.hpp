#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What the agent says on standard error, for whoever reads its container's log.
namespace sandfleet::agent {

enum class log_level { info, warning, error };

/// From now on each entry is a line of JSON with `message`, the level under this name and
/// `timestamp` (ISO 8601, UTC), as the reference's LOG_JSON has it; else a line of plain text.
void log_as_json(std::string level_key);

/// One entry by one write. What cannot be written is lost.
void log(log_level level, std::string_view message);

/// The text of an entry, its line end included.
[[nodiscard]] std::string log_line(log_level level, std::string_view message,
                                   const std::optional<std::string>& json_level_key,
                                   std::chrono::system_clock::time_point when);

} // namespace sandfleet::agent
