#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/usage.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>

namespace sandfleet::providers::local {

/// What a launcher says (sandbox_agent/README.md), one alternative for each kind of line.
struct limits_told {
  limits_report limits;
  bool can_pause = false;
};
struct warning_told {
  std::string message;
};
struct started_told {
  pid_t process = 0;
};
struct ready_told {};
struct paused_told {
  bool paused = false;
};
struct kept_told {};
struct stopping_told {
  std::string cause; ///< "asked" (by somebody else) or "expired"
};
struct refused_told {
  std::string message;
};
struct failed_told {
  error failure;
};
struct exited_told {
  std::optional<int> exit_code;
  std::optional<int> signal;
  resource_usage usage;
  std::string oom_victims; ///< for people
  std::string log;
};
/// Not an event: what was printed by a launcher that was called wrongly, or that crashed.
struct text_told {
  std::string text;
};

using launcher_event =
    std::variant<limits_told, warning_told, started_told, ready_told, paused_told, kept_told,
                 stopping_told, refused_told, failed_told, exited_told, text_told>;

/// `line` is without its line end.
[[nodiscard]] launcher_event parse_launcher_event(std::string_view line);

} // namespace sandfleet::providers::local
