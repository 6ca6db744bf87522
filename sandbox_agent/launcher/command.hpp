#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandfleet::launcher {

/// What the launcher is told, a line each: `stop MILLISECONDS`, `pause`, `resume`, `keep
/// MILLISECONDS`.
struct command {
  enum class kind : std::uint8_t { stop, pause, resume, keep };
  kind what = kind::stop;
  std::chrono::milliseconds span{0}; ///< grace of a stop, life of what is kept; in bounds

  friend bool operator==(const command&, const command&) = default;
};

inline constexpr std::chrono::milliseconds longest_grace{3'600'000};
inline constexpr std::chrono::milliseconds longest_life{100LL * 365 * 86'400'000};

/// Nothing when the line is no command.
[[nodiscard]] std::optional<command> parse_command(std::string_view line);

} // namespace sandfleet::launcher
