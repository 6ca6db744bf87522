#pragma once

#include "runtime/providers/local/launcher_event.hpp"
#include "runtime/providers/provider.hpp"

#include <optional>
#include <string>

namespace sandfleet::providers::local {

/// What is known at a launcher's end.
struct end_facts {
  sandbox_id id;
  bool was_ready = false;
  bool was_asked = false; ///< to end
  bool isolated = true;
  bool foreign = false;               ///< another program's, of which nothing is heard
  std::string stopping_cause;         ///< why its launcher took it away, when it said so
  std::optional<int> launcher_status; ///< as of wait(2)
  std::optional<exited_told> exited;
  resource_usage counted; ///< found when nobody had told of an exit
  std::optional<error> failed;
  std::string text; ///< what the launcher printed beside events
};

/// Why it ended, and whose fault that is.
[[nodiscard]] exit_report judge_end(const end_facts& facts);

} // namespace sandfleet::providers::local
