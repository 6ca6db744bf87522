#pragma once

#include <cmath>
#include <optional>

namespace sandfleet::batch {

/// To six decimals, as numbers stand in results and summaries.
inline double rounded(double number) {
  return std::abs(number) < 1e9 ? std::round(number * 1e6) / 1e6 : number;
}

inline std::optional<double> rounded(std::optional<double> number) {
  return number ? std::optional(rounded(*number)) : std::nullopt;
}

} // namespace sandfleet::batch
