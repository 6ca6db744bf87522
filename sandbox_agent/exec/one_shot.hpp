#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sandfleet::agent {

class input_feed;
class memory_group;

struct one_shot_settings {
  std::string working_dir;                ///< relative directories of requests are below it
  std::map<std::string, std::string> env; ///< what a process gets unless its environment is clean
  const memory_group* memory = nullptr;   ///< tells of what was killed for memory; outlives calls
};

/// Takes output as it arrives (1 standard output, 2 standard error); while it waits nothing is
/// read, so a process that writes faster than its reader takes is held up by its pipe.
using output_sink = std::function<boost::asio::awaitable<void>(int, std::string_view)>;

/// Runs a process beside the sessions, in a session (setsid) of its own. Completes when it has
/// ended and what it wrote is read; a daemon that it leaves behind may hold its outputs open, and
/// is not waited for. At the request's time-out, and when the awaiting is cancelled, all that it
/// started is killed. With a sink `out` and `err` stay empty. With an input it reads that instead
/// of `stdin_bytes`. Errors: `not_found`, `permission_denied` (program or directory), `io_error`.
boost::asio::awaitable<result<exec_result>>
run_one_shot(exec_request request, const one_shot_settings& settings, output_sink sink = {},
             std::shared_ptr<input_feed> input = nullptr);

} // namespace sandfleet::agent
