#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sandfleet::batch {

/// How a sandbox ended.
struct sandbox_end {
  resource_usage usage;
  std::optional<error> failure; ///< set when it had ended before it was asked to
};

/// What a task needs of a sandbox: the calls of `sandfleet::sandbox`, with their meanings. An
/// interface, so that the runner can be tried against a scripted one.
class task_sandbox {
 public:
  virtual ~task_sandbox() = default;

  [[nodiscard]] virtual std::string id() const = 0;
  [[nodiscard]] virtual limits_report limits() const = 0;

  virtual boost::asio::awaitable<result<command_result>> run(command_request request) = 0;
  virtual boost::asio::awaitable<result<exec_result>> exec(exec_request request) = 0;
  virtual boost::asio::awaitable<result<void>> write_file(std::string path, std::string bytes,
                                                          std::uint32_t mode) = 0;
  virtual boost::asio::awaitable<result<file_content>> read_file(std::string path,
                                                                 std::size_t max_bytes) = 0;
  virtual boost::asio::awaitable<result<std::vector<std::string>>> glob(std::string pattern) = 0;
  virtual boost::asio::awaitable<result<void>> kill_processes() = 0;
  virtual boost::asio::awaitable<result<sandbox_end>> stop() = 0;
};

/// Starts sandboxes. After an error nothing of one is left.
class sandbox_source {
 public:
  virtual ~sandbox_source() = default;
  virtual boost::asio::awaitable<result<std::unique_ptr<task_sandbox>>>
  start(sandbox_spec spec) = 0;
};

} // namespace sandfleet::batch
