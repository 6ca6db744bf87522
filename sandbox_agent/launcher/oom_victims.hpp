#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace sandfleet::launcher {

/// Who was killed for memory in the control groups of one sandbox, by what the kernel logs of it:
/// a record that names the group and the process, and then one that says how large that was.
class oom_victims {
 public:
  explicit oom_victims(std::string_view id) : group_("/sandfleet-" + std::string(id)) {}

  /// One record of /dev/kmsg, or any other text.
  void read(std::string_view record);

  /// "NAME 62 MiB", or KiB, in the order of their deaths, of at most ten.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string group_;
  std::optional<std::string> next_; ///< how the record that tells of the victim's size begins
  std::size_t count_ = 0;
  std::string text_;
};

/// From the kernel's log; empty where that may not be read.
[[nodiscard]] std::string find_oom_victims(std::string_view id);

} // namespace sandfleet::launcher
