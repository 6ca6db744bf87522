#pragma once

#include "runtime/docker/types.hpp"
#include "runtime/providers/provider.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sandfleet::providers::docker {

/// What is known at a container's end.
struct end_facts {
  sandbox_id id;
  bool was_ready = false;
  bool was_asked = false;                ///< to end
  bool lived_its_time = false;           ///< kept for so long and no longer
  bool engine_was_away = false;          ///< before the end was seen
  bool ended_by_engine = false;          ///< it stopped, or was started anew
  std::optional<int> sent_signal;        ///< by the engine, last, since somebody asked it to
  bool end_was_told = false;             ///< by the engine's events, which say the above first
  std::int64_t oom_kills = 0;            ///< that the engine has told of
  std::optional<std::int64_t> memory_mb; ///< the limit, where it is known
  std::optional<sandfleet::docker::container_info> container; ///< after its end
  std::string log;                                            ///< the end of what its agent printed
  resource_usage usage;
};

/// Whether it ended as it does when somebody tells it to: with SIGTERM, upon which the agent ends
/// as if by itself, or with SIGKILL.
[[nodiscard]] bool may_be_told_to_end(const end_facts& facts);

/// Why it ended, and whose fault that is.
[[nodiscard]] exit_report judge_end(const end_facts& facts);

} // namespace sandfleet::providers::docker
