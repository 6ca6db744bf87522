#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Texts by which the kernel and the system's own files say something. Readers alone: whoever
/// opened the file gives its bytes, which may be cut anywhere.
namespace sandfleet::core {

/// What /proc/PID/stat says (proc(5)).
struct process_stat {
  char state = 0;
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_time = 0; ///< in ticks since boot; with the pid it names one process for ever

  [[nodiscard]] bool dead() const noexcept { return state == 'Z' || state == 'X'; }

  friend bool operator==(const process_stat&, const process_stat&) = default;
};

/// The program's name, in parentheses, may hold anything, parentheses and line ends too. Nothing
/// when the line is not whole up to the start time.
[[nodiscard]] std::optional<process_stat> parse_process_stat(std::string_view text) noexcept;

/// The number of a process as a whole text, such as a directory's name in /proc; above 0.
[[nodiscard]] std::optional<pid_t> parse_pid(std::string_view text) noexcept;

/// Those between white space that are the numbers of processes.
[[nodiscard]] std::vector<pid_t> parse_pids(std::string_view text);

/// The number behind "NAME:" at a line's beginning, as /proc/meminfo and /proc/PID/status have it.
[[nodiscard]] std::optional<std::int64_t> named_number(std::string_view text,
                                                       std::string_view name) noexcept;

/// The name of the first account of /etc/passwd that has this number (passwd(5)); empty for none.
[[nodiscard]] std::string_view account_name(std::string_view passwd, uid_t uid);

} // namespace sandfleet::core
