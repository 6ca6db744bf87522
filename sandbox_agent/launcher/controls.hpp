#pragma once

#include "runtime/core/line_splitter.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <sandfleet/error.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::launcher {

/// One who commands the launcher and hears from it, a line each way at a time.
class controller {
 public:
  explicit controller(unique_fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  [[nodiscard]] bool gone() const { return !socket_; }

  /// Hands each whole line of what is there to `on_line`.
  void listen(const std::function<void(std::string_view)>& on_line);

  /// One that does not read is dropped: nobody waits for it.
  void tell(std::string_view lines) noexcept;

 private:
  unique_fd socket_;
  core::line_splitter lines_{128};
};

/// The controllers of a kept sandbox: programs of this user that have connected to its socket.
class controls {
 public:
  using command_handler = std::function<void(std::string_view command, controller& from)>;

  /// From now on programs may connect.
  result<void> open(const std::string& path);

  /// Adds what is to be polled, always the same number for the same controllers.
  void add_to(std::vector<pollfd>& polled) const;

  /// Handles what `add_to` added, polled since. `greeting` is what a new controller is told first.
  void on_polled(std::span<const pollfd> polled, const std::function<std::string()>& greeting,
                 const command_handler& on_command);

  /// Tells all but one.
  void tell(std::string_view lines, const controller* except = nullptr) noexcept;

 private:
  void accept(const std::function<std::string()>& greeting);

  unique_fd listener_;
  std::list<controller> controllers_;
};

} // namespace sandfleet::launcher
