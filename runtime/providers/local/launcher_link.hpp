#pragma once

#include "runtime/providers/local/processes.hpp"
#include "runtime/transport/child_process.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace sandfleet::providers::local {

/// The way to one launcher, used on one executor. Its destructor closes it, which ends the sandbox
/// of a launcher that is ours and was not told to keep it.
class launcher_link {
 public:
  launcher_link() = default;
  launcher_link(const launcher_link&) = delete;
  launcher_link& operator=(const launcher_link&) = delete;
  virtual ~launcher_link() = default;

  /// What the launcher said, at least one byte; 0 at the end.
  virtual boost::asio::awaitable<result<std::size_t>> read(std::span<char> into) = 0;
  virtual boost::asio::awaitable<result<void>> write(std::string bytes) = 0;
  /// Completes at the launcher's end, after `read` has told the end; the status as of wait(2)
  /// where it is known. To be awaited once.
  virtual boost::asio::awaitable<std::optional<int>> ended() = 0;
  /// Ends `read` as if the launcher had closed.
  virtual void close() = 0;
  virtual void kill(int signal) const noexcept = 0;
};

/// To a launcher that was started here.
[[nodiscard]] std::unique_ptr<launcher_link> link_to(transport::child_process launcher);

/// To the launcher of a kept sandbox, by the socket that it listens on. `connection_failed` when
/// nobody listens.
[[nodiscard]] result<std::unique_ptr<launcher_link>>
link_to(const boost::asio::any_io_executor& executor, const std::string& socket,
        process_hold launcher);

/// To another program's launcher, which can only be watched: `write` is `permission_denied`.
[[nodiscard]] std::unique_ptr<launcher_link>
watch_only(const boost::asio::any_io_executor& executor, process_hold launcher);

} // namespace sandfleet::providers::local
