#pragma once

#include <sandfleet/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::launcher {

/// A failure as bytes, for the pipe between the process that becomes the agent and the launcher.
[[nodiscard]] std::string encode_failure(const error& failure);

/// Reports the failure on `pipe` and ends the process.
[[noreturn]] void report_and_exit(int pipe, const error& failure) noexcept;

/// Nothing when the bytes are not a whole failure.
[[nodiscard]] std::optional<error> decode_failure(std::string_view bytes);

} // namespace sandfleet::launcher
