#pragma once

#include "runtime/providers/provider.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace sandfleet::providers {

struct local_settings {
  std::string agent_program;    ///< absolute
  std::string launcher_program; ///< absolute
  std::string state_dir;        ///< empty: `default_state_dir()`
  std::string default_image = "host";
  isolation_mode default_isolation = isolation_mode::namespaces;
};

/// Sandboxes on this machine, one launcher process each. They die with the provider, or with its
/// process, however that ends, but for those that are kept. Makes the state directory and takes a
/// lease in it, and raises the process's soft limit of open files to the hard one. Its coroutines
/// may block a thread of `executor` for some milliseconds, `recover` for seconds.
[[nodiscard]] result<std::shared_ptr<provider>>
make_local_provider(const boost::asio::any_io_executor& executor, local_settings settings);

} // namespace sandfleet::providers
