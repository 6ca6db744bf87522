#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/usage.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace sandfleet::launcher {

/// The lines on standard output, each with its line end; README.md says what they mean.
[[nodiscard]] std::string limits_event(const limits_report& limits, bool can_pause);
[[nodiscard]] std::string warning_event(std::string_view message);
[[nodiscard]] std::string started_event(pid_t process);
[[nodiscard]] std::string paused_event(bool paused);
/// The sandbox outlives its owner, by so many milliseconds; 0: without end.
[[nodiscard]] std::string kept_event(std::int64_t life_ms);
/// Why it is about to end: "asked" or "expired".
[[nodiscard]] std::string stopping_event(std::string_view cause);
[[nodiscard]] std::string refused_event(std::string_view command, const error& why);
[[nodiscard]] std::string failed_event(const error& failure, std::string_view log);

/// `status` is that of wait(2), `victims` who was killed for memory (`oom_victims`).
[[nodiscard]] std::string exited_event(int status, const resource_usage& usage,
                                       std::string_view log, std::string_view victims = {});

/// Writes whole lines to standard output; a reader that is gone is no failure.
void emit(std::string_view lines) noexcept;

} // namespace sandfleet::launcher
