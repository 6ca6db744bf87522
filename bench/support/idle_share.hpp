#pragma once

#include <cstdint>

namespace sandfleet::bench {

/// How much of the machine's processor time nobody wanted since this was made: near 0 on a machine
/// that is busy with other things, whose figures then tell of those.
class idle_share {
 public:
  idle_share();

  /// 0 to 1; 0 where /proc/stat does not tell.
  [[nodiscard]] double so_far() const;

 private:
  struct times {
    std::uint64_t idle = 0;
    std::uint64_t all = 0;
  };

  static times now();

  times begin_;
};

} // namespace sandfleet::bench
