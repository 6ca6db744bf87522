#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace sandfleet::transport {

/// What an exception out of asynchronous work means: `cancelled` or `internal`.
[[nodiscard]] error describe_exception(const std::exception_ptr& thrown);

/// One cancellable piece of asynchronous work on a strand of its own. `run` and `cancel` may be
/// called from any thread; because both are posted to the same strand, a `cancel` can never
/// overtake the `run` before it. A handle may be dropped at any time: the work goes on.
class op {
 public:
  op() = default;
  explicit op(const boost::asio::any_io_executor& executor)
      : state_(std::make_shared<state>(executor)) {}

  /// Runs `work` and then calls `done(result<T>)` on the strand. An exception out of `work` becomes
  /// an `errc::internal` error, or `errc::cancelled` when it says that it was cancelled.
  template <class T, class Done>
  void run(boost::asio::awaitable<result<T>> work, Done done) const {
    boost::asio::post(state_->strand, [shared = state_, work = std::move(work),
                                       done = std::move(done)]() mutable {
      boost::asio::co_spawn(shared->strand, std::move(work),
                            boost::asio::bind_cancellation_slot(
                                shared->signal.slot(),
                                [shared, done = std::move(done)](const std::exception_ptr& thrown,
                                                                 result<T> outcome) mutable {
                                  if (thrown)
                                    outcome = tl::unexpected(describe_exception(thrown));
                                  done(std::move(outcome));
                                }));
    });
  }

  template <class T, class Done>
  static op start(const boost::asio::any_io_executor& executor,
                  boost::asio::awaitable<result<T>> work, Done done) {
    op started(executor);
    started.run(std::move(work), std::move(done));
    return started;
  }

  /// Asks the work to stop. Harmless when it has ended.
  void cancel() const {
    if (!state_)
      return;
    boost::asio::post(state_->strand, [shared = state_] {
      shared->signal.emit(boost::asio::cancellation_type::all);
    });
  }

 private:
  struct state {
    explicit state(const boost::asio::any_io_executor& executor)
        : strand(boost::asio::make_strand(executor)) {}
    boost::asio::strand<boost::asio::any_io_executor> strand;
    boost::asio::cancellation_signal signal;
  };

  std::shared_ptr<state> state_;
};

/// Awaits `work` as an `op` on `executor`: it runs on a strand of its own, whatever the caller's
/// executor is, and the caller's cancellation slot reaches it without a race.
template <class T>
boost::asio::awaitable<result<T>> run_on(boost::asio::any_io_executor executor,
                                         boost::asio::awaitable<result<T>> work) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(result<T>)>(
      [](auto handler, boost::asio::any_io_executor ex, boost::asio::awaitable<result<T>> w) {
        const op job(ex);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        // The slot is set before the work can complete: afterwards it may be gone.
        if (slot.is_connected())
          slot.assign([job](boost::asio::cancellation_type) { job.cancel(); });
        auto home = boost::asio::get_associated_executor(handler, ex);
        job.run(std::move(w),
                [handler = std::move(handler), home, slot](result<T> outcome) mutable {
                  boost::asio::post(home, [handler = std::move(handler), slot,
                                           outcome = std::move(outcome)]() mutable {
                    if (slot.is_connected())
                      slot.clear();
                    std::move(handler)(std::move(outcome));
                  });
                });
      },
      boost::asio::use_awaitable, std::move(executor), std::move(work));
}

} // namespace sandfleet::transport
