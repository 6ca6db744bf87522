#pragma once

#include "runtime/transport/blocking_pool.hpp"
#include "runtime/transport/http_server.hpp"
#include "sandbox_agent/exec/one_shot.hpp"
#include "sandbox_agent/exec/program_sources.hpp"
#include "sandbox_agent/exec/shared_terminal.hpp"
#include "sandbox_agent/files/file_actions.hpp"
#include "sandbox_agent/memory/memory_monitor.hpp"
#include "sandbox_agent/options.hpp"
#include "sandbox_agent/server/action_jobs.hpp"
#include "sandbox_agent/sessions.hpp"
#include "sandbox_agent/system_stats.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace sandfleet::agent {

/// What the handlers share. Everything runs on one thread.
struct context {
  context(const boost::asio::any_io_executor& executor, const options& given);

  std::string session_key;
  memory_group memory;
  memory_monitor watches_memory;
  std::string working_dir;
  sessions shells;
  files::file_actions file_actions;
  one_shot_settings one_shot;
  terminal_table terminals;
  action_jobs actions;
  system_stats stats;
  program_sources sources;               ///< as they were before anything ran
  std::stop_source unpacking_ends;       ///< at the agent's end
  transport::blocking_pool unpacking{2}; ///< an archive takes its time
  boost::asio::steady_timer life;        ///< until the agent ends by itself; not set: never
  std::function<void()> end;             ///< what then happens
  bool ready = false;                    ///< the default session is at its prompt
};

} // namespace sandfleet::agent
