#pragma once

namespace sandfleet::tests {

/// A sanitizer's programs need the machine's libraries, which no image holds, and answer signals
/// that the programs themselves leave alone.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

} // namespace sandfleet::tests
