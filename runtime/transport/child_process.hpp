#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sandfleet::transport {

/// A program to run. It gets the caller's environment, a session of signals as they usually are,
/// and no descriptor but those named here.
struct child_command {
  std::string program; ///< a path
  std::vector<std::string> arguments;
  std::vector<int> descriptors; ///< become 3, 4, ... of the child; the caller keeps its own
};

/// A running child. Its standard input, output and error are one stream socket, so that it costs
/// two descriptors, that socket and a pidfd. Neither is inherited by other children: the end of the
/// stream is a true lifeline in both directions. Not thread-safe: used on one executor at a time.
class child_process {
 public:
  /// The caller's memory is not copied, whatever its size (vfork).
  static result<child_process> start(const boost::asio::any_io_executor& executor,
                                     const child_command& command);

  child_process(child_process&&) noexcept;
  child_process& operator=(child_process&&) noexcept;
  /// Closes the stream. A child that was not waited for goes on, and is a zombie at its end.
  ~child_process();

  [[nodiscard]] pid_t id() const noexcept;

  /// What the child wrote, at least one byte; 0 at the end.
  boost::asio::awaitable<result<std::size_t>> read(std::span<char> into);
  boost::asio::awaitable<result<void>> write(std::string bytes);

  /// Completes at the child's end with its status as of wait(2). To be awaited once.
  boost::asio::awaitable<result<int>> wait();

  /// Ends what is awaited here; the child goes on, and is a zombie at its end.
  void close();

  /// Only before `wait` has completed: afterwards the number may mean another process.
  void kill(int signal) const noexcept;

 private:
  struct impl;
  explicit child_process(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::transport
