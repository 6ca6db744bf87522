#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <sys/types.h>

namespace sandfleet::agent {

/// Takes orphans that end: those given to us as PID 1 or as a subreaper, which the constructor
/// makes us. Never waits for a child that a component waits for.
class reaper {
 public:
  /// `is_shell`: whether a process is a session's shell, which its session waits for.
  reaper(const boost::asio::any_io_executor& executor, std::function<bool(pid_t)> is_shell);
  ~reaper();
  reaper(const reaper&) = delete;
  reaper& operator=(const reaper&) = delete;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// Kills every process but ourselves: as PID 1 all that there are, otherwise all that we started
/// and what those started. All are dead (zombies at most) on return, but for those that the kernel
/// cannot kill within some seconds. Returns how many they were.
int kill_everything();

} // namespace sandfleet::agent
