#pragma once

#include "runtime/transport/op.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <exception>
#include <future>
#include <memory>
#include <utility>

namespace sandfleet::cli {

/// Runs the engine's awaitables for a thread that waits for each, while any other thread may
/// cancel.
class foreground {
 public:
  explicit foreground(const boost::asio::any_io_executor& executor)
      : state_(std::make_shared<state>(executor)) {}

  /// `errc::cancelled` when `cancel` was called, before or during the wait.
  template <class T>
  result<T> wait(boost::asio::awaitable<result<T>> work) {
    return run(std::move(work), true);
  }

  /// What must be done even after `cancel`, such as taking a sandbox away.
  template <class T>
  result<T> finish(boost::asio::awaitable<result<T>> work) {
    return run(std::move(work), false);
  }

  /// Ends the current `wait` and all later ones.
  void cancel() {
    boost::asio::post(state_->strand, [shared = state_] {
      shared->cancelled = true;
      shared->signal.emit(boost::asio::cancellation_type::all);
    });
  }

 private:
  /// Touched on the strand alone.
  struct state {
    explicit state(const boost::asio::any_io_executor& executor)
        : strand(boost::asio::make_strand(executor)) {}
    boost::asio::strand<boost::asio::any_io_executor> strand;
    boost::asio::cancellation_signal signal;
    bool cancelled = false;
  };

  static error cancelled_error() { return make_error(errc::cancelled, "no longer wanted"); }

  template <class T>
  result<T> run(boost::asio::awaitable<result<T>> work, bool cancellable) {
    auto promise = std::make_shared<std::promise<result<T>>>();
    auto future = promise->get_future();
    boost::asio::post(
        state_->strand, [shared = state_, work = std::move(work), promise, cancellable]() mutable {
          if (cancellable && shared->cancelled) {
            promise->set_value(tl::unexpected(cancelled_error()));
            return;
          }
          const auto slot = cancellable ? shared->signal.slot() : boost::asio::cancellation_slot();
          boost::asio::co_spawn(
              shared->strand, std::move(work),
              boost::asio::bind_cancellation_slot(
                  slot, [promise](const std::exception_ptr& thrown, result<T> outcome) {
                    if (thrown)
                      outcome = tl::unexpected(transport::describe_exception(thrown));
                    promise->set_value(std::move(outcome));
                  }));
        });
    return future.get();
  }

  std::shared_ptr<state> state_;
};

} // namespace sandfleet::cli
