#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace sandfleet::batch {

/// Time as the runner sees it; a test has its own.
class timekeeper {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~timekeeper() = default;
  [[nodiscard]] virtual time_point now() const = 0;
  /// Returns early when the coroutine is cancelled.
  virtual boost::asio::awaitable<void> wait(std::chrono::milliseconds time) = 0;
};

/// The machine's monotonic clock.
class system_timekeeper final : public timekeeper {
 public:
  [[nodiscard]] time_point now() const override;
  boost::asio::awaitable<void> wait(std::chrono::milliseconds time) override;
};

} // namespace sandfleet::batch
