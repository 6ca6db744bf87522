#pragma once

#include "actors/control_plane.hpp"
#include "runtime/providers/provider.hpp"
#include "runtime/transport/io_pool.hpp"
#include "runtime/transport/op.hpp"

#include <sandfleet/settings.hpp>
#include <sandfleet/status.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sandfleet::engine_detail {

/// Whom changes of state are told to. Thread-safe.
class status_hub {
 public:
  using observer = std::function<void(const status_event&)>;

  /// The observer hears as long as the token lives.
  std::shared_ptr<void> add(observer fn);
  void tell(const status_event& event);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<observer>> observers_;
};

/// What the engine and its sandbox handles share. After `close`, calls answer `shutting_down`.
struct core {
  core(settings s, std::unique_ptr<transport::io_pool> io);

  /// Notes a change of state and tells it on.
  void on_status(const status_event& event);

  /// What `engine::stop` promises.
  boost::asio::awaitable<result<void>> shut_down();

  /// Kills what runs and joins the threads. Not on a thread of the engine.
  void close();

  settings config;
  std::shared_ptr<status_hub> hub = std::make_shared<status_hub>();
  std::unique_ptr<transport::io_pool> pool;
  std::vector<std::shared_ptr<providers::provider>> providers;
  std::unique_ptr<actors::control_plane> control;
  std::atomic<bool> closed{false};

 private:
  boost::asio::awaitable<result<void>> stop_kept();
};

/// Turns an exception, which is how Asio reports a cancelled wait, into an error.
template <class T>
boost::asio::awaitable<result<T>> guarded(boost::asio::awaitable<result<T>> work) {
  try {
    co_return co_await std::move(work);
  } catch (...) {
    co_return fail(transport::describe_exception(std::current_exception()));
  }
}

} // namespace sandfleet::engine_detail
