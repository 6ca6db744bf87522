#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sandfleet::agent {

/// Makes characters of the bytes beyond ASCII that come in any pieces. What is ill-formed, and the
/// control characters C1, are given as U+FFFD.
class character_reader {
 public:
  /// Takes a run of bytes beyond ASCII. Unless it `ends` here, a character that it breaks off waits
  /// for the next run.
  [[nodiscard]] std::string read(std::string_view run, bool ends);

  /// Whether a part of a character waits.
  [[nodiscard]] bool waits() const { return !partial_.empty(); }

  void reset() { partial_.clear(); }

 private:
  std::string partial_;
};

} // namespace sandfleet::agent
