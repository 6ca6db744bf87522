#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

/// What tests of killed processes need: standing still at a stage (runtime/core/test_stop.hpp),
/// finding who belongs to a running `sandfleet`, and a census of what is left.
namespace sandfleet::test {

/// Where processes stand still. Accepts the first that comes; later ones go on.
class stop_point {
 public:
  /// `path` of the socket; as others may see it under another path, the stage is not part of it.
  explicit stop_point(std::string path);
  ~stop_point();
  stop_point(const stop_point&) = delete;
  stop_point& operator=(const stop_point&) = delete;

  /// Waits (at most 20 s) for a process to stand still, and lets all later ones go on. Its number,
  /// or 0 when none came.
  pid_t await();

  /// The one that stands still goes on, if it still can.
  void release();

 private:
  std::string path_;
  int listener_ = -1;
  int stopped_ = -1;
};

/// Whose child is whose below an engine's process, as far as they exist; 0: not there.
struct chain {
  pid_t engine = 0;
  pid_t launcher = 0;
  pid_t init = 0; ///< the agent, or what will become it
  pid_t bash = 0;
};

[[nodiscard]] chain chain_below(pid_t engine);

/// Processes that were seen, held so that their ends can be awaited.
class process_watch {
 public:
  enum class whom { descendants, and_itself };
  explicit process_watch(pid_t root, whom = whom::descendants);
  ~process_watch();
  process_watch(const process_watch&) = delete;
  process_watch& operator=(const process_watch&) = delete;

  /// Text about those that have not ended within half a minute; empty when all have.
  [[nodiscard]] std::string survivors() const;

 private:
  void hold(pid_t pid);
  void hold_below(pid_t parent);

  std::vector<std::pair<pid_t, int>> held_; ///< with its pidfd
};

/// The sandboxes that a state directory has entries of.
[[nodiscard]] std::set<std::string> sandboxes_in(const std::string& state_dir);

/// Text about what is left of these sandboxes on the machine (processes, mounts, control groups);
/// empty when nothing is.
[[nodiscard]] std::string left_on_machine(const std::string& state_dir,
                                          const std::set<std::string>& sandboxes);

/// The same with what is in the state directory.
[[nodiscard]] std::string left_behind(const std::string& state_dir,
                                      const std::set<std::string>& sandboxes);

} // namespace sandfleet::test
